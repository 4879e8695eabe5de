"""The matrices of short filters, in exact numbers."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tilegrad.schedule.toom_cook import make_filter

NUMBERS = st.fractions(-9, 9, max_denominator=9)


@given(st.data(), st.integers(1, 4), st.integers(1, 4))
def test_the_algorithm_gives_the_sliding_sums(data, results, taps):
    count = results + taps - 1
    points = data.draw(st.lists(NUMBERS, min_size=count - 1, max_size=count - 1, unique=True))
    inputs = data.draw(st.lists(NUMBERS, min_size=count, max_size=count))
    factors = data.draw(st.lists(NUMBERS, min_size=taps, max_size=taps))
    matrices = make_filter(results, taps, points)
    first = [_dot(row, inputs) for row in matrices.inputs]
    second = [_dot(row, factors) for row in matrices.taps]
    products = [one * other for one, other in zip(first, second, strict=True)]
    assert len(products) == count
    found = [_dot(row, products) for row in matrices.results]
    assert found == [_dot(factors, inputs[at : at + taps]) for at in range(results)]


def _dot(row, values) -> Fraction:
    return sum((one * other for one, other in zip(row, values, strict=True)), Fraction(0))

"""Quotients and remainders of positions in loops: what is read by them, and how."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.language.running import run
from tilegrad import Tensor, kernel
from tilegrad.engine.explain import explain


@kernel
def looked_up(build, table, places, start, step, distance, divisor):
    rows, columns = places.shape
    found = [build.output(places.shape, table.dtype) for _ in range(2)]
    row = build.grid(rows)
    with build.loop(start, columns, step) as loop:
        place = loop.span.positions + row * distance
        inside = loop.span.positions < columns
        found[0].store((row, loop.span), table[place // divisor], mask=inside)
        found[1].store((row, loop.span), table[place % divisor], mask=inside)
    return tuple(found)


@settings(max_examples=40)
@given(
    st.integers(0, 40),
    st.sampled_from([1, 4, 16, 24, 32, 64]),
    st.sampled_from([0, 1, 7, 16, 64, 96]),
    st.sampled_from([1, 3, 4, 16, 32, 48]),
)
def test_quotients_in_loops(start, step, distance, divisor):
    table = numpy.random.default_rng(0).standard_normal(512, numpy.float32)
    places = numpy.zeros((3, 130), numpy.float32)
    parameters = start, step, distance, divisor
    place = numpy.arange(start, 130) + numpy.arange(3)[:, None] * distance
    quotients, remainders = run(looked_up, table, places, *parameters, device="cpu")
    numpy.testing.assert_array_equal(quotients[:, start:], table[place // divisor])
    numpy.testing.assert_array_equal(remainders[:, start:], table[place % divisor])


@pytest.mark.parametrize("block", [16, 32])
def test_what_a_block_shares_is_read_once(block):
    levels = Tensor.zeros(64, 1024 // block, block).contiguous().realize()
    scales = Tensor.ones(64, 1024 // block).contiguous().realize()
    (found,) = explain((levels * scales.unsqueeze(2)).reshape(64, 1024).sum(1)).kernels
    assert "//" in found.program
    assert "read_scattered" not in found.linear
    assert "divide" not in found.linear

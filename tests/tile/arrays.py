"""Hypothesis strategies for arrays of any dtype."""

from __future__ import annotations

import numpy
from hypothesis import strategies as st

from tilegrad.ir.dtype import DType

SPECIAL = [0.0, -0.0, 1.0, -1.0, numpy.inf, -numpy.inf, numpy.nan, 0.5, 3.0]


@st.composite
def arrays(draw: st.DrawFn, dtype: DType, shape: tuple[int, ...]) -> numpy.ndarray:
    """An array with many equal elements and, if it holds floats, special values."""
    random = numpy.random.default_rng(draw(st.integers(0, 1 << 32)))
    count = int(numpy.prod(shape))
    if dtype.is_boolean:
        return random.integers(0, 2, count).astype(bool).reshape(shape)
    if dtype.is_float:
        values = random.standard_normal(count) * 3
        with numpy.errstate(invalid="ignore"):
            if draw(st.booleans()):
                values = numpy.where(
                    random.random(count) < 0.4, random.choice(SPECIAL, count), values
                )
            return values.astype(dtype.numpy).reshape(shape)
    span = draw(st.sampled_from([5, 100, None]))
    low, high = int(dtype.minimum), int(dtype.maximum)
    if span is not None:
        low, high = max(low, -span), min(high, span)
    return random.integers(low, high, count, dtype.numpy, endpoint=True).reshape(shape)


def shapes(largest: int = 40) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of up to three axes, with small and some longer sizes."""
    size = st.integers(0, 4) | st.integers(1, largest)
    return (
        st.lists(size, min_size=1, max_size=3)
        .map(tuple)
        .filter(lambda shape: numpy.prod(shape) <= 20 * largest)
    )

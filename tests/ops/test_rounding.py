from __future__ import annotations

import math

import numpy
import pytest

from tests.ops.building import Arrays
from tilegrad.ir.dtype import STORABLE, DType
from tilegrad.ops.rounding import next_after

FLOATS = [dtype for dtype in STORABLE if dtype.is_float]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_next_after_steps_to_the_neighbouring_bits(dtype: DType):
    one = numpy.array([1.0, -1.0, 1.5], dtype.numpy)
    bits = one.view(f"uint{dtype.bits}")
    for target, step in ((8.0, (1, -1, 1)), (-8.0, (-1, 1, -1))):
        arrays = Arrays()
        node = next_after(arrays.leaf(one), arrays.leaf(numpy.array(target, dtype.numpy)))
        neighbours = arrays.value(node).view(bits.dtype)
        assert (neighbours.astype(object) - bits.astype(object)).tolist() == list(step)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_next_after_at_the_edges(dtype: DType):
    arrays = Arrays()
    x = arrays.leaf(numpy.array([0.0, -0.0, 1.0, math.nan, 1.0], dtype.numpy))
    y = arrays.leaf(numpy.array([1.0, -1.0, 1.0, 1.0, math.nan], dtype.numpy))
    result = arrays.value(next_after(x, y))
    least = numpy.array(1, f"uint{dtype.bits}").view(dtype.numpy).astype(float)
    expected = [least, -least, 1.0, math.nan, math.nan]
    numpy.testing.assert_array_equal(result.astype(float), expected)

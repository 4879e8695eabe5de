from __future__ import annotations

import math
from fractions import Fraction

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.rounding import nearest
from tests.ops.building import Arrays
from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ops import arithmetic

FLOATS = [dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64]


def exact_fused(x: float, y: float, z: float, dtype: DType) -> float:
    """Return x·y + z rounded once (for float16 and bfloat16 to float32 first)."""
    if not all(map(math.isfinite, (x, y, z))):
        return x * y + z
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        return x * y + z if x == 0 or y == 0 else 0.0
    wide = nearest(exact, dtypes.float32) if dtype.bits < 32 else exact
    return nearest(wide, dtype)


@given(st.sampled_from(FLOATS), st.lists(st.floats(width=16), min_size=3, max_size=3))
def test_fused_multiply_add_of_short_numbers(dtype: DType, values: list[float]):
    check_fused(dtype, values)


@given(st.sampled_from(FLOATS[2:]), st.lists(st.floats(width=32), min_size=3, max_size=3))
def test_fused_multiply_add(dtype: DType, values: list[float]):
    check_fused(dtype, values)


@pytest.mark.parametrize("dtype", FLOATS[2:], ids=str)
def test_fused_multiply_add_keeps_the_exact_product(dtype: DType):
    epsilon = 2.0**-dtype.mantissa
    # The product is 1 - epsilon², which rounds to 1: only a fused sum sees the difference.
    check_fused(dtype, [1 + epsilon, 1 - epsilon, -1.0])


@pytest.mark.parametrize("dtype", FLOATS[2:], ids=str)
def test_fused_multiply_add_rounds_once(dtype: DType):
    half = 2.0 ** -(dtype.mantissa + 1)
    # 1 + 2 half + half is a tie; a term far below the last place of float64 decides it.
    check_fused(dtype, [half, 1 + 2 * half, 1 + 2 * half])
    check_fused(dtype, [half, 1 - 2 * half, 1.0])


def check_fused(dtype: DType, values: list[float]) -> None:
    """Compare with exact fractions."""
    arrays = Arrays()
    with numpy.errstate(all="ignore"):
        rounded = [numpy.array(value).astype(dtype.numpy) for value in values]
    node = arithmetic.fused_multiply_add(*map(arrays.leaf, rounded))
    actual, expected = float(arrays.value(node)), exact_fused(*map(float, rounded), dtype)
    if math.isnan(expected):
        assert math.isnan(actual)
        return
    assert actual == expected
    assert math.copysign(1, actual) == math.copysign(1, expected)


def test_fused_multiply_add_beyond_the_range():
    check_fused(dtypes.float64, [1e200, 1e200, -1e308])
    check_fused(dtypes.float64, [1e160, 1e150, -1.7e308])
    check_fused(dtypes.float64, [-1e-200, 1e-200, 0.0])


def test_sign_of_floats():
    arrays = Arrays()
    x = arrays.leaf([0.0, -0.0, 2.5, -1e-300, math.inf, -math.inf, math.nan])
    expected = [0.0, 0.0, 1.0, -1.0, 1.0, -1.0, math.nan]
    numpy.testing.assert_array_equal(arrays.value(arithmetic.sign(x)), expected)


def test_dtypes_must_agree():
    arrays = Arrays()
    x, y = arrays.leaf(numpy.float32(1)), arrays.leaf(numpy.float64(1))
    with pytest.raises(DTypeError, match="add: the dtypes differ"):
        arithmetic.add(x, y)


def test_division_is_for_floats():
    x = Arrays().leaf(numpy.int32(1))
    with pytest.raises(DTypeError, match="divide does not take this dtype"):
        arithmetic.divide(x, x)

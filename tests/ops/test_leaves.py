from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.rounding import decode_float8, nearest
from tests.ops.building import Arrays, size
from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.leaves import (
    BufferAttributes,
    ConstantAttributes,
    IotaAttributes,
    Storage,
    SymbolAttributes,
    buffer,
    constant,
    constant_op,
    iota,
    symbol,
    value_of,
)

FLOATS = [dtype for dtype in STORABLE if dtype.is_float]
INTEGERS = [dtype for dtype in STORABLE if dtype.is_integer]


@given(st.floats(), st.sampled_from(FLOATS))
def test_float_constants_round_once(value: float, dtype: DType):
    actual, expected = value_of(constant(value, dtype)), nearest(value, dtype)
    if math.isnan(expected):
        assert math.isnan(actual)
        return
    assert actual == expected
    assert math.copysign(1, actual) == math.copysign(1, expected)


@given(st.integers(-(2**70), 2**70), st.sampled_from(INTEGERS))
def test_integer_constants_wrap(value: int, dtype: DType):
    actual = value_of(constant(value, dtype))
    assert (actual - value) % (1 << dtype.bits) == 0
    assert dtype.minimum <= actual <= dtype.maximum


@given(st.integers(-(2**100), 2**100))
def test_index_constants_are_exact(value: int):
    assert value_of(constant(value, dtypes.index)) == value


@pytest.mark.parametrize("dtype", [dtypes.float8_e4m3, dtypes.float8_e5m2], ids=str)
def test_float8_bits(dtype: DType):
    for bits in range(256):
        node = constant_op(attributes=ConstantAttributes(dtype, bits))
        actual, expected = value_of(node), decode_float8(bits, dtype)
        assert actual == expected or (math.isnan(actual) and math.isnan(expected))


def test_equal_constants_are_one_node():
    assert constant(1, dtypes.float32) is constant(1.0, dtypes.float32)
    assert constant(0.0, dtypes.float32) is not constant(-0.0, dtypes.float32)
    assert constant(math.nan, dtypes.float32) is constant(math.nan, dtypes.float32)
    assert constant(True, dtypes.bool) is constant(3, dtypes.bool)


@pytest.mark.parametrize("dtype", [*STORABLE, dtypes.index], ids=str)
def test_constants_evaluate(dtype: DType):
    (array,) = evaluate([constant(1, dtype)], {}.__getitem__, {})
    assert array.dtype == dtype.numpy
    assert array.shape == ()
    assert array == 1


@pytest.mark.parametrize("value", [0.5, math.inf, math.nan])
def test_whole_constants_refuse_fractions(value: float):
    with pytest.raises(ArgumentError, match="must be whole"):
        constant(value, dtypes.int32)


def test_only_constants_have_a_value():
    with pytest.raises(ArgumentError, match="only a constant"):
        value_of(size("n"))


def test_void_has_no_constants():
    with pytest.raises(DTypeError):
        constant_op(attributes=ConstantAttributes(dtypes.void, 0))


def test_storages_are_compared_by_identity():
    first, second = (Storage("cpu", dtypes.int8, 4) for _ in range(2))
    assert first != second
    assert buffer(attributes=BufferAttributes(first, (4,), 0)) is not buffer(
        attributes=BufferAttributes(second, (4,), 0)
    )


def test_buffer_must_fit_its_storage():
    storage = Storage("cpu", dtypes.int8, 4)
    with pytest.raises(ShapeError, match="too small"):
        buffer(attributes=BufferAttributes(storage, (5,), 0))


def test_symbol_needs_sensible_bounds():
    with pytest.raises(ArgumentError, match="exclude every value"):
        symbol(attributes=SymbolAttributes("n", 3, 2))


def test_iota_counts_along_one_axis():
    node = iota(attributes=IotaAttributes((2, 3), 1))
    assert Arrays().value(node).tolist() == [[0, 1, 2], [0, 1, 2]]
    node = iota(attributes=IotaAttributes((size("n"), 2), 0))
    numpy.testing.assert_array_equal(Arrays().value(node, n=3), [[0, 0], [1, 1], [2, 2]])
    with pytest.raises(ShapeError, match="axis"):
        iota(attributes=IotaAttributes((2, 3), 2))

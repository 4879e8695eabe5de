import operator

import hypothesis.strategies as st
import numpy
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from tests.tensor.support import FLOATS, SMALL_INTEGERS, check, random_array
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, DeviceError, DTypeError, ShapeError

OPERATORS = (operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod)


@pytest.mark.parametrize("function", OPERATORS)
@pytest.mark.parametrize("dtype", [*SMALL_INTEGERS, dtypes.float32, dtypes.float64], ids=str)
def test_operators_are_those_of_numpy(function, dtype):
    left, right = random_array((3, 4), dtype), random_array((4,), dtype, seed=1)
    right = numpy.where(right == 0, numpy.ones_like(right), right)
    with numpy.errstate(all="ignore"):
        check(function(Tensor(left), Tensor(right)), function(left, right))
        check(function(Tensor(left), 3), function(left, dtype.numpy.type(3)))
        check(function(7, Tensor(right)), function(dtype.numpy.type(7), right))


@pytest.mark.parametrize("function", [operator.add, operator.mul, operator.truediv])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_narrow_floats_round_once(function, dtype):
    left, right = random_array((64,), dtype), random_array((64,), dtype, seed=1)
    wide = function(left.astype(numpy.float32), right.astype(numpy.float32))
    expected = function(left, right) if dtype.bits > 32 else wide.astype(dtype.numpy)
    numpy.testing.assert_array_equal(
        function(Tensor(left), Tensor(right)).numpy().view(f"u{dtype.itemsize}"),
        expected.view(f"u{dtype.itemsize}"),
    )


@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3),
    data=st.data(),
)
def test_broadcasting_is_that_of_numpy(shapes, data):
    left, right = (random_array(shape) for shape in shapes.input_shapes)
    result = Tensor(left) + Tensor(right)
    assert result.shape == shapes.result_shape
    numpy.testing.assert_array_equal(result.numpy(), left + right)
    numpy.testing.assert_array_equal((Tensor(right) < Tensor(left)).numpy(), right < left)


def test_python_numbers_adapt_to_the_tensor():
    assert (Tensor([1, 2]) + 1.5).dtype is dtypes.float32
    assert (Tensor([1, 2]) + 1).dtype is dtypes.int64
    assert (Tensor([1, 2], dtype="int8") + 1).dtype is dtypes.int8
    assert (Tensor([1.0], dtype=dtypes.float16) + 1.5).dtype is dtypes.float16
    assert (Tensor([True]) + 1).dtype is dtypes.int64
    assert (Tensor([True]) + True).dtype is dtypes.bool
    assert (Tensor([1, 2]) + numpy.float64(0.5)).dtype is dtypes.float32
    assert (Tensor([1, 2]) / 2).dtype is dtypes.float32
    assert (Tensor([1.0], dtype="float16") + Tensor([1.0], dtype="bfloat16")).dtype is (
        dtypes.float32
    )


def test_division_by_zero():
    numpy.testing.assert_array_equal((Tensor([1, -1, 0]) // 0).numpy(), [0, 0, 0])
    numpy.testing.assert_array_equal((Tensor([1, -1, 0]) % 0).numpy(), [0, 0, 0])
    numpy.testing.assert_array_equal(
        (Tensor([1.0, -1.0, 0.0]) / 0.0).numpy(), [numpy.inf, -numpy.inf, numpy.nan]
    )


def test_division_rounds_as_told():
    left, right = random_array((50,), dtypes.int32), random_array((50,), dtypes.int32, seed=1)
    right = numpy.where(right == 0, 5, right)
    a, b = Tensor(left), Tensor(right)
    quotient = left.astype(numpy.float64) / right
    check(a.div(b, rounding_mode="trunc"), numpy.trunc(quotient).astype(numpy.int32))
    check(a.div(b, rounding_mode="floor"), numpy.floor(quotient).astype(numpy.int32))
    check(a.fmod(b), numpy.fmod(left, right))
    with pytest.raises(ArgumentError, match="rounding mode"):
        a.div(b, rounding_mode="up")


def test_integers_wrap():
    check(Tensor([127], dtype="int8") + 1, numpy.array([-128], numpy.int8))
    check(Tensor([0], dtype="uint8") - 1, numpy.array([255], numpy.uint8))
    check(-Tensor([-128], dtype="int8"), numpy.array([-128], numpy.int8))


@pytest.mark.parametrize("dtype", [dtypes.int8, dtypes.uint8, dtypes.int32, dtypes.uint64], ids=str)
def test_shifts_and_bits(dtype):
    values = random_array((40,), dtype)
    counts = numpy.arange(40).astype(dtype.numpy) % dtype.bits
    check(Tensor(values) << Tensor(counts), values << counts)
    check(Tensor(values) >> Tensor(counts), values >> counts)
    check(Tensor(values) & 6, values & dtype.numpy.type(6))
    check(Tensor(values) | 6, values | dtype.numpy.type(6))
    check(Tensor(values) ^ 6, values ^ dtype.numpy.type(6))
    check(~Tensor(values), ~values)


def test_shift_counts_beyond_the_width():
    assert (Tensor([1, -8], dtype="int32") << 40).tolist() == [0, 0]
    assert (Tensor([1, -8], dtype="int32") >> 40).tolist() == [0, -1]


def test_bools_take_logic():
    a, b = Tensor([True, False, True]), Tensor([True, True, False])
    assert (a + b).tolist() == [True, True, True]
    assert (a * b).tolist() == [True, False, False]
    assert (a & b).tolist() == [True, False, False]
    assert (~a).tolist() == [False, True, False]
    with pytest.raises(DTypeError):
        a - b
    with pytest.raises(DTypeError, match="logical_not"):
        a.neg()


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 5, 0.5, -1, -2, 1.7])
def test_powers_by_numbers(exponent):
    values = numpy.abs(random_array((20,))) + 0.1
    check(Tensor(values) ** exponent, values ** numpy.float32(exponent), tolerance=1e-5)


@pytest.mark.parametrize("dtype", SMALL_INTEGERS, ids=str)
def test_integer_powers_wrap(dtype):
    base, exponent = random_array((60,), dtype), numpy.arange(60).astype(dtype.numpy) % 11
    check(Tensor(base) ** Tensor(exponent), base**exponent)
    check(Tensor(base) ** 5, base ** dtype.numpy.type(5))


def test_integers_to_negative_powers():
    base = Tensor([1, -1, -1, 2, 0])
    assert (base ** Tensor([-3, -3, -2, -1, -1])).tolist() == [1, -1, 1, 0, 0]
    with pytest.raises(ArgumentError, match="negative power"):
        base**-1


def test_powers_of_special_values():
    base = numpy.array([0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, -2.0, 1.0], numpy.float32)
    for exponent in (0.0, 3.0, -1.0, numpy.inf, numpy.nan, 1.5):
        other = numpy.full(7, exponent, numpy.float32)
        with numpy.errstate(all="ignore"):
            check(Tensor(base) ** Tensor(other), base**other)


def test_numpy_arrays_leave_operators_to_the_tensor():
    array = numpy.ones(3, numpy.float32)
    assert isinstance(array + Tensor([1.0, 2.0, 3.0]), Tensor)
    assert isinstance(Tensor([1.0, 2.0, 3.0]) * array, Tensor)
    assert (numpy.float32(2) * Tensor([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_misfits_fail_at_once():
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(4,\)"):
        Tensor.ones(2, 3) + Tensor.ones(4)
    with pytest.raises(ArgumentError, match="fit into uint8"):
        Tensor([1], dtype="uint8") + 300
    with pytest.raises(DeviceError, match="different devices"):
        Tensor([1.0], device="reference") + Tensor([1.0], device="cpu")
    with pytest.raises(TypeError):
        Tensor([1]) + "text"

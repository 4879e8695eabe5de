import numpy
import pytest
import torch

from tests.tensor.support import FLOATS, SMALL_INTEGERS, check, random_array, to_torch
from tilegrad import Tensor, Variable, dtypes, jit


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [*SMALL_INTEGERS, dtypes.bool, dtypes.float32], ids=str)
def test_running_sums_are_those_of_torch(axis, dtype):
    array = random_array((4, 6), dtype)
    check(Tensor(array).cumsum(axis), to_torch(array).cumsum(axis), tolerance=1e-5)
    check(Tensor(array).cumprod(axis), to_torch(array).cumprod(axis), tolerance=1e-5)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_running_sums_of_floats_keep_their_dtype(dtype):
    array = random_array((40,), dtype)
    expected = array.astype(numpy.float64).cumsum().astype(dtype.numpy)
    check(Tensor(array).cumsum(), expected, tolerance=None if dtype.bits < 32 else 1e-5)
    assert Tensor(array).cumsum(dtype="float64").dtype is dtypes.float64


@pytest.mark.parametrize("name", ["cummax", "cummin"])
@pytest.mark.parametrize("axis", [0, 1])
def test_running_extremes_are_those_of_torch(name, axis):
    array = numpy.round(random_array((5, 8)))
    array[2, 3] = numpy.nan
    values, places = getattr(Tensor(array), name)(axis)
    expected = getattr(to_torch(array), name)(axis)
    check(values, expected.values)
    check(places, expected.indices)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(5, 8), (1, 1), (3, 17)])
def test_running_logsumexp_is_that_of_torch(axis, shape):
    array = random_array(shape) * 300
    expected = to_torch(array).double().logcumsumexp(axis).float()
    check(Tensor(array).logcumsumexp(axis), expected, tolerance=1e-5)


def test_running_logsumexp_of_infinities():
    array = numpy.array([-numpy.inf, -numpy.inf, 1.0, -1000.0, numpy.inf], numpy.float32)
    check(Tensor(array).logcumsumexp(), torch.tensor(array).logcumsumexp(0))


def test_scalars():
    assert Tensor(3).cumsum().item() == 3


def test_running_logsumexp_over_a_symbolic_length_is_that_of_torch():
    source = Tensor(numpy.linspace(-3, 3, 36).reshape(12, 3)).realize()
    function = jit(lambda length: source[:length].logcumsumexp(0))
    for length in (5, 0, 12, 1, 8):
        expected = torch.tensor(source.numpy()[:length]).logcumsumexp(0)
        check(function(Variable("n", 0, 12).bind(length)), expected)

import hypothesis.strategies as st
import numpy
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp

from tests.tensor.support import FLOATS, SMALL_INTEGERS, check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, OutOfRangeError, ShapeError


@st.composite
def arrays_and_axes(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    axes = draw(st.none() | hnp.valid_tuple_axes(len(shape), min_size=1))
    return random_array(shape), axes, draw(st.booleans())


@given(arrays_and_axes())
def test_reductions_are_those_of_numpy(case):
    array, axes, keepdim = case
    tensor = Tensor(array)
    check(tensor.sum(axes, keepdim), array.sum(axes, keepdims=keepdim), tolerance=1e-5)
    check(tensor.prod(axes, keepdim), array.prod(axes, keepdims=keepdim), tolerance=1e-5)
    check(tensor.max(axes, keepdim), array.max(axes, keepdims=keepdim))
    check(tensor.min(axes, keepdim), array.min(axes, keepdims=keepdim))
    check(tensor.mean(axes, keepdim), array.mean(axes, keepdims=keepdim), tolerance=1e-5)
    variance = array.var(axes, keepdims=keepdim)
    check(tensor.var(axes, keepdim, correction=0), variance, tolerance=1e-5)
    positive = array > 0
    check((tensor > 0).any(axes, keepdim), positive.any(axes, keepdims=keepdim))
    check((tensor > 0).all(axes, keepdim), positive.all(axes, keepdims=keepdim))


@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), st.data())
def test_places_of_extremes(shape, data):
    array = numpy.round(random_array(shape))  # with equal elements
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    keepdim = data.draw(st.booleans())
    check(Tensor(array).argmax(axis, keepdim), array.argmax(axis, keepdims=keepdim))
    check(Tensor(array).argmin(axis, keepdim), array.argmin(axis, keepdims=keepdim))


def test_extremes_find_nan():
    array = numpy.array([[1.0, numpy.nan, 3.0, numpy.nan], [4.0, 5.0, numpy.inf, 1.0]])
    check(Tensor(array).max(1), array.max(1))
    check(Tensor(array).min(1), array.min(1))
    check(Tensor(array).argmax(1), array.argmax(1))
    check(Tensor(array).argmin(1), array.argmin(1))


@pytest.mark.parametrize("dtype", [*SMALL_INTEGERS, dtypes.bool], ids=str)
def test_sums_of_integers_are_wide(dtype):
    array = random_array((5, 6), dtype)
    expected = to_torch(array)
    check(Tensor(array).sum(0), expected.sum(0))
    check(Tensor(array).prod(), expected.prod())
    assert Tensor(array).mean().dtype is dtypes.float32
    assert Tensor(array).sum(dtype="int32").dtype is dtypes.int32


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_narrow_floats_accumulate_widely(dtype):
    array = (numpy.abs(random_array((4000,))) * 40).astype(dtype.numpy)
    tensor, expected = Tensor(array), array.astype(numpy.float64)
    assert tensor.mean().dtype is dtype
    tolerance = 2.0 ** -(dtype.mantissa - 1) if dtype.bits < 32 else 1e-5
    assert tensor.mean().item() == pytest.approx(expected.mean(), rel=tolerance)
    assert tensor.std().item() == pytest.approx(expected.std(ddof=1), rel=tolerance)


@pytest.mark.parametrize("correction", [0, 1, 2.5])
def test_variances_are_those_of_torch(correction):
    array = random_array((3, 7))
    variance, mean = Tensor(array).var_mean(1, correction=correction)
    expected = torch.var_mean(to_torch(array), 1, correction=correction)
    check(variance, expected[0], tolerance=1e-5)
    check(mean, expected[1], tolerance=1e-5)
    deviation, _ = Tensor(array).std_mean(1, keepdim=True, correction=correction)
    check(deviation, to_torch(array).std(1, correction=correction, keepdim=True), tolerance=1e-5)


def test_reductions_of_nothing():
    empty = Tensor.zeros(0, 3)
    assert empty.sum().item() == 0
    assert empty.prod(0).tolist() == [1, 1, 1]
    assert empty.any().item() is False
    assert empty.all().item() is True
    assert numpy.isnan(empty.mean().item())
    assert numpy.isnan(Tensor([1.0]).var().item())
    with pytest.raises(ShapeError, match="max of no elements"):
        empty.max(0)
    with pytest.raises(ShapeError, match="no elements"):
        empty.argmax()


def test_all_spellings_of_axis():
    tensor = Tensor(random_array((2, 3)))
    for result in (tensor.sum(axis=1), tensor.sum(dim=1), tensor.sum(-1), tensor.sum((1,))):
        assert result.shape == (2,)
    assert tensor.sum(dim=1, keepdims=True).shape == (2, 1)
    assert tensor.max(dim=0, keepdim=True).shape == (1, 3)
    assert tensor.argmax(dim=0).shape == (3,)
    assert tensor.sum(()).shape == (2, 3)


def test_wrong_axes():
    with pytest.raises(OutOfRangeError, match="from -2 to 1"):
        Tensor.ones(2, 3).sum(2)
    with pytest.raises(ArgumentError, match="twice"):
        Tensor.ones(2, 3).sum((0, -2))


def test_closeness():
    a = Tensor([1.0, numpy.nan, numpy.inf, 2.0])
    b = Tensor([1.0 + 1e-7, numpy.nan, numpy.inf, 2.1])
    assert a.isclose(b).tolist() == [True, False, True, False]
    assert a.isclose(b, equal_nan=True).tolist() == [True, True, True, False]
    assert not a.allclose(b).item()
    assert Tensor([1, 2]).isclose(Tensor([1, 3])).tolist() == [True, False]

import numpy
import pytest

from tests.tensor.support import SMALL_INTEGERS, check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", [dtypes.float32, *SMALL_INTEGERS], ids=str)
def test_sort_is_that_of_torch(axis, descending, dtype):
    array = random_array((7, 5), dtype)
    expected = to_torch(array).sort(dim=axis, descending=descending, stable=True)
    values, places = Tensor(array).sort(axis, descending)
    check(values, expected.values)
    check(places, expected.indices)
    check(Tensor(array).argsort(axis, descending), expected.indices)


@pytest.mark.parametrize("descending", [False, True])
def test_gradient_of_sorted_elements_is_that_of_torch(descending):
    array, weight = random_array((5, 40)), random_array((5, 40), seed=1)
    array[0, :7] = 1.0  # equal ones
    x, expected = Tensor(array, requires_grad=True), to_torch(array).requires_grad_()
    (x.sort(1, descending)[0] * Tensor(weight)).sum().backward()
    values = expected.sort(dim=1, descending=descending, stable=True).values
    (values * to_torch(weight)).sum().backward()
    check(x.grad, expected.grad)


def test_nan_comes_last():
    array = numpy.array([3.0, numpy.nan, -numpy.inf, 1.0, numpy.inf], numpy.float32)
    check(Tensor(array).sort()[0], numpy.sort(array))
    assert Tensor(array).argsort().tolist() == [2, 3, 0, 4, 1]


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize(("k", "axis"), [(0, 0), (1, 0), (3, 1), (5, 1)])
def test_topk_is_that_of_torch(k, axis, largest):
    array = random_array((7, 5))
    expected = to_torch(array).topk(k, axis, largest)
    values, places = Tensor(array).topk(k, axis, largest)
    check(values, expected.values)
    check(places, expected.indices)


def test_medians_are_those_of_torch():
    array = random_array((6, 5))
    for axis in (0, 1):
        values, places = Tensor(array).median(axis)
        expected = to_torch(array).median(axis)
        check(values, expected.values)
        check(places, expected.indices)
        values, places = Tensor(array).kthvalue(2, axis, keepdim=True)
        expected = to_torch(array).kthvalue(2, axis, keepdim=True)
        check(values, expected.values)
        check(places, expected.indices)
    check(Tensor(array).median(), to_torch(array).median())


@pytest.mark.parametrize("shape", [(3, 4), (9,), (0,), (1,)])
def test_unique_is_that_of_numpy(shape):
    array = random_array(shape, dtypes.int32) // 4
    values, inverse, counts = Tensor(array).unique(return_inverse=True, return_counts=True)
    expected = numpy.unique(array, return_inverse=True, return_counts=True)
    check(values, expected[0])
    check(inverse, expected[1].reshape(shape))
    check(counts, expected[2])
    check(Tensor(array).unique(), expected[0])


def test_bincount():
    array = numpy.array([0, 3, 1, 3, 3])
    check(Tensor(array).bincount(), numpy.bincount(array))
    check(Tensor(array).bincount(6), numpy.bincount(array, minlength=6))


def test_sorting_has_gradients():
    source = to_torch(random_array((4, 5))).requires_grad_()
    (source.sort(1).values[:, 0] * 3).sum().backward()
    tensor = Tensor(random_array((4, 5)), requires_grad=True)
    (tensor.sort(1)[0][:, 0] * 3).sum().backward()
    check(tensor.grad, source.grad)


def test_sorting_refuses():
    with pytest.raises(ArgumentError, match="topk"):
        Tensor.ones(3).topk(4)
    with pytest.raises(ArgumentError, match="kthvalue"):
        Tensor.ones(3).kthvalue(0)
    with pytest.raises(ArgumentError, match="bincount"):
        Tensor([-1]).bincount()

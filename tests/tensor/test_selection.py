import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError

functional = torch.nn.functional


def places(shape, size, seed=0):
    return numpy.random.default_rng(seed).integers(0, size, shape)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_is_that_of_torch(axis):
    array = random_array((3, 4, 5))
    index = places((2, 3, 4), array.shape[axis])
    expected = to_torch(array).gather(axis, torch.tensor(index))
    check(Tensor(array).gather(axis, Tensor(index)), expected)
    whole = places((3, 4, 5), array.shape[axis])
    expected = numpy.take_along_axis(array, whole, axis)
    check(Tensor(array).take_along_axis(Tensor(whole), axis), expected)


def test_take_along_broadcasts_and_counts_from_the_end():
    array, index = random_array((3, 4)), numpy.array([[-1, 0]])
    expected = numpy.take_along_axis(array, index, 1)
    check(Tensor(array).take_along_axis(Tensor(index), 1), expected)
    assert Tensor([1.0, 2.0]).gather(0, Tensor([0, 2, -3])).tolist() == [1.0, 0.0, 0.0]


def test_selecting_slices():
    array, index = random_array((3, 4, 5)), numpy.array([2, 0, 2])
    check(Tensor(array).index_select(1, Tensor(index)), array[:, index])
    check(Tensor(array).take(Tensor([[0, 7], [-1, 3]])), array.take([[0, 7], [-1, 3]]))
    source = random_array((3, 3, 5), seed=1)
    expected = to_torch(array).index_add(1, torch.tensor(index), to_torch(source), alpha=2)
    check(Tensor(array).index_add(1, Tensor(index), Tensor(source), alpha=2), expected)


@pytest.mark.filterwarnings("ignore:The reduce argument")
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("reduce", [None, "add", "multiply"])
def test_scatter_is_that_of_torch(axis, reduce):
    array, source = random_array((4, 5)), random_array((4, 5), seed=1)
    index = numpy.argsort(random_array((3, 4), seed=2), axis)
    arguments = {} if reduce is None else {"reduce": reduce}
    expected = to_torch(array).scatter(axis, torch.tensor(index), to_torch(source), **arguments)
    check(Tensor(array).scatter(axis, Tensor(index), Tensor(source), reduce), expected)
    expected = to_torch(array).scatter(axis, torch.tensor(index), 2.5, **arguments)
    check(Tensor(array).scatter(axis, Tensor(index), 2.5, reduce), expected)


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.int64], ids=str)
def test_scatter_reduce_is_that_of_torch(reduce, include_self, dtype):
    array, source = random_array((4, 5), dtype), random_array((6, 5), dtype, seed=1)
    index = places((6, 5), 4)
    expected = to_torch(array).scatter_reduce(
        0, torch.tensor(index), to_torch(source), reduce, include_self=include_self
    )
    found = Tensor(array).scatter_reduce(0, Tensor(index), Tensor(source), reduce, include_self)
    check(found, expected, tolerance=1e-5)


def test_masked_selection():
    array = random_array((3, 4))
    mask = array > 0
    check(Tensor(array).masked_select(Tensor(mask)), array[mask])
    row = mask[0]
    check(Tensor(array).masked_select(Tensor(row)), array[numpy.broadcast_to(row, (3, 4))])
    check(Tensor(array).masked_fill(Tensor(mask), 7), numpy.where(mask, numpy.float32(7), array))
    check(Tensor(mask).nonzero(), to_torch(mask).nonzero())
    for found, expected in zip(
        Tensor(mask).nonzero(as_tuple=True), numpy.nonzero(mask), strict=True
    ):
        check(found, expected)


def test_one_hot_is_that_of_torch():
    index = places((2, 3), 4)
    check(Tensor(index).one_hot(6), functional.one_hot(torch.tensor(index), 6))
    check(Tensor(index).one_hot(), functional.one_hot(torch.tensor(index)))


@pytest.mark.parametrize("offset", [-5, -1, 0, 2, 5])
def test_triangles_and_diagonals_are_those_of_torch(offset):
    array = random_array((2, 3, 4))
    check(Tensor(array).triu(offset), to_torch(array).triu(offset))
    check(Tensor(array).tril(offset), to_torch(array).tril(offset))
    if -3 <= offset <= 4:
        expected = to_torch(array).diagonal(min(offset, 3), 1, 2)
        check(Tensor(array).diagonal(min(offset, 3), 1, 2), expected)
        check(Tensor(array).diagonal(0, -1, 0), to_torch(array).diagonal(0, -1, 0))
    check(Tensor(array[0, 0]).diag(offset), to_torch(array[0, 0]).diag(offset))


def test_trace():
    array = random_array((4, 4))
    check(Tensor(array).trace(), numpy.asarray(array.trace()), tolerance=1e-6)
    check(Tensor(array).diag(1), array.diagonal(1))


def test_selection_refuses():
    tensor = Tensor.ones(3, 4)
    with pytest.raises(ShapeError, match="gather"):
        tensor.gather(0, Tensor([1]))
    with pytest.raises(ShapeError, match="no larger"):
        tensor.gather(0, Tensor.zeros(2, 5, dtype="int64"))
    with pytest.raises(DTypeError, match="integers"):
        tensor.gather(0, Tensor.zeros(2, 4))
    with pytest.raises(ArgumentError, match="reduction"):
        tensor.scatter(0, Tensor.zeros(2, 4, dtype="int64"), tensor, "minus")
    with pytest.raises(ShapeError, match="fewer elements"):
        tensor.scatter(0, Tensor.zeros(3, 4, dtype="int64"), Tensor.ones(2, 4))
    with pytest.raises(ShapeError, match="two axes"):
        Tensor.ones(3).triu()
    with pytest.raises(ArgumentError, match="different axes"):
        tensor.diagonal(0, 1, -1)
    with pytest.raises(DTypeError, match="bool"):
        tensor.masked_select(Tensor([1, 0, 1, 0]))

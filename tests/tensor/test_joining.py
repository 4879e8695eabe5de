import hypothesis.strategies as st
import numpy
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ShapeError


@given(hnp.array_shapes(max_dims=3, max_side=4), st.data())
def test_cat_and_stack(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    arrays = [random_array(shape, seed=i) for i in range(3)]
    tensors = [Tensor(array) for array in arrays]
    check(Tensor.cat(*tensors, dim=axis), numpy.concatenate(arrays, axis))
    check(Tensor.cat(tensors, axis=axis), numpy.concatenate(arrays, axis))
    check(tensors[0].stack(*tensors[1:], dim=axis), numpy.stack(arrays, axis))


def test_cat_promotes_and_refuses():
    assert Tensor([1]).cat(Tensor([1.5])).dtype is dtypes.float32
    with pytest.raises(ShapeError, match="elsewhere than at axis 0"):
        Tensor.ones(2, 3).cat(Tensor.ones(2, 4))
    with pytest.raises(ShapeError, match="stack"):
        Tensor(1.0).cat(Tensor(2.0))
    with pytest.raises(ShapeError, match="differ"):
        Tensor.stack(Tensor.ones(2), Tensor.ones(3))
    with pytest.raises(ArgumentError, match="nothing"):
        Tensor.cat([])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 9, [3, 0, 4], (7,)])
def test_split_is_that_of_torch(size):
    array = random_array((2, 7))
    parts = Tensor(array).split(size, dim=1)
    expected = to_torch(array).split(list(size) if isinstance(size, tuple) else size, dim=1)
    assert len(parts) == len(expected)
    for part, other in zip(parts, expected, strict=True):
        check(part, other)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 9])
def test_chunk_is_that_of_torch(count):
    array = random_array((7, 2))
    for part, other in zip(Tensor(array).chunk(count), to_torch(array).chunk(count), strict=True):
        check(part, other)


def test_unbind_and_refusals():
    array = random_array((2, 3))
    for part, other in zip(Tensor(array).unbind(1), to_torch(array).unbind(1), strict=True):
        check(part, other)
    with pytest.raises(ArgumentError, match="add up"):
        Tensor(array).split([1, 3], 1)
    with pytest.raises(ArgumentError, match="1 or more"):
        Tensor(array).split(0)


@pytest.mark.parametrize("repeats", [(1, 1), (2, 3), (2, 1, 3), (0, 2)])
def test_repeat_is_that_of_torch(repeats):
    array = random_array((2, 3))
    check(Tensor(array).repeat(*repeats), to_torch(array).repeat(*repeats))
    check(Tensor(array).repeat(repeats), to_torch(array).repeat(*repeats))


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_repeat_interleave_is_that_of_torch(dim):
    array = random_array((2, 3))
    expected = to_torch(array).repeat_interleave(3, dim)
    check(Tensor(array).repeat_interleave(3, dim), expected)


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_each_position_can_be_repeated_differently(dim):
    array = random_array((2, 3))
    counts = numpy.array([2, 0, 1, 3, 1, 0][: {None: 6, 0: 2, 1: 3, -1: 3}[dim]])
    expected = to_torch(array).repeat_interleave(to_torch(counts), dim)
    check(Tensor(array).repeat_interleave(Tensor(counts), dim), expected)
    expected = to_torch(array).repeat_interleave(to_torch(counts[:1]), dim)
    check(Tensor(array).repeat_interleave(Tensor(counts[:1]), dim), expected)
    with pytest.raises(ShapeError, match="each position"):
        Tensor(array).repeat_interleave(Tensor([1, 2, 3, 4]), dim)


@pytest.mark.parametrize(
    ("shifts", "dims"), [(1, 0), (-2, 1), (9, 1), (4, None), ((1, -2), (0, 1)), (0, 0)]
)
def test_roll_is_that_of_torch(shifts, dims):
    array = random_array((3, 5))
    check(Tensor(array).roll(shifts, dims), to_torch(array).roll(shifts, dims))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(1, 2), (0, 3), (2, 1, 1, 2), (-1, 2), (-1, -2)])
def test_padding_is_that_of_torch(mode, padding):
    array = random_array((2, 3, 4, 5))
    if mode != "constant" and min(padding) < 0:
        pytest.skip("torch refuses it")
    source = to_torch(array if len(padding) == 4 or mode == "constant" else array[0])
    value = 1.5 if mode == "constant" else 0.0
    expected = torch.nn.functional.pad(source, padding, mode, value)
    check(Tensor(source.numpy()).pad(padding, mode, value), expected)


def test_padding_by_pairs():
    array = random_array((2, 3))
    check(Tensor(array).pad(((1, 0), None)), numpy.pad(array, ((1, 0), (0, 0))))
    check(
        Tensor(array).pad(((1, 0), (0, 2)), value=-numpy.inf),
        numpy.pad(array, ((1, 0), (0, 2)), constant_values=-numpy.inf),
    )
    with pytest.raises(ArgumentError, match="fit the tensor"):
        Tensor(array).pad((1, 2, 3))
    with pytest.raises(ShapeError, match="too short"):
        Tensor(array).pad((3, 0), mode="reflect")
    with pytest.raises(ArgumentError, match="mode"):
        Tensor(array).pad((3, 0), mode="mirror")


def test_chunks_of_an_empty_axis_are_as_many_as_asked_for():
    array = numpy.zeros((2, 0), "f4")
    ours, theirs = Tensor(array).chunk(3, 1), torch.tensor(array).chunk(3, 1)
    assert [one.shape for one in ours] == [tuple(one.shape) for one in theirs]

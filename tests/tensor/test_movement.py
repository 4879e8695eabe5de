import hypothesis.strategies as st
import numpy
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ArgumentTypeError, OutOfRangeError, ShapeError


@given(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4), st.data())
def test_orders_and_flips_are_those_of_numpy(shape, data):
    array, axes = random_array(shape), range(len(shape))
    order = data.draw(st.permutations(axes))
    check(Tensor(array).permute(*order), array.transpose(order))
    check(Tensor(array).permute(tuple(order)), array.transpose(order))
    chosen = data.draw(st.lists(st.sampled_from(axes), unique=True, min_size=1))
    check(Tensor(array).flip(*chosen), numpy.flip(array, chosen))
    check(Tensor(array).flip(chosen), numpy.flip(array, chosen))
    first, second = data.draw(st.sampled_from(axes)), data.draw(st.sampled_from(axes))
    check(Tensor(array).transpose(first, second), numpy.swapaxes(array, first, second))
    check(Tensor(array).movedim(first, second), numpy.moveaxis(array, first, second))
    check(Tensor(array).T, array.T)


def test_shapes():
    array = random_array((2, 3, 4))
    tensor = Tensor(array)
    check(tensor.reshape(4, -1), array.reshape(4, -1))
    check(tensor.view((6, 4)), array.reshape(6, 4))
    check(tensor.flatten(), array.reshape(-1))
    check(tensor.flatten(1), array.reshape(2, 12))
    check(tensor.flatten(0, 1), array.reshape(6, 4))
    check(tensor.unflatten(2, (2, -1)), array.reshape(2, 3, 2, 2))
    check(tensor.unsqueeze(-1), array[..., None])
    check(tensor.unsqueeze(1).squeeze(1), array)
    check(tensor.reshape(2, 1, 12, 1).squeeze(), array.reshape(2, 12))
    check(tensor.reshape(2, 1, 12, 1).squeeze((1, 2)), array.reshape(2, 12, 1))
    check(Tensor(1.5).flatten(), numpy.array([1.5], numpy.float32))
    check(tensor.mT, array.swapaxes(1, 2))
    assert tensor.reshape_as(Tensor.ones(24)).shape == (24,)
    assert tensor.size() == (2, 3, 4)
    assert tensor.size(1) == 3
    assert (tensor.ndim, tensor.numel(), tensor.nbytes, tensor.element_size()) == (3, 24, 96, 4)


def test_expansion():
    array = random_array((3, 1))
    check(Tensor(array).expand(2, 3, 4), numpy.broadcast_to(array, (2, 3, 4)))
    check(Tensor(array).expand(-1, 5), numpy.broadcast_to(array, (3, 5)))
    check(Tensor(array).expand_as(Tensor.ones(3, 2)), numpy.broadcast_to(array, (3, 2)))
    check(Tensor(array).broadcast_to((2, 3, 4)), numpy.broadcast_to(array, (2, 3, 4)))
    check(Tensor(2.0).expand(2), numpy.array([2, 2], numpy.float32))


def test_parts():
    array = random_array((4, 5))
    check(Tensor(array).shrink(((1, 3), None)), array[1:3])
    check(Tensor(array).shrink_to(2, None), array[:2])
    check(Tensor(array).narrow(1, 1, 3), array[:, 1:4])
    check(Tensor(array).pad_to(None, 6), numpy.pad(array, ((0, 0), (0, 1))))
    expected = numpy.pad(array, ((0, 1), (0, 1)), constant_values=3)
    check(Tensor(array).pad_to((5, 6), value=3), expected)


@pytest.mark.parametrize(("size", "step"), [(1, 1), (2, 1), (3, 2), (2, 3), (5, 1)])
def test_windows_are_those_of_torch(size, step):
    array = random_array((3, 5, 2))
    check(Tensor(array).unfold(1, size, step), to_torch(array).unfold(1, size, step))


def test_idle_movement_adds_no_node():
    tensor = Tensor.ones(2, 3)
    for same in (
        tensor.reshape(2, 3),
        tensor.permute(0, 1),
        tensor.expand(2, 3),
        tensor.shrink(((0, 2), None)),
        tensor.cast(dtypes.float32),
        tensor.repeat(1, 1),
        tensor.roll(0, 0),
    ):
        assert same.node is tensor.node


def test_movement_refuses():
    tensor = Tensor.ones(2, 3)
    with pytest.raises(ShapeError, match=r"\(2, 3\) to \(4, 2\)"):
        tensor.reshape(4, 2)
    with pytest.raises(ShapeError, match="-1 is not a whole number"):
        tensor.reshape(4, -1)
    with pytest.raises(ArgumentError, match="at most one -1"):
        tensor.reshape(-1, -1)
    with pytest.raises(ArgumentTypeError, match="integer"):
        tensor.reshape(2.0, 3)
    with pytest.raises(ShapeError, match="every axis once"):
        tensor.permute(0, 0)
    with pytest.raises(OutOfRangeError, match="out of range"):
        tensor.transpose(0, 2)
    with pytest.raises(ShapeError, match="only axes of size 1"):
        tensor.expand(4, 3)
    with pytest.raises(ShapeError, match="fewer sizes"):
        tensor.expand(3)
    with pytest.raises(OutOfRangeError, match="bounds"):
        tensor.shrink(((0, 3), None))
    with pytest.raises(ShapeError, match="one range for each axis"):
        tensor.shrink(((0, 1),))
    with pytest.raises(OutOfRangeError, match="longer than the axis"):
        tensor.unfold(0, 3, 1)
    with pytest.raises(ArgumentError, match="before it starts"):
        tensor.flatten(1, 0)
    with pytest.raises(ShapeError, match="two axes"):
        _ = Tensor.ones(2).mT
    with pytest.raises(ShapeError, match="cannot shrink"):
        tensor.pad_to(1, 3)

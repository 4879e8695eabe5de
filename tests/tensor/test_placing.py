"""Values put at places, turned and joined tensors against torch's."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ShapeError

ARRAY = random_array((4, 5, 6))
SOURCE = random_array((4, 5, 6), seed=1)


def both(array):
    return Tensor(array), to_torch(array)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_positions_along_an_axis(dim):
    x, y = both(ARRAY)
    index = numpy.array([3, 0, 2])
    part = numpy.take(SOURCE, index, dim)
    check(
        x.index_copy(dim, Tensor(index), Tensor(part)),
        y.index_copy(dim, *map(to_torch, (index, part))),
    )
    check(x.index_fill(dim, Tensor(index), 7.5), y.index_fill(dim, to_torch(index), 7.5))
    check(x.select(dim, -2), y.select(dim, -2))
    part = numpy.take(SOURCE, 1, dim)
    check(x.select_scatter(Tensor(part), dim, 1), y.select_scatter(to_torch(part), dim, 1))
    part = numpy.take(SOURCE, range(1, 4, 2), dim)
    expected = y.slice_scatter(to_torch(part), dim, 1, 4, 2)
    check(x.slice_scatter(Tensor(part), dim, 1, 4, 2), expected)
    places = numpy.argsort(SOURCE, dim)
    expected = y.take_along_dim(to_torch(places), dim)
    check(x.take_along_dim(Tensor(places), dim), expected)
    check(x, ARRAY)  # nothing was written in place


@pytest.mark.parametrize("accumulate", [False, True])
def test_several_axes_at_once(accumulate):
    x, y = both(ARRAY)
    indices = (numpy.array([0, 2, 3]), numpy.array([4, 4, 1]))
    values = SOURCE[0, :3]
    found = x.index_put(tuple(map(Tensor, indices)), Tensor(values), accumulate)
    expected = y.index_put(tuple(map(to_torch, indices)), to_torch(values), accumulate)
    check(found, expected)
    flat, part = numpy.array([0, 7, 100, 119]), SOURCE[0, 0, :4]
    expected = y.put(to_torch(flat), to_torch(part), accumulate)
    check(x.put(Tensor(flat), Tensor(part), accumulate), expected)
    if accumulate:  # equal places add up
        repeated = numpy.array([1, 1, 1])
        expected = y.index_put((to_torch(repeated),), to_torch(SOURCE[:3]), True)
        check(x.index_put((Tensor(repeated),), Tensor(SOURCE[:3]), True), expected, tolerance=1e-5)


def test_masked_places():
    x, y = both(ARRAY)
    mask = SOURCE > 0
    expected = y.masked_scatter(to_torch(mask), to_torch(SOURCE))
    check(x.masked_scatter(Tensor(mask), Tensor(SOURCE)), expected)
    row = mask[0, 0]
    expected = y.masked_scatter(to_torch(row), to_torch(SOURCE))
    check(x.masked_scatter(Tensor(row), Tensor(SOURCE)), expected)


def test_gradients_reach_both():
    x, y = both(ARRAY)
    x.requires_grad = True
    y.requires_grad_()
    s, t = both(SOURCE[:2])
    s.requires_grad = True
    t.requires_grad_()
    index = numpy.array([3, 1])
    x.index_copy(0, Tensor(index), s).square().sum().backward()
    y.index_copy(0, to_torch(index), t).square().sum().backward()
    check(x.grad, y.grad)
    check(s.grad, t.grad)


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 3])
def test_diagonals(offset):
    x, y = both(ARRAY)
    for dims in ((0, 1), (1, 2), (2, 0)):
        part = torch.diagonal(to_torch(SOURCE), offset, *dims)
        expected = y.diagonal_scatter(part, offset, *dims)
        check(x.diagonal_scatter(Tensor(part.numpy().copy()), offset, *dims), expected)
    check(x.diag_embed(offset), y.diag_embed(offset))
    check(x.diag_embed(offset, 0, 2), y.diag_embed(offset, 0, 2))
    check(Tensor(ARRAY[0, :2]).diagflat(offset), to_torch(ARRAY[0, :2]).diagflat(offset))


def test_blocks_along_the_diagonal():
    blocks = [ARRAY[0], ARRAY[1, :2, :1], ARRAY[0, 0, :3]]
    expected = torch.block_diag(*map(to_torch, blocks))
    first, *rest = map(Tensor, blocks)
    check(first.block_diag(*rest), expected)


@pytest.mark.parametrize("k", range(-3, 5))
def test_turns(k):
    for dims in ((0, 1), (1, 0), (0, 2)):
        check(Tensor(ARRAY).rot90(k, dims), torch.rot90(to_torch(ARRAY), k, dims))


def test_flips_and_stacks():
    x, y = both(ARRAY)
    check(x.fliplr(), y.fliplr())
    check(x.flipud(), y.flipud())
    for one in (ARRAY, ARRAY[0], ARRAY[0, 0]):
        check(Tensor(one).hstack(Tensor(one)), torch.hstack((to_torch(one), to_torch(one))))
        check(Tensor(one).vstack(Tensor(one)), torch.vstack((to_torch(one), to_torch(one))))


@pytest.mark.parametrize("where", [1, 3, 5, [1, 4], [0, 2, 9], [-2]])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_parts(where, dim):
    expected = torch.tensor_split(to_torch(ARRAY), where, dim)
    found = Tensor(ARRAY).tensor_split(where, dim)
    assert len(found) == len(expected)
    for part, wanted in zip(found, expected, strict=True):
        check(part, wanted)


def test_powers_of_a_vector():
    for n in (None, 3):
        for increasing in (False, True):
            vector = ARRAY[0, 0]
            expected = torch.vander(to_torch(vector), n, increasing)
            check(Tensor(vector).vander(n, increasing), expected, tolerance=1e-5)
    with pytest.raises(ShapeError, match="vector"):
        Tensor(ARRAY).vander()


def test_powers_of_no_elements_are_those_of_torch():
    array = numpy.zeros(0, "f4")
    check(Tensor(array).vander(), torch.vander(torch.tensor(array)))
    check(Tensor(array).vander(3), torch.vander(torch.tensor(array), 3))

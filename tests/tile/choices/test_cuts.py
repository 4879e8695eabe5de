"""Axes cut where a condition changes: concatenation, padding, rolling."""

from __future__ import annotations

import numpy
import pytest

from tests.tile.comparison import (
    assert_close,
    assert_exact,
    compute,
    each_target,
    whole,
)
from tests.tile.plans import TARGETS
from tilegrad import Tensor
from tilegrad.base.trace import Trace
from tilegrad.engine.graph_key import key_of
from tilegrad.engine.plan import make_plan
from tilegrad.engine.programs import Programs
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import tile
from tilegrad.ops.affine import as_index
from tilegrad.ops.bounds import bounds
from tilegrad.tile.target import TileTarget


def loops(target: TileTarget, tensor: Tensor) -> list[Node]:
    """Return the loops of the kernels that compute a tensor."""
    plan = make_plan([tensor.node], key_of([tensor.node]).buffers, Programs(target), Trace())
    roots = [step.program.program.root for group in plan.groups for step in group]
    return [node for node in sort_topologically(roots) if node.op is tile.loop]


def running(x: numpy.ndarray) -> Tensor:
    """Return a formula with several conditions, four elements from each other."""
    rows = [Tensor(x).pad(((place, 0),)).shrink(((0, len(x)),)) for place in range(0, 29, 4)]
    return sum(rows[1:], rows[0]).exp()


@each_target
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_concatenation(target, axis):
    parts = []
    for number, size in enumerate((3, 40, 17)):
        shape = [5, 6, 33]
        shape[axis] = size
        parts.append(whole(*shape, seed=number))
    first, *others = map(Tensor, parts)
    (found,) = compute(target, first.cat(*others, dim=axis) + 1)
    assert_exact(found, numpy.concatenate(parts, axis) + 1)


@each_target
@pytest.mark.parametrize("sizes", [(1,), (4000, 5000), (1, 9000), (64, 64), (5, 7)])
def test_concatenation_of_vectors(target, sizes):
    parts = [whole(size, seed=size) for size in sizes]
    (found,) = compute(target, Tensor(whole(100)).cat(*map(Tensor, parts)))
    assert_exact(found, numpy.concatenate([whole(100), *parts]))


@each_target
def test_padding_and_rolling(target):
    x = whole(9, 50)
    (found,) = compute(target, Tensor(x).pad(((1, 2), (40, 3))) * 2)
    assert_exact(found, numpy.pad(x, ((1, 2), (40, 3))) * 2)
    (found,) = compute(target, Tensor(x).roll((4, 17), (0, 1)))
    assert_exact(found, numpy.roll(x, (4, 17), (0, 1)))


@each_target
def test_a_row_that_is_set(target):
    x = whole(20, 30)
    row = Tensor.arange(20).reshape(20, 1) == 7
    (found,) = compute(target, row.where(Tensor(numpy.float32(5)), Tensor(x)))
    x[7] = 5
    assert_exact(found, x)


@each_target
@pytest.mark.parametrize("size", [3, 16, 31, 32, 100, 1000])
def test_pieces_shorter_than_a_tile(target, size):
    x = whole(size) / 8
    (found,) = compute(target, running(x))
    delayed = [numpy.concatenate([numpy.zeros(n), x])[:size] for n in range(0, 29, 4)]
    assert_close(found, numpy.exp(sum(delayed)).astype(numpy.float32))


@each_target
def test_no_loop_is_written_that_is_never_entered(target):
    for node in loops(target, running(whole(31))):
        start, stop = (as_index(bound) for bound in node.sources[:2])
        assert bounds(start)[0] < bounds(stop)[1]


def test_pieces_that_fit_a_tile_together_are_one():
    # Seven pieces of four elements and a long one: tiles are 16 long.
    assert len(loops(TARGETS[0], running(whole(31)))) == 5

"""Loops inside formulas: computations that some lanes need rarely, or repeatedly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import conversion, movement, reduction, tile
from tilegrad.ops.affine import as_node
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.movement import ExpandAttributes, ReshapeAttributes
from tilegrad.ops.reduction import ReduceAttributes

Carried = tuple[Node, ...]
Round = Callable[[Carried], Carried]


@dataclass(slots=True)
class Rounds:
    """Makes loops with numbers that the program does not use yet.

    Attributes:
        target: the processor.
        next_loop: the number of the next loop.
    """

    target: CodegenTarget
    next_loop: int

    def when_any(self, condition: Node, values: Carried, round_: Round) -> Carried:
        """Return the values, replaced once by ``round_`` of them if any element needs it.

        ``round_`` must compute from what it is given: whatever it takes from outside is computed
        before, needed or not.
        """
        count = conversion.cast_to(_reduce_all(condition), dtypes.index)
        return self.repeat(count, values, round_)

    def repeat_greatest(self, counts: Node, values: Carried, round_: Round) -> Carried:
        """Return the values after as many rounds as the greatest element of ``counts``."""
        count = conversion.cast_to(_reduce_all(counts), dtypes.index)
        return self.repeat(count, values, round_)

    def repeat(self, count: Node, values: Carried, round_: Round) -> Carried:
        """Return the values after ``count`` (a scalar index) rounds."""
        number = self.next_loop
        self.next_loop += 1
        shape = broadcast_shapes("rounds", values)
        initial = [_expand(value, shape) for value in values]
        carries = tuple(tile.make_carry(number, i, value) for i, value in enumerate(initial))
        following = [_expand(value, shape) for value in round_(carries)]
        index = tile.make_loop_index(number, as_node(0), count)
        loop = tile.make_loop(index, 1, list(zip(carries, following, strict=True)))
        return tile.make_loop_results(loop)


def _expand(value: Node, shape: tuple[int | Node, ...]) -> Node:
    if value.shape == shape:
        return value
    if not value.shape:
        ones = (1,) * len(shape)
        value = movement.reshape(value, attributes=ReshapeAttributes(ones))
        if value.shape == shape:
            return value
    return movement.expand(value, attributes=ExpandAttributes(shape))


def _reduce_all(tile_: Node) -> Node:
    """Return the greatest element of a tile as a scalar (of bools, whether any is true)."""
    if not tile_.shape:
        return tile_
    axes = ReduceAttributes(tuple(range(len(tile_.shape))))
    greatest = reduction.reduce_maximum(tile_, attributes=axes)
    return movement.reshape(greatest, attributes=ReshapeAttributes(()))

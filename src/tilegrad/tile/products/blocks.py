"""The blocks of a sum, walked one after the other."""

from __future__ import annotations

from collections.abc import Callable

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, symbolic, tile
from tilegrad.ops.affine import Index
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.lower import Lowering
from tilegrad.tile.products.staging import SumBlocks
from tilegrad.tile.products.terms import Block


def loop_over_blocks(
    lowering: Lowering,
    sums: SumBlocks,
    at: Environment,
    emit: Callable[[Block, Environment], list[Node]],
) -> list[Node]:
    """Return the loops over all blocks of a sum.

    Args:
        lowering: gives the loops their numbers.
        sums: how the summed axes are cut.
        at: positions of the batch's axes.
        emit: gives the effects of one block, where the outer axes of the sum have positions, too.
    """
    indices: list[Node] = []
    for axis in sums.outer:
        _, index = lowering.new_loop(0, kernel.extent_of(axis))
        indices.append(index)
        at = at.bind(axis, Position(index))
    extent = sums.extents[0]
    if sums.size >= extent:
        effects = emit(Block(0, extent), at)
    else:
        _, first = lowering.new_loop(0, extent)
        count: Index = sums.size
        if extent % sums.size:
            count = symbolic.minimum(sums.size, symbolic.subtract(extent, first))
        effects = [tile.make_loop(first, sums.size, (), emit(Block(first, count), at))]
    for index in reversed(indices):
        effects = [tile.make_loop(index, 1, (), effects)]
    return effects

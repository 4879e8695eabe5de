"""The values of axes while a kernel is lowered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.build import lanes
from tilegrad.ops.symbolic import Condition


class Position(NamedTuple):
    """Where an axis is: a tile of consecutive values, or one value.

    Attributes:
        value: index tile (or scalar): base + lanes.
        dimension: the tile dimension that it runs along, or None for a single value.
        size: how many values.
        condition: where the values lie within the extent.
    """

    value: Index
    dimension: int | None = None
    size: int = 1
    condition: Condition = True


class Environment:
    """An immutable mapping from axes to their positions."""

    __slots__ = ("positions",)

    def __init__(self, positions: Mapping[Node, Position]) -> None:
        self.positions = dict(positions)

    def bind(self, axis: Node, position: Position) -> Environment:
        """Return this environment with one more axis (or another position for it)."""
        return Environment({**self.positions, axis: position})

    def key(self, axes: frozenset[Node]) -> frozenset[tuple[Node, Position]]:
        """Return what tells environments apart as far as these axes are concerned."""
        return frozenset((axis, self.positions[axis]) for axis in axes)

    def shape(self, axes: frozenset[Node], rank: int) -> tuple[int, ...]:
        """Return the shape of a tile that depends on the given axes."""
        sizes = [1] * rank
        for axis in axes:
            position = self.positions[axis]
            if position.dimension is not None:
                sizes[position.dimension] = max(sizes[position.dimension], position.size)
        return tuple(sizes)


def tile_position(
    base: Index, dimension: int, size: int, rank: int, limit: Index | None = None
) -> Position:
    """Return the position of a tile that starts at ``base``; masked at ``limit`` if given."""
    value = symbolic.add(base, lanes(size, rank, dimension)) if size > 1 else base
    condition = True if limit is None else symbolic.less(value, limit)
    return Position(value, dimension, size, condition)

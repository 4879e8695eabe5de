"""Staging: which factor of a contraction is copied where, in blocks of which sizes; plain data.

A contraction is computed in two levels of blocks, as in Goto and van de Geijn, "Anatomy of
high-performance matrix multiplication" (2008). The summed axes are cut into blocks. In each block,
the part of each factor that an instance needs is evaluated once and stored in *panels*, in the
order in which the innermost loop reads it: one panel for each register tile. A factor may be any
expression: what windows, strides, transpositions, guards and casts cost is paid once for each
element of a panel, not for each multiplication.
"""

from __future__ import annotations

import enum
import math
from typing import NamedTuple

from tilegrad.ir.node import Node


class PanelOrder(enum.Enum):
    """What is next to each other in a panel, and how it comes there.

    TILE: the elements of the tile; they are copied in runs.
    TURNED: the elements of the tile; as the terms of the sum are neighbours in memory, they are
        transposed in registers.
    SUM: the terms of the sum.
    PLACE: there is no panel; the factor is read where it lies.
    """

    TILE = enum.auto()
    TURNED = enum.auto()
    SUM = enum.auto()
    PLACE = enum.auto()


class Window(NamedTuple):
    """Two axes of which a factor depends on step · own + term_step · bound only.

    Attributes:
        own: an axis of the results.
        bound: a summed axis.
        step: the multiplier of ``own``; positive.
        term_step: the multiplier of ``bound``; one of the two is 1 or −1.
    """

    own: Node
    bound: Node
    step: int
    term_step: int


class Side(NamedTuple):
    """The panels of one factor.

    Attributes:
        value: the factor.
        axes: the axes that it has for itself, outermost first.
        extents: their extents.
        sizes: how many values of each make a register tile.
        width: how many elements a tile has for each value of the summed axes; more than the product
            of the sizes if the tile is padded.
        tiles: how many tiles one instance has.
        order: what is next to each other in a panel.
        group: so many neighbouring terms of an element make a word, which is next to each other;
            of a panel whose order is not that of the sum.
        windows: the windows whose places are held once each; if there are none, a panel holds every
            term of every element.
        together: how many tiles of rows are packed at once.
    """

    value: Node
    axes: tuple[Node, ...]
    extents: tuple[int, ...]
    sizes: tuple[int, ...]
    width: int
    tiles: int
    order: PanelOrder
    group: int = 1
    windows: tuple[Window, ...] = ()
    together: int = 1

    @property
    def counts(self) -> tuple[int, ...]:
        """How many tiles there are along each axis."""
        return tuple(-(-e // s) for e, s in zip(self.extents, self.sizes, strict=True))

    @property
    def total(self) -> int:
        """How many tiles there are."""
        return math.prod(self.counts)

    @property
    def blocks(self) -> int:
        """How many instances there are along this side."""
        return -(-self.total // self.tiles)

    @property
    def is_padded(self) -> bool:
        """Whether tiles are wider than what they hold."""
        return self.width != math.prod(self.sizes)


class SumBlocks(NamedTuple):
    """How the summed axes are cut.

    Attributes:
        outer: axes that are walked value by value, each a block.
        cut: the axis whose values are cut into blocks.
        size: how many values of it a block has (the last one may have fewer).
        inner: axes that are whole in every block.
        extents: extents of ``cut`` and ``inner``.
    """

    outer: tuple[Node, ...]
    cut: Node
    size: int
    inner: tuple[Node, ...]
    extents: tuple[int, ...]

    @property
    def per_value(self) -> int:
        """How many terms a value of ``cut`` has."""
        return math.prod(self.extents[1:])

    @property
    def length(self) -> int:
        """How many terms a whole block has."""
        return self.size * self.per_value

    @property
    def least(self) -> int:
        """How many values of ``cut`` the last block has."""
        return (self.extents[0] - 1) % self.size + 1

    @property
    def is_single(self) -> bool:
        """Whether there is only one block."""
        return not self.outer and self.size >= self.extents[0]


class Staging(NamedTuple):
    """How a contraction is staged.

    Attributes:
        reduction: the ``reduce_over`` node.
        batch: axes of the grid by themselves, outermost first.
        rows: the factor whose elements are used one by one, for all lanes.
        lanes: the factor that runs along the lanes of vectors.
        sums: the blocks of the summed axes.
        depth: how many terms a round of the innermost loop multiplies.
        is_raised: whether the lanes' values are bytes with 128 added, for which sums are corrected.
    """

    reduction: Node
    batch: tuple[Node, ...]
    rows: Side
    lanes: Side
    sums: SumBlocks
    depth: int = 1
    is_raised: bool = False

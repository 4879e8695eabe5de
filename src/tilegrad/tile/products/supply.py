"""How the innermost loops of a contraction get the factors: from panels, or from where they lie."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from tilegrad.ir.node import Node
from tilegrad.ops.affine import Index
from tilegrad.tile.environment import Environment
from tilegrad.tile.lower import Lowering
from tilegrad.tile.products.staging import Side, SumBlocks
from tilegrad.tile.products.terms import Block, Level, find_levels, span
from tilegrad.tile.products.tiling import Range, bind_tile


class Read(NamedTuple):
    """What the innermost loops ask for: a term of a tile, or several.

    Attributes:
        number: of the tile.
        panel: that it is in.
        steps: of each of the levels by which terms are walked.
        term: its number in the block.
        depth: how many terms from there on are asked for.
        block: of the sum.
        at: positions of the batch's axes, and of the outer ones of the sum.
        after: the effect that filled the panel, if there is one.
    """

    number: Index
    panel: Index
    steps: tuple[Index, ...]
    term: Index
    depth: int
    block: Block
    at: Environment
    after: Node | None


class Supply(Protocol):
    """A side as the innermost loops see it."""

    @property
    def levels(self) -> list[Level] | None:
        """By which levels terms must be walked; None if any will do."""
        ...

    def fill(self, tiles: Range, block: Block, at: Environment) -> Node | None:
        """Return the effect that makes some tiles ready, if there is any."""
        ...

    def read(self, read: Read) -> Node:
        """Return terms of a tile: columns of rows, or rows of lanes."""
        ...


class InPlace:
    """A side that is read where it lies.

    Args:
        lowering: of the kernel.
        side: what is read.
        sums: the blocks of the summed axes.
        dimension: which dimension of a tile of results the side runs along.
    """

    def __init__(self, lowering: Lowering, side: Side, sums: SumBlocks, dimension: int) -> None:
        self.lowering = lowering
        self.side = side
        self.dimension = dimension
        self.levels = find_levels(sums, side.value)

    def fill(self, tiles: Range, block: Block, at: Environment) -> None:
        """Nothing is to be made ready."""

    def read(self, read: Read) -> Node:
        """Return terms of a tile: columns of rows, or rows of lanes."""
        at = bind_tile(read.at, self.side, read.number, self.dimension)
        *outer, last = zip(self.levels, read.steps, strict=True)
        for level, step in outer:
            at = level.bind(at, read.block, step)
        level, step = last
        along = 1 - self.dimension
        terms = span(step, read.depth, along)
        at = level.bind(at, read.block, terms, along if read.depth > 1 else None, read.depth)
        return self.lowering.value(self.side.value, at)

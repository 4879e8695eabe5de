"""The terms of a block of a sum, walked by loops over the axes that are bound."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import comparison, symbolic
from tilegrad.ops.affine import Index, affine, as_index, split_terms
from tilegrad.ops.build import lanes
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.products.staging import SumBlocks


class Block(NamedTuple):
    """A block of the sum: the first value of the cut axis, and how many values there are."""

    first: Index
    count: Index


class Level(NamedTuple):
    """Axes within a block that are walked by one loop.

    Attributes:
        axes: the axes, outermost first.
        has_cut: whether the first is the cut one.
        unit: how many steps the loop has, for each value of the cut axis if that is among them.
        least: how many steps it has in the shortest block.
        inner: how many terms one step has.
    """

    axes: tuple[Node, ...]
    has_cut: bool
    unit: int
    least: int
    inner: int

    def length(self, block: Block) -> Index:
        """Return how many steps the loop has in a block."""
        return symbolic.multiply(block.count, self.unit) if self.has_cut else self.unit

    def bind(
        self,
        at: Environment,
        block: Block,
        step: Index,
        dimension: int | None = None,
        size: int = 1,
    ) -> Environment:
        """Return the positions with the axes bound to a step, or to several along a dimension."""
        first = block.first if self.has_cut else 0
        for axis in self.axes[:-1]:
            at = at.bind(axis, Position(first))
            first = 0
        position = Position(symbolic.add(first, step), dimension, size)
        return at.bind(self.axes[-1], position)


def find_index_terms(value: Node) -> list[dict[Node, int]]:
    """Return the multipliers of atoms in each index that an expression uses.

    Of a comparison it is the difference that counts.
    """
    found: list[dict[Node, int]] = []
    for node in sort_topologically([value]):
        if node.op is affine:
            continue
        sources = [source for source in node.sources if source.dtype is dtypes.index]
        if node.op in _COMPARISONS and len(sources) == 2:
            difference = symbolic.subtract(*map(as_index, sources))
            found.append(split_terms(difference)[0])
        else:
            found += [split_terms(as_index(source))[0] for source in sources]
    return found


_COMPARISONS = (comparison.less, comparison.less_equal, comparison.equal, comparison.not_equal)


def find_levels(sums: SumBlocks, value: Node) -> list[Level]:
    """Return the fewest levels by which an expression's terms can be walked.

    Neighbouring axes make one if the outer one is always multiplied by the inner one's extent times
    what the inner one is multiplied by.
    """
    axes = [sums.cut, *sums.inner]
    extents = dict(zip(axes, sums.extents, strict=True))
    terms = find_index_terms(value)
    groups = [[axes[0]]]
    for outer, inner in itertools.pairwise(axes):
        is_one = all(one.get(outer, 0) == extents[inner] * one.get(inner, 0) for one in terms)
        if is_one:
            groups[-1].append(inner)
        else:
            groups.append([inner])
    return make_levels(sums, groups)


def make_levels(sums: SumBlocks, groups: Sequence[Sequence[Node]]) -> list[Level]:
    """Return a level for each group of neighbouring axes."""
    extents = dict(zip(sums.inner, sums.extents[1:], strict=True))
    units = [math.prod(extents.get(axis, 1) for axis in group) for group in groups]
    levels = []
    for number, group in enumerate(groups):
        has_cut = sums.cut in group
        least = units[number] * (sums.least if has_cut else 1)
        inner = math.prod(units[number + 1 :])
        levels.append(Level(tuple(group), has_cut, units[number], least, inner))
    return levels


def term_of(levels: Sequence[Level], steps: Sequence[Index]) -> Index:
    """Return the number of a term from the steps of each level."""
    return symbolic.add(
        *(symbolic.multiply(step, level.inner) for level, step in zip(levels, steps, strict=True))
    )


def span(start: Index, size: int, dimension: int) -> Index:
    """Return consecutive indices along a dimension of a tile of rank 2."""
    return symbolic.add(start, lanes(size, 2, dimension)) if size > 1 else start

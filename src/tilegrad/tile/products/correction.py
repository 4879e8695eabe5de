"""Corrections of sums whose lanes are raised: bytes with 128 added, as some instructions want them.

Σ a·(b + 128) is too large by 128 · Σ a. That is one number for each row, and rows are words of
several neighbouring terms, so a vector holds many of them: to add up a tile of rows takes a small
part of what it takes to multiply it with even a few tiles of lanes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tilegrad.ir.node import Node
from tilegrad.ops import memory, tile
from tilegrad.ops.affine import Index
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.ops.movement import filled, permute_axes, reshape_to
from tilegrad.ops.reduction import sum_over
from tilegrad.tile.facts import IRREGULAR, Facts
from tilegrad.tile.lower import Lowering
from tilegrad.tile.products.narrow import RAISE
from tilegrad.tile.products.side_options import LEAST_WORDS
from tilegrad.tile.products.staging import PanelOrder, Side, Staging, SumBlocks
from tilegrad.tile.products.terms import span

MOST_WORDS = 16
"""So many words of each row are added up in a round of the loop, and of what is left fewer."""


def count_words(group: int, sums: SumBlocks) -> int:
    """Return how many words of each row a round adds up at least."""
    shared = math.gcd(sums.length, sums.least * sums.per_value)
    return math.gcd(MOST_WORDS, shared // group)


def can_correct(unit: MatrixFacts, width: int, sums: SumBlocks) -> bool:
    """Whether rows of so many elements can be added up, should the unit need that."""
    return not unit.is_raised or width * count_words(unit.group, sums) % LEAST_WORDS == 0


def find_next_tile(facts: Facts, rows: Side) -> dict[Node, int]:
    """Return how many elements ahead the next tile of rows is, of rows that are read in place.

    They are read for the first time to be corrected, whole lines of many rows, which a processor
    does not follow by itself.
    """
    if rows.order is not PanelOrder.PLACE or len(rows.axes) > 1:
        return {}
    steps = {load: facts.stride(load, rows.axes[0]) for load in memory.loads_in(rows.value)}
    return {load: rows.width * step for load, step in steps.items() if 0 < step < IRREGULAR}


class Correction:
    """What the sums of a tile of rows are too large by, in scratch memory, negated.

    Args:
        lowering: of the kernel.
        staging: of the contraction.
        space: the scratch memory's identity.
    """

    def __init__(self, lowering: Lowering, staging: Staging, space: int) -> None:
        self.lowering = lowering
        self.rows = staging.rows
        self.dtype = staging.reduction.dtype
        self.raised = staging.lanes.value.dtype
        self.group = staging.lanes.group
        self.words = count_words(self.group, staging.sums)
        self.memory = memory.make_scratch(space, self.dtype, self.rows.width)

    def store(self, length: Index, read: Callable[[Index, int], Node]) -> Node:
        """Return the effect that adds up a tile of rows.

        Args:
            length: how many terms there are.
            read: gives a tile (rows, terms) from the first term and the count of them.
        """
        width = self.rows.width
        total = filled(0, self.dtype, (width, 1))
        for start, stop, words in self._cut(length):
            total = total - self._add(start, stop, words, read)
        return memory.make_store(self.memory, span(0, width, 0), total)

    def _cut(self, length: Index) -> list[tuple[int, Index, int]]:
        """Return runs of terms, each with how many words of a row a round adds up.

        If the length is known, most of it is added up many at a time, and what is left fewer.
        """
        if not isinstance(length, int):
            return [(0, length, self.words)]
        runs: list[tuple[int, Index, int]] = []
        start, words = 0, MOST_WORDS
        while start < length:
            size = words * self.group
            stop = start + (length - start) // size * size
            if stop > start:
                runs.append((start, stop, words))
            start, words = stop, words // 2
        return runs

    def _add(self, start: int, stop: Index, words: int, read: Callable[[Index, int], Node]) -> Node:
        """Return 128 times the sums of rows over some terms, as a column."""
        width, step = self.rows.width, words * self.group
        is_along_sum = self.rows.order in (PanelOrder.SUM, PanelOrder.PLACE)
        order, shape = ((2, 0, 1), (width, words)) if is_along_sum else ((2, 1, 0), (words, width))
        factor = filled(RAISE, self.raised, (1, self.group))

        def add(term: Index, total: Node) -> Node:
            terms = reshape_to(read(term, step), (width, words, self.group))
            columns = reshape_to(permute_axes(terms, order), (self.group, words * width))
            return tile.dot(factor, columns, total)

        total = filled(0, self.dtype, (1, words * width))
        if stop == start + step:
            total = add(start, total)
        else:
            number, term = self.lowering.new_loop(start, stop)
            carry = tile.make_carry(number, 0, total)
            loop = tile.make_loop(term, step, [(carry, add(term, carry))])
            (total,) = tile.make_loop_results(loop)
        return reshape_to(sum_over(reshape_to(total, shape), (int(is_along_sum),)), (width, 1))

    def load(self, after: Node) -> Node:
        """Return it as a column, once an effect has stored it."""
        return memory.make_load(self.memory, span(0, self.rows.width, 0), after=after)

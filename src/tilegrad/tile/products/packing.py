"""Panels: where a side is stored for the innermost loops, and how it gets there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import memory, symbolic, tile
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.build import lanes
from tilegrad.ops.infer import known_sizes
from tilegrad.ops.movement import expand_to, permute_axes, reshape_to
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.facts import IRREGULAR, Facts
from tilegrad.tile.lower import Lowering
from tilegrad.tile.products.staging import PanelOrder, Side, SumBlocks
from tilegrad.tile.products.supply import Read
from tilegrad.tile.products.terms import Block, Level, find_levels, span, term_of
from tilegrad.tile.products.tiling import Range, find_bases

SPACING = 16
"""Rows of a panel are so much farther apart than they are long, so as not to share cache sets."""
TURNED = 16
"""Edge of the squares that are transposed in registers."""
MOST_ROUNDS = 4
"""Up to so many terms are copied in one round."""
TERMS_AHEAD = {PanelOrder.TILE: 32, PanelOrder.TURNED: 64}
"""So many terms ahead memory is asked for what is packed. Rows of a matrix that are copied may lie
pages apart; of those that are transposed there are more than a processor follows by itself."""


def find_ahead(facts: Facts, side: Side, sums: SumBlocks) -> dict[Node, int]:
    """Return how many elements ahead the loads of a side ask when it is packed."""
    terms = 0 if side.windows else TERMS_AHEAD.get(side.order, 0)
    last = (sums.cut, *sums.inner)[-1]
    steps = {load: facts.stride(load, last) for load in memory.loads_in(side.value)}
    return {load: terms * step for load, step in steps.items() if terms and 0 < step < IRREGULAR}


class Panels:
    """A side in the scratch memory of an instance, in panels of one tile each.

    Args:
        lowering: of the kernel.
        side: what is stored.
        sums: the blocks of the summed axes.
        dimension: which dimension of a tile of results the side runs along; also the number of the
            scratch memory.
        count: how many panels there is room for.
    """

    def __init__(
        self, lowering: Lowering, side: Side, sums: SumBlocks, dimension: int, count: int
    ) -> None:
        self.lowering = lowering
        self.side = side
        self.sums = sums
        self.dimension = dimension
        self.levels: list[Level] | None = None
        self.own_levels = find_levels(sums, side.value)
        is_along_sum = side.order is PanelOrder.SUM
        self.sum_dimension = 1 if is_along_sum else 0
        self.pitch = sums.length + SPACING if is_along_sum else side.width
        self.size = self.count_elements(side, sums)
        self.memory = memory.make_scratch(dimension, side.value.dtype, count * self.size)
        tiled = [place for place, size in enumerate(side.sizes) if size > 1]
        self.last = tiled[-1] if tiled else len(side.sizes) - 1

    @staticmethod
    def count_elements(side: Side, sums: SumBlocks) -> int:
        """Return how many elements a panel has room for."""
        if side.order is PanelOrder.SUM:
            return side.width * (sums.length + SPACING)
        return sums.length * side.width

    def panel_of(self, read: Read) -> Index:
        """Return the number of the panel to read."""
        return read.panel

    def read(self, read: Read) -> Node:
        """Return terms of a tile: columns of rows, or rows of lanes."""
        width, depth = self.side.width, read.depth
        panel = self.panel_of(read)
        sums = 1 - self.dimension
        if self.side.group > 1:
            words = self._words(panel, read.term, depth, read.after)
            if self.dimension == 0:
                return reshape_to(permute_axes(words, (1, 0, 2)), (width, depth))
            return reshape_to(permute_axes(words, (0, 2, 1)), (depth, width))
        element = span(0, width, self.dimension)
        offset = self._offset(panel, element, span(read.term, depth, sums))
        return memory.make_load(self.memory, offset, after=read.after)

    def _words(self, panel: Index, term: Index, depth: int, after: Node | None) -> Node:
        """Return the words of some terms: (words along the terms, elements, group)."""
        group, width = self.side.group, self.side.width
        offset = self._words_offset(panel, 0, term, depth // group)
        offset = symbolic.add(offset, lanes(width * group, 2, 1))
        words = memory.make_load(self.memory, offset, after=after)
        return reshape_to(words, (depth // group, width, group))

    def _words_offset(self, panel: Index, element: Index, term: Index, rows: int) -> Index:
        """Return where the words of an element begin, an index tile of so many rows of words.

        ``term`` is the first of a word.
        """
        group = self.side.group
        return symbolic.add(
            symbolic.multiply(panel, self.size),
            symbolic.multiply(symbolic.add(term, lanes(rows, 2, 0) * group), self.pitch),
            symbolic.multiply(element, group),
        )

    def store_tile(self, panel: Index, number: Index, block: Block, at: Environment) -> Node:
        """Return the effect that fills a panel with the tile of that number."""
        bases = find_bases(self.side, number)

        def store(terms: Index, at: Environment) -> list[Node]:
            return self._store(panel, bases, terms, at)

        return tile.block(*self._walk(self.own_levels, [], block, at, store))

    def fill(self, tiles: Range, block: Block, at: Environment) -> Node | None:
        """Return the effect that fills a panel for each of some tiles, if there is any.

        Args:
            tiles: their numbers.
            block: of the sum.
            at: positions of the batch's axes, and of the outer ones of the sum.
        """
        first, stop = tiles
        if symbolic.subtract(stop, first) == 1:
            return self.store_tile(0, first, block, at)
        _, number = self.lowering.new_loop(first, stop)
        bases = find_bases(self.side, number)
        panel = symbolic.subtract(number, first)

        def store(terms: Index, at: Environment) -> list[Node]:
            return self._store(panel, bases, terms, at)

        def store_all(terms: Index, at: Environment) -> list[Node]:
            return [tile.make_loop(number, 1, (), store(terms, at))]

        if self.side.order is PanelOrder.TILE and len(self.side.axes) == 1:
            # Neighbouring tiles are neighbours in memory.
            return tile.block(*self._walk(self.own_levels, [], block, at, store_all))
        return tile.make_loop(number, 1, (), self._walk(self.own_levels, [], block, at, store))

    def _offset(self, panel: Index, element: Index, term: Index) -> Index:
        """Return where an element of a tile lies, at a term of the block."""
        is_along_sum = self.side.order is PanelOrder.SUM
        along, across = (term, element) if is_along_sum else (element, term)
        return symbolic.add(
            symbolic.multiply(panel, self.size), symbolic.multiply(across, self.pitch), along
        )

    def _walk(
        self,
        levels: Sequence[Level],
        steps: list[Index],
        block: Block,
        at: Environment,
        emit: Callable[[Index, Environment], list[Node]],
    ) -> list[Node]:
        """Return the loops over some levels, around what ``emit`` gives for some terms."""
        level, *following = levels
        if following:
            _, index = self.lowering.new_loop(0, level.length(block))
            inside = level.bind(at, block, index)
            effects = self._walk(following, [*steps, index], block, inside, emit)
            return [tile.make_loop(index, 1, (), effects)]

        def chunk(start: Index, size: int) -> list[Node]:
            terms = span(start, size, self.sum_dimension)
            inside = level.bind(at, block, terms, self.sum_dimension, size)
            return emit(term_of(self.own_levels, [*steps, terms]), inside)

        return self._chunks(level.length(block), level.least, chunk)

    def _chunks(
        self, length: Index, least: int, chunk: Callable[[Index, int], list[Node]]
    ) -> list[Node]:
        """Return a loop over terms, several at a time; there are never fewer than ``least``."""
        group = self.side.group
        if self.side.order is PanelOrder.TILE:
            rounds = [n * group for n in range(1, MOST_ROUNDS + 1)]
            is_known = isinstance(length, int)
            size = max(n for n in rounds if n == group or (is_known and length % n == 0))
        else:
            size = min(TURNED, least) // group * group
        if length == size:
            return chunk(0, size)
        _, index = self.lowering.new_loop(0, length)
        start: Index = index
        if size > 1 and not (isinstance(length, int) and length % size == 0):
            # The last chunk overlaps the one before it.
            start = symbolic.minimum(index, symbolic.subtract(length, size))
        return [tile.make_loop(index, size, (), chunk(start, size))]

    def _store(
        self, panel: Index, bases: Sequence[Index], terms: Index, at: Environment
    ) -> list[Node]:
        """Return the stores of one chunk of terms: the tile in runs along its last axis."""
        side = self.side
        extent = side.width if side.is_padded else side.sizes[self.last]
        steps = {PanelOrder.TILE: extent, PanelOrder.TURNED: TURNED, PanelOrder.SUM: 1}
        step = steps[side.order]
        for number in range(self.last + 1, len(side.axes)):
            at = at.bind(side.axes[number], Position(bases[number]))
        effects: list[Node] = []
        for place in itertools.product(*map(range, side.sizes[: self.last])):
            element = 0
            for number, offset in enumerate(place):
                position = Position(symbolic.add(bases[number], offset))
                at = at.bind(side.axes[number], position)
                element = element * side.sizes[number] + offset
            base, first = bases[self.last], 0
            if side.order is PanelOrder.TURNED and extent >= 2 * step:
                # One square after the other by the same instructions, of which it takes hundreds.
                first = extent // step * step
                _, start = self.lowering.new_loop(0, first)
                store = self._store_run(panel, (element * extent, start, step), terms, base, at)
                effects.append(tile.make_loop(start, step, (), [store]))
            for rest in range(first, extent, step):
                run = (element * extent, rest, min(step, extent - rest))
                effects.append(self._store_run(panel, run, terms, base, at))
        return effects

    def _store_run(
        self,
        panel: Index,
        run: tuple[int, Index, int],
        terms: Index,
        base: Index,
        at: Environment,
    ) -> Node:
        """Return the store of a run: where its row of the tile begins, its start and its length."""
        side = self.side
        element, start, length = run
        dimension = 1 - self.sum_dimension
        elements = span(start, length, dimension)
        value = symbolic.add(base, elements)
        condition = symbolic.less(value, side.extents[self.last]) if side.is_padded else True
        at = at.bind(side.axes[self.last], Position(value, dimension, length, condition))
        stored = self.lowering.value(side.value, at)
        if side.group > 1:
            return self._store_words(panel, symbolic.add(element, start), length, terms, stored)
        offset = self._offset(panel, symbolic.add(element, elements), terms)
        return memory.make_store(self.memory, offset, stored)

    def _store_words(
        self, panel: Index, element: Index, length: int, terms: Index, stored: Node
    ) -> Node:
        """Return the store of a run of elements for some terms as rows of words."""
        group, count = self.side.group, known_sizes(as_node(terms).shape)[0]
        rows = count // group
        whole = expand_to(reshape_to(stored, stored.shape or (1, 1)), (count, length))
        split = permute_axes(reshape_to(whole, (rows, group, length)), (0, 2, 1))
        words = reshape_to(split, (rows, length * group))
        first = symbolic.subtract(terms, lanes(count, 2, 0))
        place = self._words_offset(panel, element, first, rows)
        place = symbolic.add(place, lanes(length * group, 2, 1))
        return memory.make_store(self.memory, place, words)

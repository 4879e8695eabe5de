"""Packing: the effects that fill panels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index, affine, as_index, split_terms
from tilegrad.ops.build import lanes
from tilegrad.ops.movement import expand_to, permute_axes, reshape_to
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.lower import Lowering
from tilegrad.tile.staging import PanelOrder, Side, SumBlocks

SPACING = 16
"""Rows of a panel are so much farther apart than they are long, so as not to share cache sets."""
TURNED = 16
"""Edge of the squares that are transposed in registers."""
MOST_ROUNDS = 4
"""Up to so many terms are copied in one round."""


class Panels:
    """The panels of one side in the scratch memory of an instance.

    Args:
        side: what is staged.
        sums: the blocks of the summed axes.
        identity: number of the scratch memory.
        count: how many panels there is room for.
    """

    def __init__(self, side: Side, sums: SumBlocks, identity: int, count: int) -> None:
        self.side = side
        self.sums = sums
        self.pitch = sums.length + SPACING if side.order is PanelOrder.SUM else side.width
        self.size = (
            side.width * self.pitch if side.order is PanelOrder.SUM else sums.length * side.width
        )
        dtype = side.value.dtype
        self.memory = memory.make_scratch(identity, dtype, count * self.size)

    def offset(self, panel: Index, element: Index, term: Index) -> Index:
        """Return where an element of a tile lies, at a term of the block."""
        along, across = (term, element) if self.side.order is PanelOrder.SUM else (element, term)
        return symbolic.add(
            symbolic.multiply(panel, self.size), symbolic.multiply(across, self.pitch), along
        )

    def words_offset(self, panel: Index, element: Index, term: Index, rows: int) -> Index:
        """Return where the words of an element begin, an index tile of so many rows of words.

        ``term`` is the first of a word.
        """
        group = self.side.group
        return symbolic.add(
            symbolic.multiply(panel, self.size),
            symbolic.multiply(symbolic.add(term, lanes(rows, 2, 0) * group), self.pitch),
            symbolic.multiply(element, group),
        )

    def left(self, panel: Index, term: Index, depth: int, after: Node) -> Node:
        """Return the tile as the left operand of a product over some terms."""
        width = self.side.width
        if self.side.group == 1:
            offset = self.offset(panel, _span(0, width, 0), _span(term, depth, 1))
            return memory.make_load(self.memory, offset, after=after)
        words = permute_axes(self._words(panel, term, depth, after), (1, 0, 2))
        return reshape_to(words, (width, depth))

    def right(self, panel: Index, term: Index, depth: int, after: Node) -> Node:
        """Return the tile as the right operand of a product over some terms."""
        width = self.side.width
        if self.side.group == 1:
            offset = self.offset(panel, _span(0, width, 1), _span(term, depth, 0))
            return memory.make_load(self.memory, offset, after=after)
        words = permute_axes(self._words(panel, term, depth, after), (0, 2, 1))
        return reshape_to(words, (depth, width))

    def _words(self, panel: Index, term: Index, depth: int, after: Node) -> Node:
        """Return the words of some terms: (words along the terms, elements, group)."""
        group, width = self.side.group, self.side.width
        offset = self.words_offset(panel, 0, term, depth // group)
        offset = symbolic.add(offset, lanes(width * group, 2, 1))
        words = memory.make_load(self.memory, offset, after=after)
        return reshape_to(words, (depth // group, width, group))


def segment_axes(sums: SumBlocks, value: Node) -> list[list[Node]]:
    """Return the axes within a block, neighbours together that an expression walks as one.

    They are where the outer one is always multiplied by the inner one's extent times what the inner
    one is multiplied by.
    """
    axes = [sums.cut, *sums.inner]
    extents = dict(zip(axes, sums.extents, strict=True))
    order = sort_topologically([value])
    alone = {
        source
        for node in order
        if node.op is not affine
        for source in node.sources
        if source.op is kernel.axis
    }
    terms = [split_terms(as_index(node))[0] for node in order if node.op is affine]
    segments = [[axes[0]]]
    for outer, inner in itertools.pairwise(axes):
        is_one = not {outer, inner} & alone and all(
            one.get(outer, 0) == extents[inner] * one.get(inner, 0) for one in terms
        )
        if is_one:
            segments[-1].append(inner)
        else:
            segments.append([inner])
    return segments


class Packer:
    """Writes the effects that fill the panels of one tile.

    Args:
        lowering: of the kernel.
        panels: what to fill.
    """

    def __init__(self, lowering: Lowering, panels: Panels) -> None:
        self.lowering = lowering
        self.panels = panels
        self.side = panels.side
        self.sums = panels.sums
        self.segments = segment_axes(self.sums, self.side.value)
        tiled = [place for place, size in enumerate(self.side.sizes) if size > 1]
        self.last = tiled[-1] if tiled else len(self.side.sizes) - 1
        self.is_turned = self.side.order is PanelOrder.TURNED

    def fill(
        self, panel: Index, bases: Sequence[Index], first: Index, count: Index, at: Environment
    ) -> list[Node]:
        """Return the effects that store one tile's factor for all terms of a block.

        Args:
            panel: which panel.
            bases: the first value of each of the side's axes.
            first: the first value of the cut axis.
            count: how many values of it there are.
            at: positions of all other axes.
        """
        return self._walk(0, 0, at, panel, bases, first, count)

    def _inner(self, segment: Sequence[Node]) -> int:
        """Return how many terms a segment has, for one value of the cut axis if it is in it."""
        extents = dict(zip(self.sums.inner, self.sums.extents[1:], strict=True))
        return math.prod(extents.get(axis, 1) for axis in segment)

    def _walk(
        self,
        number: int,
        term: Index,
        at: Environment,
        panel: Index,
        bases: Sequence[Index],
        first: Index,
        count: Index,
    ) -> list[Node]:
        segment = self.segments[number]
        least = self._inner(segment)
        length: Index = least
        if self.sums.cut in segment:
            length, least = symbolic.multiply(count, least), self.sums.least * least
        base: Index = 0
        for axis in segment[:-1]:
            at = at.bind(axis, Position(first if axis is self.sums.cut else 0))
        if segment[-1] is self.sums.cut:
            base = first
        if number == len(self.segments) - 1:

            def chunk(index: Index, size: int) -> list[Node]:
                terms = _span(index, size, 1 if self.side.order is PanelOrder.SUM else 0)
                dimension = 1 if self.side.order is PanelOrder.SUM else 0
                position = Position(symbolic.add(base, terms), dimension, size)
                inside = at.bind(segment[-1], position)
                return self._store(panel, bases, symbolic.add(term, terms), inside)

            return self._chunks(length, least, chunk)
        inner = math.prod(self._inner(other) for other in self.segments[number + 1 :])
        _, index = self.lowering.new_loop(0, length)
        inside = self._walk(
            number + 1,
            symbolic.add(term, symbolic.multiply(index, inner)),
            at.bind(segment[-1], Position(symbolic.add(base, index))),
            panel,
            bases,
            first,
            count,
        )
        return [tile.make_loop(index, 1, (), inside)]

    def _chunks(
        self, length: Index, least: int, chunk: Callable[[Index, int], list[Node]]
    ) -> list[Node]:
        """Return a loop over a segment's terms, several at a time; ``length`` is never less."""
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
        step = TURNED if self.is_turned else (1 if side.order is PanelOrder.SUM else extent)
        for number in range(self.last + 1, len(side.axes)):
            at = at.bind(side.axes[number], Position(bases[number]))
        effects = []
        for place in itertools.product(*map(range, side.sizes[: self.last])):
            element = 0
            for number, offset in enumerate(place):
                position = Position(symbolic.add(bases[number], offset))
                at = at.bind(side.axes[number], position)
                element = element * side.sizes[number] + offset
            for start in range(0, extent, step):
                run = (element * extent, start, min(step, extent - start))
                effects.append(self._store_run(panel, run, terms, bases[self.last], at))
        return effects

    def _store_run(
        self,
        panel: Index,
        run: tuple[int, int, int],
        terms: Index,
        base: Index,
        at: Environment,
    ) -> Node:
        """Return the store of a run: where its row of the tile begins, its start and its length."""
        side = self.side
        element, start, length = run
        dimension = 0 if side.order is PanelOrder.SUM else 1
        elements = _span(start, length, dimension)
        value = symbolic.add(base, elements)
        condition = symbolic.less(value, side.extents[self.last]) if side.is_padded else True
        at = at.bind(side.axes[self.last], Position(value, dimension, length, condition))
        stored = self.lowering.value(side.value, at)
        if side.group > 1:
            return self._store_words(panel, symbolic.add(element, start), length, terms, stored)
        offset = self.panels.offset(panel, symbolic.add(element, elements), terms)
        return memory.make_store(self.panels.memory, offset, stored)

    def _store_words(
        self, panel: Index, element: Index, length: int, terms: Index, stored: Node
    ) -> Node:
        """Return the store of a run of elements for some terms as rows of words."""
        group, count = self.side.group, int(as_index(terms).shape[0])  # type: ignore[arg-type]
        rows = count // group
        whole = expand_to(reshape_to(stored, stored.shape or (1, 1)), (count, length))
        split = permute_axes(reshape_to(whole, (rows, group, length)), (0, 2, 1))
        words = reshape_to(split, (rows, length * group))
        first = symbolic.subtract(terms, lanes(count, 2, 0))
        place = self.panels.words_offset(panel, element, first, rows)
        place = symbolic.add(place, lanes(length * group, 2, 1))
        return memory.make_store(self.panels.memory, place, words)


def _span(start: Index, size: int, dimension: int) -> Index:
    """Return consecutive indices along a dimension of a tile of rank 2."""
    return symbolic.add(start, lanes(size, 2, dimension)) if size > 1 else start

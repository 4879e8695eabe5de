"""Windows: panels of what several terms of a sum share.

A convolution reads its image at s·o + d·r, for a place o of the result and a place r of the window.
A panel that held each term by itself would repeat what neighbouring windows have in common; here it
holds every place u = s·o + d·r of a tile once, and the innermost loops read it at the place that
belongs to a term. The same holds of the gradients of convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import memory, symbolic, tile
from tilegrad.ops.affine import Index
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.lower import Lowering
from tilegrad.tile.products.staging import Side, SumBlocks, Window
from tilegrad.tile.products.supply import Read
from tilegrad.tile.products.terms import Block, Level, find_index_terms, make_levels, span
from tilegrad.tile.products.tiling import Range, find_bases, find_digits

WHOLE_RUN = 16
"""A row of a panel is filled up to a multiple of so many elements, if that takes fewer pieces."""
LONGEST_RUN = 64
"""Up to so many elements are copied at once."""
WIDEST_STEP = 4
"""With wider strides and dilations, windows share too little."""


def find_windows(value: Node, own: Sequence[Node], bound: Sequence[Node]) -> tuple[Window, ...]:
    """Return the pairs of axes of which an expression depends on one sum only.

    Args:
        value: the expression.
        own: axes of the results, of which each is in at most one pair.
        bound: axes of the sum, likewise.
    """
    terms = find_index_terms(value)
    found: list[Window] = []
    left = list(bound)
    for axis in own:
        for other in left:
            window = _pair(axis, other, terms)
            if window is not None:
                found.append(window)
                left.remove(other)
                break
    return tuple(found)


def _pair(axis: Node, other: Node, terms: Sequence[dict[Node, int]]) -> Window | None:
    pairs = [(one.get(axis, 0), one.get(other, 0)) for one in terms]
    pairs = [pair for pair in pairs if pair != (0, 0)]
    if not pairs:
        return None
    first, second = pairs[0]
    divisor = math.gcd(first, second) * (-1 if first < 0 else 1)
    if not first or not second or len({*map(_direction, pairs)}) != 1:
        return None
    step, term_step = first // divisor, second // divisor
    sizes = sorted((step, abs(term_step)))
    if sizes[0] != 1 or sizes[1] > WIDEST_STEP:
        return None
    return Window(axis, other, step, term_step)


def _direction(pair: tuple[int, int]) -> tuple[int, int]:
    first, second = pair
    divisor = math.gcd(first, second) * (-1 if first < 0 else 1)
    return first // divisor, second // divisor


class Dimension(NamedTuple):
    """A dimension of a panel: what runs along it, its extent, elements from one to the next."""

    of: Node | Window
    extent: int
    stride: int


class WindowPanel:
    """A side's tile in scratch memory, every place of its windows once.

    Args:
        lowering: of the kernel.
        side: what is stored; it has windows.
        sums: the blocks of the summed axes.
        dimension: which dimension of a tile of results the side runs along; also the number of the
            scratch memory.
    """

    def __init__(self, lowering: Lowering, side: Side, sums: SumBlocks, dimension: int) -> None:
        self.lowering = lowering
        self.side = side
        self.sums = sums
        self.dimension = dimension
        self.levels: list[Level] = make_levels(sums, [[axis] for axis in (sums.cut, *sums.inner)])
        self.dimensions = lay_out(side, sums)
        size = self.dimensions[0].extent * self.dimensions[0].stride
        self.memory = memory.make_scratch(dimension, side.value.dtype, size)

    def read(self, read: Read) -> Node:
        """Return one term of the tile."""
        digits = dict(zip(self.side.axes, find_digits(self.side, self.dimension), strict=True))
        at = {level.axes[0]: step for level, step in zip(self.levels, read.steps, strict=True)}
        offset: Index = 0
        for one in self.dimensions:
            if isinstance(one.of, Window):
                window = one.of
                step = at[window.bound]
                if window.term_step < 0:
                    last = symbolic.subtract(self._count(window.bound, read.block), 1)
                    step = symbolic.subtract(last, step)
                place = symbolic.add(
                    symbolic.multiply(digits[window.own], window.step),
                    symbolic.multiply(step, abs(window.term_step)),
                )
            else:
                place = at[one.of] if one.of in at else digits[one.of]
            offset = symbolic.add(offset, symbolic.multiply(place, one.stride))
        return memory.make_load(self.memory, offset, after=read.after)

    def _count(self, axis: Node, block: Block) -> Index:
        if axis is self.sums.cut:
            return block.count
        return self.sums.extents[1 + self.sums.inner.index(axis)]

    def fill(self, tiles: Range, block: Block, at: Environment) -> Node:
        """Return the effect that fills the panel with a tile.

        Args:
            tiles: the first of them; there is room for one only.
            block: of the sum.
            at: positions of the batch's axes, and of the outer ones of the sum.
        """
        bases = dict(zip(self.side.axes, find_bases(self.side, tiles[0]), strict=True))
        for axis in self.side.axes:
            at = at.bind(axis, Position(bases[axis]))
        return tile.block(*self._walk(0, 0, bases, block, at))

    def _walk(
        self, number: int, offset: Index, bases: dict[Node, Index], block: Block, at: Environment
    ) -> list[Node]:
        one = self.dimensions[number]
        if isinstance(one.of, Window):
            length = self._reach(one.of, block)
            if number == len(self.dimensions) - 1:
                return self._store_runs(one.of, one.extent, offset, bases, block, at)
            _, index = self.lowering.new_loop(0, length)
            inside = self._bind(at, one.of, bases, block, Position(index))
        elif one.of in bases:
            effects: list[Node] = []
            for place in range(one.extent):
                inside = at.bind(one.of, Position(symbolic.add(bases[one.of], place)))
                further = symbolic.add(offset, place * one.stride)
                effects += self._walk(number + 1, further, bases, block, inside)
            return effects
        else:
            _, index = self.lowering.new_loop(0, self._count(one.of, block))
            first = block.first if one.of is self.sums.cut else 0
            inside = at.bind(one.of, Position(symbolic.add(first, index)))
        further = symbolic.add(offset, symbolic.multiply(index, one.stride))
        effects = self._walk(number + 1, further, bases, block, inside)
        return [tile.make_loop(index, 1, (), effects)]

    def _reach(self, window: Window, block: Block) -> Index:
        """Return how many places a tile's windows have in a block."""
        size = self.side.sizes[self.side.axes.index(window.own)]
        steps = symbolic.subtract(self._count(window.bound, block), 1)
        own = window.step * (size - 1) + 1
        return symbolic.add(own, symbolic.multiply(steps, abs(window.term_step)))

    def _bind(
        self,
        at: Environment,
        window: Window,
        bases: dict[Node, Index],
        block: Block,
        place: Position,
    ) -> Environment:
        """Return the positions with a window's two axes such that their sum is at a place."""
        first = block.first if window.bound is self.sums.cut else 0
        if window.term_step < 0:
            last = symbolic.subtract(self._count(window.bound, block), 1)
            first = symbolic.add(first, last)
        if abs(window.term_step) == 1:
            value = symbolic.add(first, symbolic.multiply(place.value, window.term_step))
            return at.bind(window.bound, place._replace(value=value))
        at = at.bind(window.bound, Position(first))
        value = symbolic.add(bases[window.own], place.value)
        return at.bind(window.own, place._replace(value=value))

    def _store_runs(
        self,
        window: Window,
        extent: int,
        offset: Index,
        bases: dict[Node, Index],
        block: Block,
        at: Environment,
    ) -> list[Node]:
        """Return the stores along the last dimension."""
        effects: list[Node] = []
        reach = self._reach(window, block)
        for start in range(0, extent, LONGEST_RUN):
            length = min(LONGEST_RUN, extent - start)
            places = span(start, length, 1)
            position = Position(places, 1, length, symbolic.less(places, reach))
            inside = self._bind(at, window, bases, block, position)
            value = self.lowering.value(self.side.value, inside)
            effects.append(memory.make_store(self.memory, symbolic.add(offset, places), value))
        return effects


def lay_out(side: Side, sums: SumBlocks) -> list[Dimension]:
    """Return the dimensions of a side's panel: axes of the sum, of the tile, then the windows."""
    paired = {axis for window in side.windows for axis in (window.own, window.bound)}
    bound = dict(zip((sums.cut, *sums.inner), (sums.size, *sums.extents[1:]), strict=True))
    own = dict(zip(side.axes, side.sizes, strict=True))
    parts: list[tuple[Node | Window, int]] = []
    parts += [(axis, size) for axis, size in bound.items() if axis not in paired]
    parts += [(axis, size) for axis, size in own.items() if axis not in paired and size > 1]
    for window in side.windows:
        reach = window.step * (own[window.own] - 1)
        reach += abs(window.term_step) * (bound[window.bound] - 1) + 1
        parts.append((window, reach))
    if side.windows:
        of, reach = parts[-1]
        parts[-1] = (of, _fill_up(reach))
    dimensions: list[Dimension] = []
    stride = 1
    for of, extent in reversed(parts):
        dimensions.insert(0, Dimension(of, extent, stride))
        stride *= extent
    return dimensions


def _fill_up(length: int) -> int:
    """Return how much room a row has: a rest of several powers of two is copied as a whole."""
    rest = length % WHOLE_RUN
    return length + WHOLE_RUN - rest if rest.bit_count() > 1 else length

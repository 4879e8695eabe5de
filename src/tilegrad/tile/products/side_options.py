"""The register tiles that a side of a contraction may have, with what each costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import memory
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.products.contraction import Contraction, Factor
from tilegrad.tile.products.staging import PanelOrder, Side, SumBlocks, Window
from tilegrad.tile.products.terms import find_levels
from tilegrad.tile.products.windows import find_windows, lay_out

MOST_ROWS = 14
"""Rows of a register tile (of units with tiles, as many times theirs) at most ..."""
MOST_VECTORS = 4
"""... and vectors of its lanes."""
LEAST_WORDS = 4
"""Lanes of a tile are a multiple of so many where dot products in lanes multiply."""
COPY_COST = 0.5
MASKED_COST = 0.7
TURNED_COST = 0.6
GATHERED_COST = 2.0
"""Cycles to pack one element of four bytes or more, by how the loads move. Half of them are what
its bytes take, so that smaller ones take less."""
RUN_COST = 1.5
"""Cycles to pack one run of elements, on top."""
LONGEST_RUN = 16
"""Elements of a run along a window or along the sum, at most."""
CACHE_PERIOD = 4096
"""Addresses so many bytes apart compete for the same lines of the first cache ..."""
CACHE_WAYS = 8
"""... which holds so many of them."""
LEAST_TURNED = 4
"""Tiles with shorter rows are not transposed in registers."""


class Option(NamedTuple):
    """A register tile of one side.

    Attributes:
        factor: the side's.
        sizes: values along each axis.
        width: elements, with padding.
        count: rows, or vectors of lanes.
        tiles: how many tiles there are.
        order: how its panels are laid out.
        packing: cycles to pack one tile for the whole sum.
        stored: cycles to store a vector of results.
        group: how many neighbouring terms make a word of the panels.
        windows: of the panels.
    """

    factor: Factor
    sizes: tuple[int, ...]
    width: int
    count: int
    tiles: int
    order: PanelOrder
    packing: float
    stored: float
    group: int = 1
    windows: tuple[Window, ...] = ()

    def side(self, tiles: int) -> Side:
        """Return the side with so many tiles in an instance."""
        return Side(
            self.factor.value,
            self.factor.axes,
            extents_of(self.factor.axes),
            self.sizes,
            self.width,
            tiles,
            self.order,
            self.group,
            self.windows,
        )


class SideOptions:
    """Describes the register tiles of one side.

    Args:
        facts: of the kernel.
        contraction: what it computes.
        factor: the side's.
        sums: the blocks of the summed axes.
        unit: the matrix unit that multiplies, or None.
    """

    def __init__(
        self,
        facts: Facts,
        contraction: Contraction,
        factor: Factor,
        sums: SumBlocks,
        unit: MatrixFacts | None,
    ) -> None:
        self.facts = facts
        self.factor = factor
        self.sums = sums
        self.unit = unit
        self.extents = extents_of(factor.axes)
        self.terms = math.prod(extents_of(contraction.bound))
        self.loads = memory.loads_in(factor.value)
        self.is_masked = any(len(load.sources) > 2 for load in self.loads)
        self.levels = find_levels(sums, factor.value)
        self.windows = find_windows(factor.value, factor.axes, (sums.cut, *sums.inner))

    def lanes(self, count: int, *, may_stay: bool = False) -> list[Option]:
        """Return the tiles that may run along the lanes of vectors.

        Args:
            count: how many lanes a vector has.
            may_stay: whether lanes may be read where they lie, if they are neighbours there.
        """
        stays = may_stay and self.lies_along(self.factor.axes[-1])
        sizes = {_fill_sizes(self.extents, n * count) for n in range(1, MOST_VECTORS + 1)}
        options = []
        for one in sorted(sizes):
            width = math.prod(one)
            if len(one) == 1 and one == self.extents:
                width = math.ceil(width / count) * count
            vectors = _count_pieces(width, count)
            if self.unit is not None:
                if width % LEAST_WORDS:
                    continue
                vectors = math.ceil(width / self.unit.columns)
            option = self._describe(one, width, vectors, is_lanes=True)
            if stays and one[-1] > 1:
                option = option._replace(order=PanelOrder.PLACE, packing=0.0)
            options.append(option)
        return options

    def rows(self) -> list[Option]:
        """Return the tiles whose elements are used one by one."""
        step = 1 if self.unit is None else self.unit.rows
        counts = range(step, step * MOST_ROWS + 1, step)
        options = []
        for one in sorted({_fill_sizes(self.extents, count) for count in counts}):
            width = math.prod(one)
            if width > 1:  # a single row makes no matrix
                options.append(self._describe(one, width, math.ceil(width / step), is_lanes=False))
        return options

    def variants(self, option: Option, *, is_lanes: bool) -> list[Option]:
        """Return a tile with its panels laid out in all ways that there are, as it is first."""
        if self.unit is not None:
            return [option]
        order = self._order(self._last_axis(option.sizes), is_lanes=is_lanes)
        found = {(option.order, option.windows): option}
        layouts: list[tuple[PanelOrder, tuple[Window, ...]]] = [(order, ())]
        if self.windows and not is_lanes:
            layouts.append((PanelOrder.TILE, self.windows))
        lies_ready = self._is_plain() and order is PanelOrder.SUM
        if is_lanes:
            lies_ready = option.sizes[-1] > 1 and self.lies_along(self.factor.axes[-1])
        if lies_ready:
            layouts.append((PanelOrder.PLACE, ()))
        for layout in layouts:
            found.setdefault(layout, option._replace(order=layout[0], windows=layout[1]))
        return list(found.values())

    def _describe(
        self, sizes: tuple[int, ...], width: int, count: int, *, is_lanes: bool
    ) -> Option:
        """Return a tile with its costs."""
        last = self._last_axis(sizes)
        tiles = math.prod(-(-e // s) for e, s in zip(self.extents, sizes, strict=True))
        order = self._order(last, is_lanes=is_lanes)
        packing = self.terms * width * self._element_cost(order, last, max(sizes))
        packing *= (1 + min(1.0, self.factor.value.dtype.itemsize / 4)) / 2
        stored = self._store_cost(last, sizes, is_lanes=is_lanes)
        option = Option(self.factor, sizes, width, count, tiles, order, packing, stored)
        if self.unit is not None:
            option = option._replace(group=1 if order is PanelOrder.SUM else self.unit.group)
        if is_lanes:
            return option
        if order is PanelOrder.SUM and self._can_stay(last, count):
            return option._replace(order=PanelOrder.PLACE, packing=0.0)
        if self.unit is not None:
            return option
        shared = option._replace(order=PanelOrder.TILE, windows=self.windows)
        cost = self._window_cost(shared) if self.windows else math.inf
        return shared._replace(packing=cost) if cost < packing else option

    def _window_cost(self, option: Option) -> float:
        """Return the cycles to pack a tile if what windows share is held once."""
        places = math.prod(one.extent for one in lay_out(option.side(1), self.sums))
        blocks = self.terms / self.sums.length
        cost = MASKED_COST if self.is_masked else COPY_COST
        return blocks * places * (cost + RUN_COST / LONGEST_RUN)

    def lies_along(self, axis: Node) -> bool:
        """Whether the factor is elements of memory that are neighbours along an axis."""
        return self._is_plain() and self._step(axis) == 1

    def _is_plain(self) -> bool:
        """Whether the factor is an element of memory, at a place that moves evenly."""
        return self.factor.value.op is memory.load and not self.is_masked and len(self.levels) == 1

    def _can_stay(self, last: Node, rows: int) -> bool:
        """Whether rows are as well read where they lie.

        Each must be elements of memory one after the other, as they are multiplied, and not too
        many of them a multiple of the cache's period apart.
        """
        has_tiles = self.unit is not None and self.unit.rows > 1
        if not self._is_plain() or has_tiles:
            return False
        distance = (self._step(last) or 0) * self.factor.value.dtype.itemsize
        sets = CACHE_PERIOD // math.gcd(distance, CACHE_PERIOD)
        return rows <= CACHE_WAYS * sets

    def _order(self, last: Node, *, is_lanes: bool) -> PanelOrder:
        if self.unit is not None and self.unit.rows > 1 and not is_lanes:
            return PanelOrder.SUM
        step = self._step(last)
        if self._step(self.levels[-1].axes[-1]) != 1 or step in (0, 1):
            return PanelOrder.TILE
        return PanelOrder.TURNED if is_lanes else PanelOrder.SUM

    def _last_axis(self, sizes: tuple[int, ...]) -> Node:
        """Return the innermost axis along which a tile has several values."""
        axes = self.factor.axes
        return next((a for a, n in zip(axes[::-1], sizes[::-1], strict=True) if n > 1), axes[-1])

    def _step(self, axis: Node) -> int | None:
        """Return by how many elements all loads move along an axis, None if not by one number."""
        found = {self.facts.stride(load, axis) for load in self.loads} - {0}
        if not found:
            return 0
        return found.pop() if len(found) == 1 else None

    def _element_cost(self, order: PanelOrder, last: Node, run: int) -> float:
        """Return the cycles to pack one element for one term."""
        along_sum = RUN_COST / min(LONGEST_RUN, self.levels[-1].least)
        if order is PanelOrder.SUM:
            return COPY_COST + along_sum
        if order is PanelOrder.TURNED and not self.is_masked:
            return TURNED_COST + along_sum
        cost = RUN_COST / run
        if self._step(last) in (0, 1):
            return cost + (MASKED_COST if self.is_masked else COPY_COST)
        return cost + GATHERED_COST

    def _store_cost(self, last: Node, sizes: tuple[int, ...], *, is_lanes: bool) -> float:
        """Return the cycles to store one vector of results, as far as this side decides."""
        cost = 0.0
        for store in self.facts.stores:
            if self.facts.stride(store, last) == 1:
                cost += 1.0 if is_lanes or max(sizes) >= LEAST_TURNED else 16.0
            elif is_lanes:
                cost += 6.0
        return cost


def _fill_sizes(extents: tuple[int, ...], most: int) -> tuple[int, ...]:
    """Return a tile of at most so many values: inner axes whole, then a part of the next one."""
    sizes = [1] * len(extents)
    for place in range(len(extents) - 1, -1, -1):
        sizes[place] = min(extents[place], most)
        most //= sizes[place]
        if sizes[place] < extents[place]:
            break
    return tuple(sizes)


def extents_of(axes: Sequence[Node]) -> tuple[int, ...]:
    """Return the extents of axes, which are all known."""
    return tuple(constant_extent(axis) or 1 for axis in axes)


def _count_pieces(width: int, lanes: int) -> int:
    """Return the vectors of a row of elements, full ones and powers of two."""
    return width // lanes + (width % lanes).bit_count()

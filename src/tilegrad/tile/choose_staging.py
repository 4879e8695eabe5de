"""The choice of a staging by a small cost model, in cycles of one core.

Every pair of register tiles that fits is compared by what its multiplications cost, with what
partial tiles waste, by its stores, and by the packing of both sides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.tile.contraction import Contraction, Factor, loads_of
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.narrow import find_depth, find_narrow, find_unit, has_words, raise_signed
from tilegrad.tile.packing import segment_axes
from tilegrad.tile.staging import PanelOrder, Side, Staging, SumBlocks
from tilegrad.tile.target import TileTarget

LANES_OF_BLOCK = 512
"""Terms of a block of the sum are so many that half the cache holds panels of so many lanes ..."""
LEAST_SUM = 16
"""... but at least this many."""
LARGEST_CACHE = 2 << 20
"""Scratch memory lies on the stack of a thread, so that more of a cache than this is not used."""
MOST_ROWS = 14
MOST_VECTORS = 4
LEAST_WORDS = 4
"""Lanes of a tile are a multiple of so many where dot products in lanes multiply."""
LEAST_WORK = 1 << 21
LEAST_NARROW_WORK = 1 << 14
"""Fewer multiplications are not worth staging where the factors fit the cache."""
LEAST_LATENCY = 4.0
"""Cycles between multiply-adds of one result."""
LEAST_INSTANCES = 8
SMALL_TILES = 96
"""Blocks of rows or lanes are not made shorter than this for the sake of more instances."""
LARGEST_ROWS = 512
COPY_COST = 0.2
MASKED_COST = 0.5
TURNED_COST = 0.4
GATHERED_COST = 1.6
"""Cycles to pack one element, by how the loads move."""
RUN_COST = 1.5
"""Cycles to pack one run of elements, on top."""


class _Shape(NamedTuple):
    """A register tile of one side: values along each axis, elements, and vectors or rows."""

    sizes: tuple[int, ...]
    width: int
    count: int


class StagingChoice:
    """Chooses how a contraction is staged.

    Args:
        facts: of the kernel.
        contraction: what it computes.
        target: the processor.
    """

    def __init__(self, facts: Facts, contraction: Contraction, target: TileTarget) -> None:
        self.facts = facts
        self.contraction = contraction
        self.target = target
        self.total_size = contraction.reduction.dtype.itemsize
        self.itemsize = contraction.factors[0].value.dtype.itemsize
        self.lanes = max(1, target.vector_bytes // self.total_size)
        self.cache = min(target.cache_bytes, LARGEST_CACHE)
        # Narrow factors are multiplied faster, but partial results move as slowly: longer blocks.
        most = self.cache // (2 * LANES_OF_BLOCK * self.itemsize) * self.total_size
        most //= self.itemsize
        self.sums = _cut_sum(contraction.bound, max(LEAST_SUM, most))
        self.batch = math.prod(_extents(contraction.batch))
        self.terms = math.prod(_extents(contraction.bound))

    def choose(self) -> Staging | None:
        """Return the best staging, None if it would not pay."""
        first, second = self.contraction.factors
        best: tuple[float, Staging] | None = None
        for rows, columns in ((first, second), (second, first)):
            unit = find_unit(self.contraction, rows, columns)
            if self.contraction.units and (unit is None or not self._fits(unit, rows, columns)):
                continue
            registers = self.target.registers if unit is None else unit.registers
            tiles = self._row_tiles(rows, unit), self._lane_tiles(columns, unit)
            for tall, wide in itertools.product(*tiles):
                if tall.count * wide.count + wide.count + 1 > registers:
                    continue
                found = self._measure(rows, columns, tall, wide, unit)
                if best is None or found[0] < best[0]:
                    best = found
        return None if best is None else best[1]

    def _fits(self, unit: MatrixFacts, rows: Factor, columns: Factor) -> bool:
        """Whether the terms of the sum are whole words for a unit."""
        factors = (rows, columns)
        return find_depth(unit, self.sums) is not None and all(
            has_words(unit, self.sums, factor.value) for factor in factors
        )

    # --- register tiles ---

    def _lane_tiles(self, factor: Factor, unit: MatrixFacts | None) -> list[_Shape]:
        """Return the tiles that may run along the lanes."""
        extents = _extents(factor.axes)
        *_, last = extents
        found: dict[tuple[int, ...], _Shape] = {}
        for vectors in range(1, MOST_VECTORS + 1):
            most = vectors * self.lanes
            sizes = [1] * len(extents)
            sizes[-1] = min(last, most)
            if last <= most and len(extents) > 1:
                sizes[-2] = min(extents[-2], max(1, most // last))
            elements = math.prod(sizes)
            width = elements
            if len(extents) == 1 and last < most:
                width = math.ceil(last / self.lanes) * self.lanes
            pieces = _count_pieces(width, self.lanes)
            if unit is not None:
                if width % LEAST_WORDS:
                    continue
                pieces = math.ceil(width / unit.columns)
            found[tuple(sizes)] = _Shape(tuple(sizes), width, pieces)
        return list(found.values())

    def _row_tiles(self, factor: Factor, unit: MatrixFacts | None) -> list[_Shape]:
        """Return the tiles whose elements are used one by one."""
        extents = _extents(factor.axes)
        *_, last = extents
        found: dict[tuple[int, ...], _Shape] = {}
        step = 1 if unit is None else unit.rows
        for rows in range(step, step * MOST_ROWS + 1, step):
            sizes = [1] * len(extents)
            sizes[-1] = min(last, rows)
            if last <= rows and len(extents) > 1:
                sizes[-2] = min(extents[-2], rows // last)
            elements = math.prod(sizes)
            found[tuple(sizes)] = _Shape(tuple(sizes), elements, math.ceil(elements / step))
        return list(found.values())

    # --- costs ---

    def _measure(
        self,
        rows: Factor,
        columns: Factor,
        tall: _Shape,
        wide: _Shape,
        unit: MatrixFacts | None,
    ) -> tuple[float, Staging]:
        steps = self.sums.length * self.itemsize
        row_count = _count_tiles(rows, tall)
        lane_count = _count_tiles(columns, wide)
        is_single = self.sums.is_single
        cache = self.cache
        lane_tiles = max(1, min(lane_count, int(cache / 2 / (steps * wide.width))))
        row_tiles = max(1, min(row_count, LARGEST_ROWS // tall.width))
        if not is_single:
            most = cache / 4 / (self.total_size * tall.width * wide.width * lane_tiles)
            row_tiles = max(1, min(row_tiles, int(most)))
        row_tiles, lane_tiles = _divide(row_count, row_tiles), _divide(lane_count, lane_tiles)
        row_tiles, lane_tiles = self._spread(
            (row_count, row_tiles, tall.width), (lane_count, lane_tiles, wide.width)
        )
        staging = Staging(
            self.contraction.reduction,
            self.contraction.batch,
            self._side(rows, tall, row_tiles, unit, is_lanes=False),
            self._side(columns, wide, lane_tiles, unit, is_lanes=True),
            self.sums,
            1 if unit is None else find_depth(unit, self.sums) or 1,
            unit is not None and unit.is_raised,
        )
        results = tall.count * wide.count
        round_ = max(results / 2, (tall.count + wide.count) / 2, LEAST_LATENCY) + 0.5
        if unit is not None and unit.rows > 1:
            round_ = max(results, tall.count + wide.count) * unit.rows
        if unit is not None:
            round_ /= unit.depth
        tiles = row_count * lane_count
        total = tiles * (self.terms * round_ + results * self._store_cost(rows, columns, tall))
        packed_rows = staging.lanes.blocks * row_count * tall.width
        packed_lanes = staging.rows.blocks * lane_count * wide.width
        total += self.terms * packed_rows * self.packing_cost(rows, staging.rows)
        total += self.terms * packed_lanes * self.packing_cost(columns, staging.lanes)
        return total * self.batch, staging

    def _spread(self, rows: tuple[int, int, int], columns: tuple[int, int, int]) -> tuple[int, int]:
        """Return the tiles of an instance, fewer where that makes too few instances."""
        row_count, row_tiles, tall = rows
        lane_count, lane_tiles, wide = columns
        while True:
            instances = self.batch * -(-row_count // row_tiles) * -(-lane_count // lane_tiles)
            if instances >= LEAST_INSTANCES:
                return row_tiles, lane_tiles
            if row_tiles * tall >= max(lane_tiles * wide, 2 * SMALL_TILES):
                row_tiles = -(-row_tiles // 2)
            elif lane_tiles * wide >= 2 * SMALL_TILES and lane_tiles > 1:
                lane_tiles = -(-lane_tiles // 2)
            else:
                return row_tiles, lane_tiles

    def _side(
        self, factor: Factor, shape: _Shape, tiles: int, unit: MatrixFacts | None, *, is_lanes: bool
    ) -> Side:
        order = self._order(factor, shape, is_lanes=is_lanes)
        if unit is not None and unit.rows > 1 and not is_lanes:
            order = PanelOrder.SUM
        group = 1 if unit is None or order is PanelOrder.SUM else unit.group
        extents = _extents(factor.axes)
        value = factor.value
        if unit is not None and unit.is_raised and not is_lanes:
            value = raise_signed(value)
        return Side(value, factor.axes, extents, shape.sizes, shape.width, tiles, order, group)

    def _order(self, factor: Factor, shape: _Shape, *, is_lanes: bool) -> PanelOrder:
        last = segment_axes(self.sums, factor.value)[-1][-1]
        step = self.step(factor, _last_axis(factor, shape))
        if self.step(factor, last) != 1 or step in (0, 1):
            return PanelOrder.TILE
        return PanelOrder.TURNED if is_lanes else PanelOrder.SUM

    def step(self, factor: Factor, axis: Node) -> int | None:
        """Return by how many elements all loads of a factor move along an axis, if by one."""
        loads = loads_of(self.facts, self.contraction, factor)
        found = {self.facts.stride(load, axis) for load in loads} - {0}
        if not found:
            return 0
        return found.pop() if len(found) == 1 else None

    def packing_cost(self, factor: Factor, side: Side) -> float:
        """Return the cycles to pack one element."""
        if side.order is PanelOrder.SUM:
            return COPY_COST
        loads = loads_of(self.facts, self.contraction, factor)
        is_masked = any(len(load.sources) > 2 for load in loads)
        if side.order is PanelOrder.TURNED and not is_masked:
            return TURNED_COST
        step = self.step(factor, _last_axis(factor, _Shape(side.sizes, side.width, 0)))
        cost = RUN_COST / max(side.sizes)
        if step in (0, 1):
            return cost + (MASKED_COST if is_masked else COPY_COST)
        return cost + GATHERED_COST

    def _store_cost(self, rows: Factor, columns: Factor, tall: _Shape) -> float:
        """Return the cycles to store one vector of results."""
        cost = 0.0
        for store in self.facts.stores:
            if self.facts.stride(store, columns.axes[-1]) == 1:
                cost += 1.0
            elif self.facts.stride(store, rows.axes[-1]) == 1 and tall.sizes[-1] >= 4:
                cost += 6.0
            else:
                cost += 16.0
        return cost


def _extents(axes: Sequence[Node]) -> tuple[int, ...]:
    return tuple(constant_extent(axis) or 1 for axis in axes)


def _last_axis(factor: Factor, shape: _Shape) -> Node:
    """Return the innermost axis along which a tile has several values."""
    tiled = [axis for axis, size in zip(factor.axes, shape.sizes, strict=True) if size > 1]
    return tiled[-1] if tiled else factor.axes[-1]


def _count_tiles(factor: Factor, shape: _Shape) -> int:
    extents = _extents(factor.axes)
    return math.prod(-(-e // s) for e, s in zip(extents, shape.sizes, strict=True))


def _count_pieces(width: int, lanes: int) -> int:
    """Return the vectors of a row of elements, full ones and powers of two."""
    return width // lanes + (width % lanes).bit_count()


def _divide(count: int, most: int) -> int:
    """Return the size of equal parts that are no greater than a limit."""
    return -(-count // -(-count // most))


def _cut_sum(bound: Sequence[Node], longest: int) -> SumBlocks:
    """Return the blocks of the summed axes: the inner axes whole, one cut, the outer ones walked.

    Up to half as many terms more than ``longest`` are not worth cutting.
    """
    place, inner = len(bound), 1
    extents = _extents(bound)
    while place > 0 and inner * extents[place - 1] <= longest * 3 // 2:
        place -= 1
        inner *= extents[place]
    if place == 0:
        return SumBlocks((), bound[0], extents[0], tuple(bound[1:]), extents)
    cut = extents[place - 1]
    most = max(1, longest // inner)
    size = _divide(cut, most)
    if inner == 1:
        size = min(cut, -(-size // 16) * 16)
    return SumBlocks(
        tuple(bound[: place - 1]),
        bound[place - 1],
        size,
        tuple(bound[place:]),
        extents[place - 1 :],
    )


def pays(choice: StagingChoice, staging: Staging) -> bool:
    """Whether staging is worth its copies: there is reuse, and reading in place would be slow."""
    rows, columns = staging.rows, staging.lanes
    row_elements, lane_elements = math.prod(rows.extents), math.prod(columns.extents)
    if choice.terms < 16 or row_elements < 8 or lane_elements < choice.lanes:
        return False
    nbytes = choice.terms * max(row_elements, lane_elements) * choice.itemsize
    # Where they lie, narrow factors would be widened for every multiplication.
    least = LEAST_NARROW_WORK if choice.contraction.units else LEAST_WORK
    return nbytes > choice.cache // 2 or choice.terms * row_elements * lane_elements > least


def choose_staging(facts: Facts, contraction: Contraction, target: TileTarget) -> Staging | None:
    """Return how a contraction is staged, None if it is better read where it lies."""
    narrow = find_narrow(contraction, target.units)
    for each in (contraction,) if narrow is None else (narrow, contraction):
        choice = StagingChoice(facts, each, target)
        staging = choice.choose()
        if staging is not None and pays(choice, staging):
            return staging
    return None

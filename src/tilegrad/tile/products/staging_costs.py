"""What a staging costs, in cycles of one core, and how its tiles are divided into instances.

Of a pair of register tiles that is what its multiplications cost, with what partial tiles waste,
its stores, and the packing of both sides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from tilegrad.ops import kernel
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.tile.balance import DELAY, Cycles, Grid
from tilegrad.tile.decisions import list_near
from tilegrad.tile.products.contraction import Factor
from tilegrad.tile.products.side_options import Option
from tilegrad.tile.products.staging import SumBlocks

LEAST_LATENCY = 4.0
"""Cycles between multiply-adds of one result."""
MOST_INSTANCES = 8
"""A side is not cut further for the sake of threads that have so many instances each."""
NEARLY = 1.06
"""Register tiles that cost more than this many times what the cheapest ones do stay behind them
however evenly they fill the threads."""
SMALL_TILES = 96
"""Blocks of rows or lanes are not made shorter than this for the sake of more instances."""


class Pair(NamedTuple):
    """Register tiles of both sides, and the matrix unit that multiplies them or None."""

    rows: Option
    columns: Option
    unit: MatrixFacts | None

    def __str__(self) -> str:
        sides = ("x".join(map(str, side.sizes)) for side in (self.rows, self.columns))
        return f"{kernel.name_of(self.rows.factor.axes[0])}:{' '.join(sides)}"


@dataclass(frozen=True, slots=True)
class StagingCosts:
    """Measures the stagings of one contraction.

    Attributes:
        sums: the blocks of the summed axes.
        terms: how many there are altogether.
        batch: how many matrices there are.
        itemsize: bytes of an element of a factor.
        total_size: bytes of a sum.
        cache: bytes of a cache that panels may take.
        kept: factors that are constant, so that their panels are packed once.
        threads: how many share the instances.
    """

    sums: SumBlocks
    terms: int
    batch: int
    itemsize: int
    total_size: int
    cache: int
    kept: Collection[Factor]
    threads: int

    def measure_all(self, pairs: Sequence[Pair]) -> dict[Pair, float]:
        """Return the cycles that each pair of tiles takes, on all threads together.

        How evenly instances fill the threads is looked at only where it may decide: not of tiles
        that take longer than others even if no thread ever waits.
        """
        grids = {pair: self._find_grid(pair.rows, pair.columns) for pair in pairs}
        cycles = {pair: self._measure(pair) for pair in pairs}
        costs = {pair: grid.total(cycles[pair]) for pair, grid in grids.items()}
        if self.threads == 1:
            return costs
        limit, best = NEARLY * min(costs.values()), math.inf
        finest = MOST_INSTANCES * self.threads
        for pair in sorted(pairs, key=costs.__getitem__):
            least = costs[pair] * (1 + DELAY / max(finest, grids[pair].instances))
            if costs[pair] > limit:
                costs[pair] *= 2
            elif least > best:
                costs[pair] = least
            else:
                costs[pair] = self._divide_evenly(pair, grids[pair], cycles[pair])[1]
                best = min(best, costs[pair])
        return costs

    def _measure(self, pair: Pair) -> Cycles:
        """Return what the parts of an instance with a pair of tiles take."""
        rows, columns, unit = pair
        results = rows.count * columns.count
        loads = rows.count + columns.count
        cycles = max(results / 2, loads / 2, LEAST_LATENCY) + 0.5
        if unit is not None and unit.rows > 1:
            cycles = max(results, loads) * unit.rows
        if unit is not None:
            cycles /= unit.depth
        stored = results * max(rows.stored, columns.stored)
        if not self.sums.is_single:
            stored += 3 * results
        packing = self._packing_of(rows), self._packing_of(columns)
        return Cycles(self.terms * cycles + stored, *packing)

    def _find_grid(self, rows: Option, columns: Option) -> Grid:
        """Return the tiles in the largest blocks whose panels and partial results fit the cache."""
        panel = self.sums.length * self.itemsize * columns.width
        # Rows of a matrix are packed anew for every block of lanes: better fewer, though they leave
        # the cache. Rows of images are in it, as windows overlap.
        is_packed = self._packing_of(rows) > 0 and len(rows.sizes) == 1 and self.sums.is_single
        room = self.cache if is_packed else self.cache // 2
        lane_tiles = max(1, min(columns.tiles, room // panel))
        row_tiles = rows.tiles
        if not self.sums.is_single:
            partial = self.total_size * rows.width * columns.width * lane_tiles
            row_tiles = max(1, min(row_tiles, self.cache * 3 // 8 // partial))
        block = divide(rows.tiles, row_tiles), divide(columns.tiles, lane_tiles)
        return Grid(self.batch, rows.tiles, columns.tiles, block)

    def _divide_evenly(self, pair: Pair, grid: Grid, cycles: Cycles) -> tuple[Grid, float]:
        """Return the tiles in blocks that fill the threads best, and the cycles that they take."""
        threads = self.threads
        best = grid, grid.span(cycles, threads)
        if threads == 1:
            return best
        tall, wide = (
            _list_parts(tiles, size, -(-SMALL_TILES // option.width))
            for tiles, size, option in zip(grid[1:3], grid.block, pair[:2], strict=True)
        )
        for block in itertools.product(tall, wide):
            finer = grid._replace(block=block)
            if grid.instances < finer.instances <= MOST_INSTANCES * threads and (
                finer.least(cycles) < best[1]
            ):
                best = min(best, (finer, finer.span(cycles, threads)), key=itemgetter(1))
        return best

    def _packing_of(self, side: Option) -> float:
        """Return the cycles to pack a tile of a side."""
        return 0.0 if side.factor in self.kept else side.packing

    def list_blocks(self, pair: Pair) -> list[tuple[int, int]]:
        """Return how many tiles of each side an instance may have; what fills threads best first.

        All have room for their panels and partial results, or no less than the first.
        """
        rows, columns, _ = pair
        grid, _ = self._divide_evenly(pair, self._find_grid(rows, columns), self._measure(pair))
        tall, wide = grid.block
        blocks = [grid.block]
        blocks += [(divide(rows.tiles, n), wide) for n in list_near(tall, 1, rows.tiles)]
        blocks += [(tall, divide(columns.tiles, n)) for n in list_near(wide, 1, columns.tiles)]
        panel = self.sums.length * self.itemsize * columns.width
        partial = 0 if self.sums.is_single else self.total_size * rows.width * columns.width
        most = max(self.cache, panel * wide + partial * tall * wide)
        fitting = [(r, c) for r, c in blocks if panel * c + partial * r * c <= most]
        return list(dict.fromkeys(fitting))


def divide(count: int, most: int) -> int:
    """Return the size of equal parts that are no greater than a limit."""
    return -(-count // -(-count // most))


def _list_parts(tiles: int, most: int, least: int) -> list[int]:
    """Return the sizes of equal parts of some tiles, of ``most`` and less, down to ``least``."""
    counts = range(-(-tiles // most), tiles // max(1, min(least, most)) + 1)
    return list(dict.fromkeys(-(-tiles // count) for count in counts))

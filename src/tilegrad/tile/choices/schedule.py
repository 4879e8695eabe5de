"""The default schedule of a kernel: plain data, chosen by a small cost model.

One axis of the results may run along the lanes of vectors (where loads and stores are contiguous);
a reduction that does not depend on it chooses lanes of its own among the axes it binds. Axes along
which loaded values are used again become register tiles. What is left are program instances (the
grid) and, inside, loops.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import kernel
from tilegrad.ops.weights import weight_of
from tilegrad.tile.choices.cuts import NO_CUTS, Cuts, find_cuts, join_short
from tilegrad.tile.choices.joined_rows import JoinedRows, choose_joined
from tilegrad.tile.choices.lanes import choose_lanes
from tilegrad.tile.choices.order import choose_order
from tilegrad.tile.choices.registers import choose_register_tile
from tilegrad.tile.choices.short_rows import choose_rows_together
from tilegrad.tile.choices.turns import choose_runs, choose_turn
from tilegrad.tile.decisions import Decider, list_near
from tilegrad.tile.facts import (
    Axes,
    Facts,
    Region,
    constant_extent,
    count_points,
    extent_number,
)
from tilegrad.tile.target import TileTarget

SPLIT_WORK = 1 << 16
"""A reduction with fewer instances than LEAST_INSTANCES is cut up from this much work on."""
LEAST_INSTANCES = 8
MOST_PARTS = 64
LARGEST_PART = 1 << 26
"""A reduction is cut into 64 parts at most, or as many as it takes for parts of this much work."""
REPEATED_LENGTH = 256
"""A reduction to few values over no more elements than this is repeated by every instance."""
COLUMN_BYTES = 1 << 16
"""What the columns of an instance come to takes so much scratch memory at most."""
COLUMN_VECTORS = 4
RESULT_VECTORS = 4
"""So many vectors of results are computed at a time."""
LONG_EXPRESSION = 60
"""Strips of columns are no wider than others where expressions weigh so much."""
REDUCED_VECTORS = 4
"""So many vectors are reduced along the lanes at a time."""
STRIP_VECTORS = 16
"""So much of each row is read at a time where strips of columns are combined in registers."""
COLUMN_ROWS = 8
"""How many rows are combined before what the columns have come to is written back."""
LEAST_ROWS = 32
"""Where there are fewer rows, or parts of so few, columns are not combined in scratch memory."""
MOST_ROW_PARTS = 16
INSTANCE_WORK = 4096
"""An instance walks at least about so many elements, unless decided otherwise, ..."""
LEAST_GRID = 16
"""... as long as so many instances remain."""


class Tile(NamedTuple):
    """How one axis is tiled: the place of the tile's dimension, and its size."""

    dimension: int
    size: int


class Schedule(NamedTuple):
    """All choices for a kernel.

    Attributes:
        rank: rank of every tile; the last dimension runs along the lanes.
        tiles: the tiled axes; an axis that is not among them advances by one.
        grid: axes whose (tiles') positions are program instances, outermost first.
        loops: axes of the results that are loops inside an instance, outermost first.
        chunk: how many values of ``chunked`` one instance walks.
        chunked: the axis of the grid that is also a loop (the last of both), or None.
        parts: into how many parts each reduction outside the others is cut, or 1.
        columns: the axis along the lanes if reductions go down its columns row by row.
        rows: how many rows of columns are combined at a time.
        cuts: where axes are cut because a condition changes; in the grid, they are loops too.
        joined: the rows of a tile that are written as one, or None.
    """

    rank: int
    tiles: dict[Node, Tile]
    grid: tuple[Node, ...]
    loops: tuple[Node, ...]
    parts: int
    chunked: Node | None = None
    chunk: int = 1
    columns: Node | None = None
    rows: int = 1
    cuts: Cuts = NO_CUTS
    joined: JoinedRows | None = None


def choose_schedule(facts: Facts, target: TileTarget, decider: Decider) -> Schedule:
    """Return the schedule that is decided for."""
    lanes = max(1, target.vector_bytes // max(4, _widest(facts)))
    along = choose_lanes(facts, lanes, decider)
    lane = along[facts.regions[None]]
    register = choose_register_tile(facts, along, lanes, target, decider)
    rows, vectors = register.rows, register.vectors
    turn = choose_turn(facts, lane, lanes, decider) if len(facts.regions) == 1 else None
    cuts = find_cuts(facts, lane, lanes)
    joined = None
    if turn is not None:
        rows, vectors = (turn,), decider.take("turned vectors", (1, 2, 4))
    elif not cuts and len(facts.regions) == 1:
        joined = choose_joined(facts, lane, target, decider)
    if joined is not None:
        rows, vectors = ((joined.axis, joined.count),), math.ceil(joined.length / lanes)
    rows = rows or choose_rows_together(facts, along, lanes, target, decider)
    rank = 1 + len(rows)
    tiles = {axis: Tile(place, size) for place, (axis, size) in enumerate(rows)}
    _tile_lanes(facts, along, tiles, rank - 1, lanes, vectors, decider)
    if not rows and lane is not None:
        columns = _walk_columns(facts, lane, lanes, decider)
        if columns is not None:
            return columns
    grid, loops = _split_outputs(facts)
    if len(facts.regions) == 1:
        grid = choose_order(facts, decider)
    instances = math.prod(_count_blocks(axis, tiles) for axis in grid)
    parts = _count_parts(facts, instances, decider)
    schedule = Schedule(rank, tiles, grid, loops, parts, joined=joined)
    if register.rows or parts > 1:
        return schedule
    least = decider.take("instance work", list_near(INSTANCE_WORK, 1, INSTANCE_WORK << 4))
    inner = lane
    if turn is not None and lane is not None:
        inner = choose_runs(facts, lane, turn[0], decider)
    schedule = _coarsen(facts, schedule, inner, least)
    cuts = join_short(cuts, {axis: one.size for axis, one in tiles.items()})
    if cuts:
        cuts = decider.take("cuts", (cuts, NO_CUTS), label=lambda one: "cut" if one else "whole")
    walked = [axis for axis in schedule.grid if axis in cuts and axis not in schedule.loops]
    return schedule._replace(cuts=cuts, loops=(*walked, *schedule.loops))


def _walk_columns(facts: Facts, lane: Node, lanes: int, decider: Decider) -> Schedule | None:
    """Return the schedule that combines wide rows with each other; None if there are none."""
    reductions = [region for region in facts.regions.values() if region.reduction is not None]
    bound = {region.own for region in reductions}
    is_nested = any(region.level for region in reductions)
    stored = [facts.free[store] for store in facts.stores]
    is_whole = all(axes == frozenset(facts.outputs) for axes in (*facts.rows, *stored))
    if len(bound) != 1 or is_nested or not is_whole:
        return None
    extent = extent_number(lane)
    rows = count_points(frozenset(reductions[0].own))
    tile = lanes * COLUMN_VECTORS
    if extent <= tile or rows < LEAST_ROWS:
        return None
    if decider.take("columns", ("rows", "strips")) == "strips":
        return None
    nbytes = sum(region.reduction.dtype.itemsize for region in reductions if region.reduction)
    most = decider.take("column bytes", list_near(COLUMN_BYTES, 1 << 12, 1 << 18))
    blocks = max(1, math.ceil(extent * nbytes / most))
    chunk = math.ceil(extent / blocks / tile) * tile
    others = tuple(axis for axis in facts.outputs if axis is not lane)
    instances = count_points(frozenset(others)) * blocks
    parts = 1
    if instances < LEAST_INSTANCES and constant_extent(lane) is not None:
        first = extent_number(reductions[0].own[0])
        most = int(max(1, min(MOST_ROW_PARTS, rows // LEAST_ROWS, first)))
        parts = decider.take("parts", list_near(most, 1, int(min(4 * MOST_ROW_PARTS, rows, first))))
    together = decider.take("rows together", list_near(COLUMN_ROWS, 2, 16))
    tiles = {lane: Tile(0, tile)}
    return Schedule(1, tiles, (*others, lane), (lane,), parts, lane, chunk, lane, together)


def _widest(facts: Facts) -> int:
    """Return the size of the widest elements that the most work is done on."""
    heaviest = max(facts.regions.values(), key=lambda region: count_points(region.axes))
    if heaviest.reduction is not None:
        widths = [load.dtype.itemsize for load in heaviest.loads]
    else:
        # What is read once a row, such as its label, is no work along it.
        whole = [load for load in heaviest.loads if facts.free[load] == heaviest.axes]
        widths = [load.dtype.itemsize for load in whole]
        widths += [store.sources[2].dtype.itemsize for store in facts.stores]
    return min(8, max(widths, default=4))


def _tile_lanes(
    facts: Facts,
    inner: dict[Region, Node | None],
    tiles: dict[Node, Tile],
    dimension: int,
    lanes: int,
    register_vectors: int,
    decider: Decider,
) -> None:
    """Choose the sizes of tiles along the lanes; 0 register vectors if there is no such tile."""
    lane = inner[facts.regions[None]]
    if lane is not None:
        vectors = register_vectors or _vectors_for(facts, lane, lanes, decider)
        tiles[lane] = Tile(dimension, _lane_size(lane, lanes * vectors))
    for region, axis in sorted(inner.items(), key=lambda pair: -count_points(pair[0].axes)):
        if axis is None or axis not in region.own or axis in tiles:
            continue
        # Two axes along the lanes must not meet in one region.
        along = {one for one, tile in tiles.items() if tile.dimension == dimension}
        if not any(axis in other.axes and along & other.axes for other in inner):
            near = list_near(REDUCED_VECTORS, 1, 4 * REDUCED_VECTORS)
            vectors = register_vectors or decider.take(f"vectors {kernel.name_of(axis)}", near)
            tiles[axis] = Tile(dimension, _lane_size(axis, lanes * vectors))


def _vectors_for(facts: Facts, lane: Node, lanes: int, decider: Decider) -> int:
    """Return how many vectors a tile of results has.

    Several, since each operation waits for the one before: even where not all of what a long
    expression holds fits the registers, several chains side by side are faster than one.
    """
    vectors = RESULT_VECTORS
    size = sum(map(weight_of, facts.regions[None].nodes))
    if size < LONG_EXPRESSION and any(
        lane in facts.free[node] for node in facts.regions if node is not None
    ):
        vectors = STRIP_VECTORS  # columns are combined, and their rows are read piece by piece
    # A pattern that repeats is known where every tile begins with it.
    period = facts.period(lane)
    whole = period // math.gcd(period, lanes)
    vectors = max(1, vectors // whole) * whole
    near = [one for one in list_near(vectors, 1, STRIP_VECTORS) if one % whole == 0]
    return decider.take("vectors", near)


def _lane_size(axis: Node, most: int) -> int:
    extent = constant_extent(axis)
    return most if extent is None else min(extent, most)


def _split_outputs(facts: Facts) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Return the axes of the grid and those of loops: rows of reductions come outside."""
    rows: list[Axes] = sorted(_shaping_rows(facts), key=len)
    shared = frozenset(facts.outputs).intersection(*rows) if rows else frozenset(facts.outputs)
    grid = tuple(axis for axis in facts.outputs if axis in shared)
    others = [axis for axis in facts.outputs if axis not in shared]
    others.sort(key=lambda axis: -sum(1 for row in rows if axis in row))
    return grid, tuple(others)


def _shaping_rows(facts: Facts) -> list[Axes]:
    """Return the rows of the reductions that instances do not simply repeat."""
    rows = []
    for node in facts.regions[None].nodes:
        if node.op is kernel.reduce_over:
            free = facts.free[node]
            length = count_points(facts.regions[node].axes - free)
            if length > REPEATED_LENGTH or count_points(free) >= LEAST_INSTANCES:
                rows.append(free)
    return rows


def _coarsen(facts: Facts, schedule: Schedule, inner: Node | None, least: int) -> Schedule:
    """Make instances larger, by loops inside, where one tile alone is too little work.

    Inner axes become loops as long as enough instances remain; an axis that is too long for that
    is walked in chunks.

    Args:
        facts: of the kernel.
        schedule: without chunks.
        inner: the axis along which loops go innermost.
        least: an instance walks at least about so many elements.
    """
    grid = sorted(schedule.grid, key=lambda axis: axis is inner)
    loops = list(schedule.loops)
    work = count_points(frozenset(loops)) * _reduced_points(facts)
    while grid:
        axis = grid[-1]
        # Of an extent that is not known, nothing says that it is small.
        extent = extent_number(axis) if constant_extent(axis) is not None else math.inf
        remaining = math.prod(_count_blocks(other, schedule.tiles) for other in grid[:-1])
        if work >= least:
            break
        size = schedule.tiles[axis].size if axis in schedule.tiles else 1
        if remaining < LEAST_GRID and work * extent > least:
            tiles_each = math.ceil(least / (work * size))
            if tiles_each * size >= extent or (loops and axis is not inner):
                break
            chunk = size * tiles_each
            return schedule._replace(
                grid=tuple(grid), loops=(axis, *loops), chunked=axis, chunk=chunk
            )
        grid.pop()
        loops.insert(0, axis)
        work *= extent
    order = sorted(loops, key=lambda axis: axis is inner)
    order.sort(key=lambda axis: -sum(1 for row in facts.rows if axis in row))
    return schedule._replace(grid=tuple(grid), loops=tuple(order))


def _reduced_points(facts: Facts) -> float:
    """Return how many values the longest reduction combines for one result."""
    return max(
        (
            count_points(region.axes) / count_points(region.axes - frozenset(region.own))
            for region in facts.regions.values()
        ),
        default=1.0,
    )


def _count_blocks(axis: Node, tiles: dict[Node, Tile]) -> float:
    size = tiles[axis].size if axis in tiles else 1
    return math.ceil(extent_number(axis) / size)


def _count_parts(facts: Facts, instances: float, decider: Decider) -> int:
    """Return into how many parts the reductions of a kernel with few instances are cut."""
    outer = [node for node in facts.regions[None].nodes if node.op is kernel.reduce_over]
    if instances >= LEAST_INSTANCES or not outer:
        return 1
    axes = {node.sources[1] for node in outer}
    inside = {
        node for region in facts.regions.values() if region.reduction for node in region.nodes
    }
    if len(axes) != 1 or inside & set(outer) or facts.rows[0] != frozenset(facts.outputs):
        return 1
    (axis,) = axes
    extent = constant_extent(axis)
    work = max(count_points(region.axes) for region in facts.regions.values())
    if extent is None or work < SPLIT_WORK:
        return 1
    most = max(MOST_PARTS, work // LARGEST_PART)
    parts = max(1, int(min(most, work // (SPLIT_WORK // 4), extent)))
    return decider.take("parts", list_near(parts, 1, min(extent, 4 * MOST_PARTS)))

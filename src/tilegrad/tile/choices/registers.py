"""Register tiles: along which axes a reduction keeps several results at once, and how many.

Loads are what a tile saves: a value that does not depend on an axis serves all results along it.
All sizes that fit the registers are compared by the loads they leave for each multiply-add.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import (
    IRREGULAR,
    Facts,
    Region,
    constant_extent,
    count_points,
    extent_number,
)
from tilegrad.tile.target import TileTarget

BROADCAST_WEIGHT = 0.6
"""What loading one value for all lanes costs, against a vector."""
MASK_WEIGHT = 0.4
"""What a guard costs more, ..."""
GUARD_WEIGHT = 0.1
"""... what it costs to find out for all vectors of a row, ..."""
MASKS, SPILL_WEIGHT = 8, 0.5
"""... and what each guarded load of a tile costs beyond so many, for which there are masks."""
INSTANCE_WEIGHT = 2.0
"""What a tile costs by itself, spread over its multiply-adds."""
STREAMED_POINTS = 1 << 18
"""From so many multiply-adds on, a matrix that is used once is read row after row: memory is asked
for ahead along one row, not along as many as a tile has."""
LARGEST_TILE = 14
"""Results along one axis, at most ..."""
MOST_VECTORS = 3
"""... and vectors along the lanes."""


class RegisterTile(NamedTuple):
    """The axes with several results, their counts, and the vectors along the lanes."""

    rows: tuple[tuple[Node, int], ...]
    vectors: int

    def __str__(self) -> str:
        return " ".join(
            [*(f"{kernel.name_of(axis)}:{n}" for axis, n in self.rows), str(self.vectors)]
        )


NO_TILE = RegisterTile((), 0)


def choose_register_tile(
    facts: Facts,
    inner: dict[Region, Node | None],
    lanes: int,
    target: TileTarget,
    decider: Decider,
) -> RegisterTile:
    """Return the register tile of the heaviest reduction, ``NO_TILE`` if none would save loads.

    Args:
        facts: of the kernel.
        inner: the axis along the lanes of each region.
        lanes: elements of a vector.
        target: the processor.
        decider: decides ``registers``.
    """
    heaviest = max(facts.regions.values(), key=lambda region: count_points(region.axes))
    if heaviest.reduction is None or len(heaviest.loads) < 2:
        return NO_TILE
    if any(rows != frozenset(facts.outputs) for rows in facts.rows):
        return NO_TILE
    lane = inner[heaviest]
    axes = _reusing_axes(facts, heaviest, lane)
    if not axes or lane is None:
        return NO_TILE
    is_lane_reduction = lane in heaviest.own
    is_streamed = len(axes) == 1 and count_points(heaviest.axes) >= STREAMED_POINTS
    most_vectors = 1 if is_lane_reduction else MOST_VECTORS
    most_results = target.registers // 2 if is_lane_reduction else target.registers
    costs: dict[RegisterTile, float] = {}
    for vectors in range(1, most_vectors + 1):
        if vectors > 1 and extent_number(lane) <= lanes * (vectors - 1):
            break
        for sizes in itertools.product(*(_sizes(axis) for axis in axes)):
            results = math.prod(sizes) * vectors
            operands = results // sizes[0] + 1  # one row of them, and one value at a time beside
            if results > most_results or results + operands > target.registers:
                continue
            rows = tuple((axis, n) for axis, n in zip(axes, sizes, strict=True) if n > 1)
            found = RegisterTile(rows, vectors) if rows else NO_TILE
            cost = _cost(facts, heaviest, lane, dict(zip(axes, sizes, strict=True)), vectors, lanes)
            costs[found] = min(cost, costs.get(found, math.inf))
    if is_lane_reduction and is_streamed:
        costs[NO_TILE] = 0.0
    return decider.take("registers", list(costs) or [NO_TILE], lambda one: costs.get(one, 0.0))


def _reusing_axes(facts: Facts, region: Region, lane: Node | None) -> list[Node]:
    """Return up to two axes, each leaving other loads unchanged, the most useful first."""
    gains: list[tuple[float, Node]] = []
    for axis in facts.outputs:
        reused = sum(1 for load in region.loads if axis not in facts.free[load])
        is_free = axis is not lane and not _is_looked_up(facts, region, axis)
        if is_free and extent_number(axis) >= 2 and reused:
            gains.append((-reused * min(extent_number(axis), 16.0), axis))
    gains.sort(key=lambda gain: gain[0])
    chosen: list[Node] = []
    covered: set[frozenset[Node]] = set()
    for _, axis in gains:
        unchanged = frozenset(load for load in region.loads if axis not in facts.free[load])
        if unchanged not in covered:
            covered.add(unchanged)
            chosen.append(axis)
    return chosen[:2]


def _is_looked_up(facts: Facts, region: Region, axis: Node) -> bool:
    """Whether a place in memory depends on the axis through another load, as a gather's does.

    Rows of a tile would then be read from places that only the processor knows, lane by lane.
    """
    return any(
        node.op is memory.load and axis in facts.free[node]
        for load in region.loads
        if facts.stride(load, axis) == IRREGULAR
        for node in sort_topologically([load.sources[1]])
    )


def _sizes(axis: Node) -> Sequence[int]:
    extent = constant_extent(axis)
    return range(1, min(LARGEST_TILE, extent or LARGEST_TILE) + 1)


def _cost(
    facts: Facts,
    region: Region,
    lane: Node,
    sizes: dict[Node, int],
    vectors: int,
    lanes: int,
) -> float:
    """Return the loads for one multiply-add of a vector, with what partial tiles waste."""
    results = math.prod(sizes.values()) * vectors
    total = guarded = 0.0
    for load in region.loads:
        varies = lane in facts.free[load]
        weight = 1.0 if varies else BROADCAST_WEIGHT
        reuse = 1 if varies else vectors
        for axis, size in sizes.items():
            if axis not in facts.free[load]:
                reuse *= size
        if len(load.sources) > 2:
            weight += MASK_WEIGHT + GUARD_WEIGHT / vectors
            guarded += results / reuse
        total += weight / reuse
    total += SPILL_WEIGHT * max(0.0, guarded - MASKS) / results
    total = max(total, 0.5) + INSTANCE_WEIGHT / results
    for axis, size in sizes.items():
        extent = extent_number(axis)
        total *= math.ceil(extent / size) * size / extent
    if lane not in region.own:
        extent, step = extent_number(lane), vectors * lanes
        full = max(1.0, math.ceil(extent / lanes)) * lanes
        total *= max(full, math.ceil(extent / step) * min(step, full)) / full
    return total

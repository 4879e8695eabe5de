"""Transposes: the axis along which some access is contiguous while the lanes run along another.

With a tile over both axes, every access reads or writes whole pieces of memory, and the tile is
transposed in registers.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ops import kernel
from tilegrad.tile.decisions import Decider, list_near
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.uncached import find_large

LEAST_TURNED = 3
"""An axis with fewer values is not worth a transpose."""


def choose_turn(
    facts: Facts, lane: Node | None, lanes: int, decider: Decider
) -> tuple[Node, int] | None:
    """Return the axis to tile beside the lanes and the tile's size, None if all is contiguous.

    Args:
        facts: of a kernel without reductions.
        lane: the axis along the lanes.
        lanes: elements of a vector.
        decider: decides ``turn``.
    """
    if lane is None or (constant_extent(lane) or 0) < LEAST_TURNED:
        return None
    region = facts.regions[None]
    gains: dict[Node, int] = {}
    for access in (*region.loads, *facts.stores):
        if abs(facts.stride(access, lane)) <= 1:
            continue
        for axis in facts.outputs:
            extent = constant_extent(axis) or 0
            if extent >= LEAST_TURNED and facts.stride(access, axis) == 1:
                gains[axis] = gains.get(axis, 0) + 1
    if not gains:
        return None
    candidates: list[tuple[Node, int] | None] = []
    for axis in sorted(gains, key=lambda one: -gains[one]):
        extent = constant_extent(axis) or lanes
        sizes = list_near(min(lanes, extent), LEAST_TURNED, min(2 * lanes, extent))
        candidates += [(axis, size) for size in sizes]
    return decider.take("turn", [*candidates, None], label=_name_turn)


def choose_runs(facts: Facts, lane: Node, axis: Node, decider: Decider) -> Node:
    """Return the axis along which tiles follow each other, by default where rows are far apart.

    One of the two accesses goes on in the rows of memory that it is in, the other one begins new
    ones with every tile: better that whose rows are near each other, or, where results are written
    past the caches, the stores.

    Args:
        facts: of the kernel.
        lane: the axis along the lanes.
        axis: the axis that is tiled beside it.
        decider: decides ``runs``.
    """
    order = [lane, axis]
    if find_large(facts):
        order.sort(key=lambda along: -_count_loads(facts, along))
    elif _distance(facts, axis, lane) > _distance(facts, lane, axis):
        order.reverse()
    return decider.take("runs", order, label=kernel.name_of)


def _count_loads(facts: Facts, along: Node) -> int:
    """Return how many loads are contiguous along an axis."""
    return sum(facts.stride(load, along) == 1 for load in facts.regions[None].loads)


def _distance(facts: Facts, along: Node, across: Node) -> int:
    """Return how far apart the rows are of the accesses that are contiguous along an axis."""
    accesses = (*facts.regions[None].loads, *facts.stores)
    return max(
        (
            abs(facts.stride(access, across))
            for access in accesses
            if facts.stride(access, along) == 1
        ),
        default=0,
    )


def _name_turn(turn: tuple[Node, int] | None) -> str:
    return "none" if turn is None else f"{kernel.name_of(turn[0])}:{turn[1]}"

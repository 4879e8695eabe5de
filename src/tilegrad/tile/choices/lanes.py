"""Along which axis the lanes of vectors run in each part of a kernel, by a small cost model.

One axis of the results may run along the lanes everywhere; a reduction that does not depend on it
chooses among the axes it binds, with regard to the reductions inside it, which then depend on that.
"""

from __future__ import annotations

import math

from tilegrad.ir.node import Node
from tilegrad.ops import kernel
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import IRREGULAR, PATTERNED, Facts, Region, count_points, extent_number

BROADCAST_COST = 0.3
VECTOR_COST = 1.0
PATTERNED_COST = 2.0
STRIDED_COST = 5.0
IRREGULAR_COST = 9.0
SCALAR_COST = 7.0
"""Costs of one vector's worth of loads, by how they move along the lanes."""
LANE_REDUCTION_COST = 1.2
"""How much dearer a region is if its reduction runs along the lanes."""


def choose_lanes(facts: Facts, lanes: int, decider: Decider) -> dict[Region, Node | None]:
    """Return the axis along the lanes of each region, None where values go one by one.

    Args:
        facts: of the kernel.
        lanes: elements of a vector.
        decider: decides ``lanes``, and ``lanes 0``, ``lanes 1`` ... of the reductions.
    """
    return _Choice(facts, lanes).choose(decider)


class _Choice:
    def __init__(self, facts: Facts, lanes: int) -> None:
        self.facts = facts
        self.lanes = lanes
        self.inside: dict[Region, list[Region]] = {region: [] for region in facts.regions.values()}
        for region in facts.regions.values():
            if region.parent is not None:
                self.inside[region.parent].append(region)
        self.chosen: dict[tuple[Region, Node | None], tuple[float, Node | None]] = {}

    def choose(self, decider: Decider) -> dict[Region, Node | None]:
        outermost = self.facts.regions[None]
        candidates: list[Node | None] = [*self.facts.outputs, None]
        lane = decider.take(
            "lanes", candidates, lambda axis: self._cost(outermost, axis), name_axis
        )
        found: dict[Region, Node | None] = {outermost: lane}
        pending = [outermost]
        while pending:
            region = pending.pop()
            for inner in self.inside[region]:
                around = found[region]
                found[inner] = decider.take(
                    f"lanes {len(found) - 1}",
                    self._candidates(inner, around),
                    lambda axis, inner=inner: self._cost(inner, axis),
                    name_axis,
                )
                pending.append(inner)
        return found

    def _candidates(self, region: Region, around: Node | None) -> list[Node | None]:
        """Return the axes that may run along the lanes of a region, by the lanes around it."""
        if around is not None and around in region.axes and around not in region.own:
            return [around]
        return [None, *region.own]

    def _choose(self, region: Region, around: Node | None) -> tuple[float, Node | None]:
        """Return the least cost of a region, and its lanes, by the lanes around it."""
        key = region, around
        if key not in self.chosen:
            candidates = self._candidates(region, around)
            costs = [self._cost(region, axis) for axis in candidates]
            least = min(costs)
            self.chosen[key] = least, candidates[costs.index(least)]
        return self.chosen[key]

    def _cost(self, region: Region, lane: Node | None) -> float:
        """Return what a region costs with all that is inside it."""
        inside = sum(self._choose(inner, lane)[0] for inner in self.inside[region])
        return inside + self._own_cost(region, lane)

    def _own_cost(self, region: Region, lane: Node | None) -> float:
        points = count_points(region.axes)
        stores = () if region.reduction else self.facts.stores
        accesses = [*region.loads, *stores]
        if lane is None:
            return points * SCALAR_COST * (1 + len(accesses))
        cost = 0.5
        for access in accesses:
            cost += _access_cost(self.facts.stride(access, lane))
        if lane in region.own:
            cost *= LANE_REDUCTION_COST
        return points * cost / _utilisation(lane, self.lanes)


def name_axis(axis: Node | None) -> str:
    """Return the name of an axis, or that there is none."""
    return "none" if axis is None else kernel.name_of(axis)


def _access_cost(stride: int) -> float:
    if stride == 0:
        return BROADCAST_COST
    if abs(stride) == 1:
        return VECTOR_COST
    if stride == PATTERNED:
        return PATTERNED_COST
    return IRREGULAR_COST if stride == IRREGULAR else STRIDED_COST


def _utilisation(axis: Node, lanes: int) -> float:
    extent = extent_number(axis)
    return extent / (math.ceil(extent / lanes) * lanes)

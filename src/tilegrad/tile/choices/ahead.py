"""What an instance asks memory for while it computes something else.

A processor fetches ahead of what reads memory in order, and rests while a row that it has is read
for the second time, so loops over a row ask for the next one meanwhile. What they are asked for
while they wait for too much else, processors drop, and what is there already costs little: all
loops over rows that come from memory ask, and one makes up for another. Where one array is read,
and a loop computes long enough to get it, the loops before that one do not. Rows that come from a
cache are asked for once.

Where values stream through once, and results are written past the caches, asking helps the
processor over the ends of pages. Where they are only summed, it waits for nothing but memory, and
gets more of it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory
from tilegrad.ops.weights import weight_of
from tilegrad.tile.choices.schedule import Schedule
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.uncached import LEAST_BYTES, count_bytes

STREAM_BYTES, SUM_BYTES, LEAST_RUN = 4096, 5120, 4 * 4096
"""How far ahead streams ask, those that are written and those that are summed, and what they must
read in one run at least. What is further away than 4 KiB is asked for in the second cache."""
LEAST_ENDING = 1 << 11
"""Bytes of rows that may end within a tile: the ends of shorter ones ask for too much twice."""
LEAST_ROW, LONGEST_ROW = 1 << 13, 1 << 19
"""Of shorter rows the processor has fetched the next one by itself; longer ones leave no room."""
LEAST_WEIGHT, LONGEST_CHEAP_ROW = 10, 1 << 16
"""Loops that compute so much for an element, such as an exponential, leave memory time to spare;
others do not for longer rows."""

Ahead = Mapping[Node | None, Mapping[Node, int]]
"""For each reduction, and for None what is stored: how many elements ahead loads ask."""
NO_AHEAD: Ahead = MappingProxyType({})


class _Pass(NamedTuple):
    """A loop over rows.

    Attributes:
        owners: the reductions that share it, or None.
        loads: of whole rows in it, each with the size of a row.
        weight: what it computes for each element.
    """

    owners: tuple[Node | None, ...]
    loads: dict[Node, int]
    weight: int

    def only(self, pointer: Node) -> _Pass:
        """Return the loop with the loads of one array alone."""
        loads = {load: size for load, size in self.loads.items() if load.sources[0] is pointer}
        return self._replace(loads=loads)


def choose_ahead(
    facts: Facts,
    schedule: Schedule,
    decider: Decider,
    kept: Collection[Node] = (),
    uncached: Collection[Node] = (),
) -> Ahead:
    """Return which loads ask for what comes later.

    Args:
        facts: of the kernel.
        schedule: how it is cut up.
        decider: decides ``fetch``.
        kept: expressions that are read from scratch memory where results are stored.
        uncached: pointers through which results are written past the caches.
    """
    if len(facts.regions) == 1:
        is_turned = schedule.rank > 1 and schedule.joined is None
        find = _find_blocks if is_turned else _find_streams
        found = find(facts, schedule) if uncached else NO_AHEAD
    elif schedule.rank > 1:
        return NO_AHEAD
    else:
        found = _find_rows(facts, schedule, kept) or _find_sums(facts, schedule)
    if found and decider.take("fetch", ("ahead", "in order")) == "ahead":
        return found
    return NO_AHEAD


def _find_blocks(facts: Facts, schedule: Schedule) -> Ahead:
    """Return the loads of a transpose that walks along blocks of neighbouring rows.

    They ask for the same place of the next block.
    """
    found: dict[Node, int] = {}
    run = schedule.loops[-1] if schedule.loops else None
    length = None if run is None else constant_extent(run)
    if run is None or length is None:
        return NO_AHEAD
    for load in facts.regions[None].loads:
        for axis, tile in schedule.tiles.items():
            block = tile.size * length
            is_one_piece = facts.stride(load, run) == 1 and facts.stride(load, axis) == length
            if is_one_piece and block * load.dtype.itemsize <= LONGEST_CHEAP_ROW:
                found[load] = block
    return {None: found} if found else NO_AHEAD


def _find_streams(facts: Facts, schedule: Schedule) -> Ahead:
    """Return the loads of a kernel without reductions that go on along the lanes."""
    found = {
        load: STREAM_BYTES // load.dtype.itemsize
        for load in facts.regions[None].loads
        for axis in schedule.tiles
        if facts.stride(load, axis) == 1
        and _find_run(facts, schedule, load, axis) * load.dtype.itemsize >= LEAST_RUN
    }
    return {None: found} if found else NO_AHEAD


def _find_sums(facts: Facts, schedule: Schedule) -> Ahead:
    """Return the load of a reduction that reads memory in one piece, and nothing beside it."""
    loads = [(load, owner) for owner, region in facts.regions.items() for load in region.loads]
    if len(loads) != 1 or loads[0][1] is None:
        return NO_AHEAD
    ((load, reduction),) = loads
    itemsize = load.dtype.itemsize
    is_in_order = any(
        facts.stride(load, axis) == 1
        and _find_run(facts, schedule, load, axis) * itemsize >= LEAST_RUN
        and _has_few_ends(axis, tile.size, itemsize)
        for axis, tile in schedule.tiles.items()
    )
    if is_in_order and count_bytes(facts, load) >= LEAST_BYTES:
        return {reduction: {load: SUM_BYTES // itemsize}}
    return NO_AHEAD


def _has_few_ends(axis: Node, width: int, itemsize: int) -> bool:
    """Whether tiles of a width divide an axis, or it is long."""
    size = constant_extent(axis)
    return size is None or size % width == 0 or size * itemsize >= LEAST_ENDING


def _find_run(facts: Facts, schedule: Schedule, load: Node, axis: Node) -> float:
    """Return how many elements are read in order: along an axis, and in the loops around it."""
    run = 1.0
    around = [other for other in reversed(schedule.loops) if other is not axis]
    for other in (axis, *around):
        if facts.stride(load, other) != run:
            break
        size = constant_extent(other)
        run = math.inf if size is None else run * size
    return run


def _find_rows(facts: Facts, schedule: Schedule, kept: Collection[Node]) -> Ahead:
    """Return the loads that ask for the next row, in loops over rows that several loops read."""
    passes = _find_passes(facts, schedule, kept)
    pointers = {load.sources[0] for one in passes for load in one.loads}
    is_dear = any(one.weight >= LEAST_WEIGHT for one in passes)
    longest = LONGEST_ROW if is_dear else LONGEST_CHEAP_ROW
    found: dict[Node | None, dict[Node, int]] = {}
    for pointer in pointers:
        reading = [one.only(pointer) for one in passes if one.only(pointer).loads]
        load, size = next(iter(reading[0].loads.items()))
        if len(reading) == 1 or not LEAST_ROW <= size * load.dtype.itemsize <= longest:
            continue
        # Of loops that are equally dear the last one, which often waits for what it writes.
        dearest = max(reversed(reading[1:]), key=lambda one: one.weight)
        if count_bytes(facts, load) < LEAST_BYTES:
            reading = [dearest]
        elif is_dear and len(pointers) == 1:
            reading = reading[reading.index(dearest) :]
        for one in reading:
            for owner in one.owners:
                found.setdefault(owner, {}).update(one.loads)
    return found


def _find_passes(facts: Facts, schedule: Schedule, kept: Collection[Node]) -> list[_Pass]:
    """Return the loops over rows, in order."""
    rows = [axis for axis in (*schedule.grid, *schedule.loops) if axis not in schedule.tiles]
    groups: dict[tuple[int, tuple[Node, ...]], list[Node]] = {}
    for reduction, region in facts.regions.items():
        if reduction is not None:
            groups.setdefault((region.level, region.own), []).append(reduction)
    passes = []
    for (_, own), group in sorted(groups.items(), key=lambda pair: pair[0][0]):
        parent = facts.regions[group[0]].parent
        around = parent.own if parent is not None and parent.own else rows
        nodes = {node for reduction in group for node in facts.regions[reduction].nodes}
        passes.append(_describe_pass(facts, schedule, group, (own, around), nodes))
    leaves = (kernel.reduce_over, kernel.axis)
    stored = sort_topologically(
        facts.stores, is_leaf=lambda node: node.op in leaves or node in kept
    )
    nodes = {node for node in stored if node not in kept}
    return [*passes, _describe_pass(facts, schedule, [None], (schedule.loops, rows), nodes)]


def _describe_pass(
    facts: Facts,
    schedule: Schedule,
    owners: Sequence[Node | None],
    axes: tuple[Sequence[Node], Sequence[Node]],
    nodes: Collection[Node],
) -> _Pass:
    """Return a loop, by the axes that it goes along and those of the loops around it."""
    along, around = axes
    loads: dict[Node, int] = {}
    weight = 0
    for axis in along:
        size = constant_extent(axis)
        if size is None or axis not in schedule.tiles or size <= schedule.tiles[axis].size:
            continue
        inside = [node for node in nodes if axis in facts.free[node]]
        computed = [node for node in inside if node.dtype not in (dtypes.index, dtypes.void)]
        weight += sum(weight_of(node) for node in computed if node.op is not memory.load)
        for node in inside:
            is_row = node.op is memory.load and facts.stride(node, axis) == 1
            if is_row and around and facts.stride(node, around[-1]) == size:
                loads[node] = size
    return _Pass(tuple(owners), loads, weight)

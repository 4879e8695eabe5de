"""The order of instructions between the beginnings and ends of loops.

Lowering goes op by op over all vectors of a tile. Loads so stand together ahead of their uses, and
independent work is close together; but more values may be alive at once than there are registers.
Where a good part of the instructions would then be stores to the stack and loads from it, they are
ordered anew: results are begun one after the other, each as soon as the one before has to wait and
as long as there are registers for it (``Scheduler``). A few spills are cheaper than waiting.

Every order obeys the dependences of ``dependences``; whatever the model of ``latency`` says, an
order can be slow but not wrong.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence

from tilegrad.codegen.dependences import Dependences, find_dependences
from tilegrad.codegen.latency import (
    ISSUED,
    bearable_spills,
    count_spills,
    latency_of,
    registers_of,
)
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import linear

_TRIED = 4
"""So many instructions that could begin are tried for one that fits the registers."""
_LEAST_GAIN = 2
"""Another order has at least so many times fewer spills, or it is not worth the waiting."""
_GIVEN = (linear.loop_position, linear.loop_carry, linear.loop_value)
"""What is there before the first instruction."""


def order_instructions(instructions: Sequence[Node], target: CodegenTarget) -> tuple[Node, ...]:
    """Return the instructions of a function in an order that suits the processor better."""
    last_use = {source: i for i, node in enumerate(instructions) for source in node.sources}
    result: list[Node] = []
    start = 0
    for end, node in enumerate([*instructions, None]):
        if node is not None and node.op is not linear.begin_loop and node.op is not linear.end_loop:
            continue
        segment = instructions[start:end]
        if len(segment) > target.registers:
            kept = {each for each in segment if last_use.get(each, 0) >= end}
            is_end = node is not None and node.op is linear.end_loop
            wanted = node.sources[1:] if node is not None and is_end else ()
            segment = _order_segment(segment, kept, wanted, target)
        result += segment
        if node is not None:
            result.append(node)
        start = end + 1
    return tuple(result)


def _order_segment(
    segment: Sequence[Node], kept: Collection[Node], wanted: Sequence[Node], target: CodegenTarget
) -> Sequence[Node]:
    """Return a segment without loops in the order that waits least of those that spill little."""
    best, spills = segment, count_spills(segment, kept, target)
    if spills <= bearable_spills(len(segment), target):
        return best
    scheduler = Scheduler(segment, kept, target)
    simple = order_depth_first(segment, scheduler.dependences, wanted)
    for ordered in (scheduler.order(simple), simple):
        fewer = count_spills(ordered, kept, target)
        if fewer * _LEAST_GAIN <= spills:
            best, spills = ordered, fewer
    return best


def order_depth_first(
    segment: Sequence[Node], dependences: Dependences, wanted: Sequence[Node]
) -> list[Node]:
    """Return each effect, in order, right after whatever it needs that is not there yet.

    Args:
        segment: instructions without loops between them.
        dependences: of the segment.
        wanted: what the end of the loop around them needs, in order.
    """
    result: list[Node] = []
    waiting = set(segment)
    given = [node for node in segment if node.op in _GIVEN]
    effects = [node for node in segment if node.dtype is dtypes.void]
    for root in (*given, *effects, *wanted, *segment):
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [each for each in dependences.get(node, ()) if each in waiting]
            if node in waiting and missing:
                stack += reversed(missing)
                continue
            stack.pop()
            if node in waiting:
                waiting.remove(node)
                result.append(node)
    return result


class Scheduler:
    """Puts a segment in order, cycle by cycle: a list scheduler with a limit on registers.

    Of what can begin, that comes first which a depth-first order has first: it needs the fewest
    registers. What has to wait for a result lets others go ahead, unless that would take a register
    more than there are.

    Args:
        segment: instructions without loops between them.
        kept: those whose results are used after the segment.
        target: the processor.
    """

    def __init__(
        self, segment: Sequence[Node], kept: Collection[Node], target: CodegenTarget
    ) -> None:
        self.kept = kept
        self.dependences = find_dependences(segment)
        self.sizes = {node: registers_of(node, target) for node in segment}
        self.limit = target.registers - 2  # for constants and what memory operands do not hold
        self.live = 0
        self.uses = dict.fromkeys(segment, 0)
        for node in segment:
            for source in dict.fromkeys(node.sources):
                if source in self.uses:
                    self.uses[source] += 1

    def order(self, simple: list[Node]) -> list[Node]:
        """Return the segment in order; ``simple`` is it in depth-first order."""
        places = {node: place for place, node in enumerate(simple)}
        followers: dict[Node, list[Node]] = {node: [] for node in simple}
        missing = {node: len(self.dependences[node]) for node in simple}
        for node in simple:
            for before in self.dependences[node]:
                followers[before].append(node)
        begins = dict.fromkeys(simple, 0.0)
        due = [places[node] for node in simple if not missing[node]]
        later: list[tuple[float, int]] = []
        result: list[Node] = []
        clock = 0.0
        while due or later:
            while later and (later[0][0] <= clock or not due):
                begin, place = heapq.heappop(later)
                clock = max(clock, begin)
                heapq.heappush(due, place)
            node = self._take(due, later, simple)
            clock = max(clock + 1 / ISSUED, begins[node])
            result.append(node)
            for follower in followers[node]:
                begins[follower] = max(begins[follower], clock + latency_of(node))
                missing[follower] -= 1
                if not missing[follower]:
                    heapq.heappush(later, (begins[follower], places[follower]))
        return result

    def _take(self, due: list[int], later: list[tuple[float, int]], simple: list[Node]) -> Node:
        """Remove and return what comes next: of what fits the registers the first, else any."""
        aside: list[int] = []
        chosen: int | None = None
        while due and len(aside) < _TRIED and chosen is None:
            place = heapq.heappop(due)
            if self._fits(simple[place]):
                chosen = place
            else:
                aside.append(place)
        if chosen is None and later and self._fits(simple[later[0][1]]):
            chosen = heapq.heappop(later)[1]
        elif chosen is None:
            chosen = aside.pop(0)
        for place in aside:
            heapq.heappush(due, place)
        self._count(simple[chosen])
        return simple[chosen]

    def _fits(self, node: Node) -> bool:
        more = self._growth(node)
        return more <= 0 or self.live + more <= self.limit

    def _growth(self, node: Node) -> int:
        """Return how many registers more are in use after an instruction."""
        freed = 0
        for source in dict.fromkeys(node.sources):
            if self.uses.get(source) == 1 and source not in self.kept:
                freed += self.sizes[source]
        return self.sizes[node] - freed

    def _count(self, node: Node) -> None:
        """Note that an instruction has its place."""
        self.live += self._growth(node)
        for source in dict.fromkeys(node.sources):
            if source in self.uses:
                self.uses[source] -= 1

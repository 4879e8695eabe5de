"""The order of instructions between the beginnings and ends of loops.

Lowering goes op by op over all vectors of a tile, which keeps independent work close together, but
may keep more values alive than there are registers. Where it would, each result is instead computed
to its end before the next one is begun, if that needs fewer. Only instructions without a place in
the order of effects move, and each stays after its sources, so that every order is correct.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import linear, matrix


def order_instructions(instructions: Sequence[Node], target: CodegenTarget) -> tuple[Node, ...]:
    """Return the instructions of a function in an order that fits the registers better."""
    last_use = {source: i for i, node in enumerate(instructions) for source in node.sources}
    result: list[Node] = []
    start = 0
    for end, node in enumerate(instructions):
        if node.op is linear.begin_loop or node.op is linear.end_loop:
            wanted = node.sources[1:] if node.op is linear.end_loop else ()
            result += _order_segment(instructions[start:end], wanted, (last_use, end), target)
            result.append(node)
            start = end + 1
    end = len(instructions)
    return (*result, *_order_segment(instructions[start:end], (), (last_use, end), target))


def _order_segment(
    segment: Sequence[Node],
    wanted: tuple[Node, ...],
    uses: tuple[dict[Node, int], int],
    target: CodegenTarget,
) -> Sequence[Node]:
    """Return a segment without loops in the better order.

    Args:
        segment: the instructions.
        wanted: what the end of the loop around them needs.
        uses: for each node the place of its last use in the function, and the segment's end.
        target: the processor.
    """
    if len(segment) <= target.registers:
        return segment
    last_use, end = uses
    kept = {node for node in segment if last_use.get(node, 0) >= end}
    before = _count_registers(segment, kept, target)
    if before <= target.registers:
        return segment
    ordered = _order_depth_first(segment, wanted)
    return ordered if _count_registers(ordered, kept, target) < before else segment


def _count_registers(segment: Sequence[Node], kept: set[Node], target: CodegenTarget) -> int:
    """Return how many vector registers are in use at once, but for those in use all through."""
    last_use = {source: i for i, node in enumerate(segment) for source in node.sources}
    ends: dict[int, int] = {}
    live = most = 0
    for i, node in enumerate(segment):
        live -= ends.pop(i, 0)
        lanes = linear.lanes_of(node)
        if not lanes or node.dtype is dtypes.bool:
            continue
        size = max(lanes * node.dtype.bits // target.vector_bits, 1)
        live += size
        most = max(most, live)
        if node not in kept:
            end = last_use.get(node, i) + 1
            ends[end] = ends.get(end, 0) + size
    return most


def _order_depth_first(segment: Sequence[Node], wanted: tuple[Node, ...]) -> list[Node]:
    """Return each effect, in order, right after whatever it needs that is not there yet."""
    result: list[Node] = []
    waiting = set(segment)
    roots = [node for node in segment if _is_ordered(node)]
    for root in (*roots, *wanted, *segment):
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [source for source in node.sources if source in waiting]
            if node in waiting and missing:
                stack += reversed(missing)
                continue
            stack.pop()
            if node in waiting:
                waiting.remove(node)
                result.append(node)
    return result


def _is_ordered(node: Node) -> bool:
    if node.dtype is dtypes.void:
        return True
    attributes = node.attributes
    reads = (linear.ReadAttributes, matrix.MatrixAttributes)
    return isinstance(attributes, reads) and attributes.order > 0

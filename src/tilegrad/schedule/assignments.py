"""Assignments are ends of a graph: nothing reads them, or through them what they overwrite."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops.graph import CallAttributes, ResultAttributes, assign, result
from tilegrad.ops.movement import PermuteAttributes, permute
from tilegrad.ops.program import Program
from tilegrad.rewrite.graph import rebuild
from tilegrad.schedule.roots import resolve_alias


def read_assigned(nodes: Sequence[Node]) -> list[Node]:
    """Let what reads an assignment read the assigned value: only wanted assignments write."""
    order = sort_topologically(nodes)
    if not any(source.op is assign for node in order for source in node.sources):
        return list(nodes)
    done: dict[Node, Node] = {}
    values: dict[Node, Node] = {}
    for node in order:
        done[node] = rebuild(node, tuple(values[source] for source in node.sources))
        values[node] = done[node].sources[1] if node.op is assign else done[node]
    return [done[node] for node in nodes]


def is_update(node: Node) -> bool:
    """Whether a node assigns to a buffer what a hand-written kernel made of it, in its memory.

    The kernel reads the buffer as that argument alone.
    """
    if node.op is not assign or node.sources[1].op is not result:
        return False
    target, value = node.sources
    (called,) = value.sources
    program = attributes_of(called, CallAttributes).program
    if not isinstance(program, Program):
        return False
    source = program.updates.get(attributes_of(value, ResultAttributes).index)
    homes = [resolve_alias(one) for one in called.sources]
    return source is not None and homes[source] is target and homes.count(target) == 1


def copy_overwritten(nodes: Sequence[Node]) -> list[Node]:
    """Let wanted views of memory that is overwritten in the same plan have memory of their own."""
    targets = {node.sources[0] for node in nodes if node.op is assign}

    def settle(node: Node) -> Node:
        if node.op is assign or resolve_alias(node) not in targets:
            return node
        order = PermuteAttributes(tuple(range(len(node.shape))))
        return permute(node, attributes=order)  # no alias: it is stored anew

    return [settle(node) for node in nodes] if targets else list(nodes)

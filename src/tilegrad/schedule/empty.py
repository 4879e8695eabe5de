"""Tensors without elements take no part in the schedule.

They are constants, and what reduces them is the identity of the reduction.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Property
from tilegrad.ops.graph import assign
from tilegrad.ops.leaves import Number, buffer
from tilegrad.ops.movement import filled
from tilegrad.rewrite.graph import rebuild


def value_over_nothing(name: str, dtype: DType) -> Number:
    """Return the value of a reduction, by its op's name, over nothing."""
    if name == "reduce_sum":
        return 0
    if name == "reduce_product":
        return 1
    return dtype.minimum if name == "reduce_maximum" else dtype.maximum


def is_empty(node: Node) -> bool:
    """Whether a tensor has no elements."""
    return 0 in node.shape


def drop_empty(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes with everything that has no elements replaced by constants."""
    order = sort_topologically(nodes)
    if not any(is_empty(node) for node in order):
        return list(nodes)
    done: dict[Node, Node] = {}
    for node in order:
        if is_empty(node) and node.op is not buffer and node.op is not assign:
            done[node] = filled(0, node.dtype, node.shape)
        elif node.op.has(Property.REDUCTION) and is_empty(node.sources[0]):
            value = value_over_nothing(node.op.name, node.dtype)
            done[node] = filled(value, node.dtype, node.shape)
        else:
            done[node] = rebuild(node, tuple(done[source] for source in node.sources))
    return [done[node] for node in nodes]

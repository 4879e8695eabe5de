"""Tensors without elements take no part in the schedule.

They are constants, and what reduces them is the identity of the reduction.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Property
from tilegrad.ops.combining import identity
from tilegrad.ops.graph import assign
from tilegrad.ops.leaves import buffer
from tilegrad.ops.movement import filled
from tilegrad.ops.reduction import KINDS
from tilegrad.rewrite.graph import transform


def is_empty(node: Node) -> bool:
    """Whether a tensor has no elements."""
    return 0 in node.shape


def drop_empty(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes with everything that has no elements replaced by constants."""
    if not any(is_empty(node) for node in sort_topologically(nodes)):
        return list(nodes)
    return transform(nodes, _drop)


def _drop(node: Node, new: Node) -> Node:
    if is_empty(node) and node.op is not buffer and node.op is not assign:
        return filled(0, node.dtype, node.shape)
    if node.op.has(Property.REDUCTION) and is_empty(node.sources[0]):
        value = identity(KINDS[node.op], node.dtype)
        return filled(value or 0, node.dtype, node.shape)  # a sum of nothing is not -0
    return new

"""Short text for a node and what lies just below it, for messages and the trace."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ops.leaves import constant_op, value_of

DEPTH = 3


def describe(node: Node, depth: int = DEPTH) -> str:
    """Return a node as an expression, with what lies more than ``depth`` ops below left out."""
    if node.op is constant_op:
        return f"{value_of(node)}:{node.dtype.name}"
    shape = f"{node.dtype.name}{list(node.shape)}"
    if not node.sources:
        return f"{node.op.name}:{shape}"
    if not depth:
        return f"…:{shape}"
    sources = ", ".join(describe(source, depth - 1) for source in node.sources)
    attributes = "" if node.attributes is None else f", {node.attributes!r}"
    return f"{node.op.name}({sources}{attributes})"

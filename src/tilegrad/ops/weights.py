"""About how much work an op is, in simple operations on one element: for cost models only."""

from __future__ import annotations

from tilegrad.ir.node import Node

_WEIGHTS = {
    "exp": 10, "exp2": 8, "expm1": 14, "log": 10, "log2": 10, "log10": 10, "log1p": 14,
    "sin": 14, "cos": 14, "tan": 20, "asin": 16, "acos": 16, "atan": 16, "atan2": 22,
    "sinh": 16, "cosh": 16, "tanh": 14, "asinh": 20, "acosh": 20, "atanh": 16,
    "erf": 18, "lgamma": 40, "power": 30, "threefry": 80, "divide": 4, "reciprocal": 4,
    "square_root": 4, "reciprocal_square_root": 5, "modulo": 20, "floor_divide": 20,
    "truncated_divide": 20, "truncated_remainder": 20, "gather": 4, "constant": 0, "symbol": 0,
}  # fmt: skip


def weight_of(node: Node) -> int:
    """Return the weight of a node's op; 1 for what is not listed."""
    return _WEIGHTS.get(node.op.name, 1)

"""What Python's operators do on nodes.

A plain number beside a node becomes a constant of the node's dtype. Operators on dtype ``index`` go
to the symbolic algebra, which keeps index expressions in normal form.
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, bits, comparison, symbolic
from tilegrad.ops.affine import as_index, as_node
from tilegrad.ops.leaves import constant
from tilegrad.ops.symbolic import as_condition

BINARY: dict[str, Op] = {
    op.name: op
    for op in (
        arithmetic.add,
        arithmetic.subtract,
        arithmetic.multiply,
        arithmetic.divide,
        arithmetic.floor_divide,
        arithmetic.modulo,
        bits.bitwise_and,
        bits.bitwise_or,
        bits.bitwise_xor,
        bits.shift_left,
        bits.shift_right,
        comparison.less,
        comparison.less_equal,
    )
}
"""The binary ops that nodes have operators for, by name."""
_UNARY: dict[str, Op] = {op.name: op for op in (arithmetic.negate, bits.bitwise_not)}


class NodeOperators:
    """The operators that ``Node`` delegates to."""

    def binary(self, name: str, left: object, right: object) -> Node:
        """Apply the binary op called ``name``; plain numbers take the other operand's dtype."""
        dtype = left.dtype if isinstance(left, Node) else right.dtype  # type: ignore[union-attr]
        first, second = _as_operand(left, dtype), _as_operand(right, dtype)
        if first is None or second is None:
            return NotImplemented
        op = BINARY[name]
        if first.dtype is dtypes.index and second.dtype is dtypes.index:
            if op in symbolic.ARITHMETIC:
                return as_node(symbolic.ARITHMETIC[op](as_index(first), as_index(second)))
            if op in symbolic.TESTS:
                return as_condition(symbolic.TESTS[op](as_index(first), as_index(second)))
        return op(first, second)

    def unary(self, name: str, operand: Node) -> Node:
        """Apply the unary op called ``name``."""
        if name == "negate" and operand.dtype is dtypes.index:
            return as_node(symbolic.multiply(as_index(operand), -1))
        return _UNARY[name](operand)


def _as_operand(operand: object, dtype: DType) -> Node | None:
    if isinstance(operand, Node):
        return operand
    return constant(operand, dtype) if isinstance(operand, bool | int | float) else None

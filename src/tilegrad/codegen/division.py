"""Division of indices by positive divisors, as scalars of 64 bits or vectors of integers."""

from __future__ import annotations

from tilegrad.codegen.context import Context
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, bits, comparison, leaves
from tilegrad.ops.affine import as_node


def divide_floor(context: Context, value: Node, divisor: Node, *, is_positive: bool) -> Node:
    """⌊value / divisor⌋ for a positive divisor; 64-bit scalars or integer vectors."""
    put = context.emitter.put
    shift = _power_of_two(divisor)
    if shift is not None:
        return put(bits.shift_right, (value, _like(shift, value.dtype)))
    quotient = put(arithmetic.truncated_divide, (value, divisor))
    if is_positive:
        return quotient
    remainder = put(arithmetic.truncated_remainder, (value, divisor))
    is_below = put(comparison.less, (remainder, _like(0, value.dtype)))
    lower = put(arithmetic.subtract, (quotient, _like(1, value.dtype)))
    return put(comparison.where, (is_below, lower, quotient))


def divide_remainder(context: Context, value: Node, divisor: Node, *, is_positive: bool) -> Node:
    """Value mod divisor for a positive divisor; 64-bit scalars or integer vectors."""
    put = context.emitter.put
    shift = _power_of_two(divisor)
    if shift is not None:
        return put(bits.bitwise_and, (value, _like((1 << shift) - 1, value.dtype)))
    remainder = put(arithmetic.truncated_remainder, (value, divisor))
    if is_positive:
        return remainder
    is_below = put(comparison.less, (remainder, _like(0, value.dtype)))
    higher = put(arithmetic.add, (remainder, divisor))
    return put(comparison.where, (is_below, higher, remainder))


def _power_of_two(divisor: Node) -> int | None:
    if divisor.op is not leaves.constant_op:
        return None
    value = int(leaves.value_of(divisor))
    return value.bit_length() - 1 if value > 0 and value & (value - 1) == 0 else None


def _like(value: int, dtype: DType) -> Node:
    return as_node(value) if dtype is dtypes.index else leaves.constant(value, dtype)

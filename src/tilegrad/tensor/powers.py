"""Powers and roots: exact short cuts for small constant exponents, integer powers by squaring."""

from __future__ import annotations

from tilegrad.base.errors import ArgumentError, DTypeError
from tilegrad.ir.dtype import promote
from tilegrad.ir.node import Node, intern
from tilegrad.ops import arithmetic, comparison, exponential
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant, constant_op, value_of
from tilegrad.tensor import nodes
from tilegrad.tensor.broadcasting import unify

_LARGEST_PRODUCT = 4  # beyond this, repeated products lose more accuracy than `power` does


def power(base: Node, exponent: Node) -> Node:
    """Return base ** exponent in their common dtype.

    Raises:
        DTypeError: the common dtype is bool.
        ArgumentError: a constant negative exponent of an integer base.
    """
    dtype = promote(base.dtype, exponent.dtype)
    if dtype.is_boolean:
        raise DTypeError("bools have no powers", got="bool", mend="cast one operand to an integer")
    if exponent.op is constant_op:
        short = _power_by_constant(cast_to(base, dtype), value_of(exponent))
        if short is not None:
            return short
    base, exponent = unify(base, exponent)
    if dtype.is_float:
        return intern(exponential.power, (base, exponent))
    return _integer_power(base, exponent)


def root(node: Node, degree: float = 2.0) -> Node:
    """Return the root of a float node that is never negative; its gradient at 0 is 0, not ∞."""
    is_zero = intern(comparison.equal, (node, constant(0, node.dtype)))
    safe = nodes.where(is_zero, 1.0, node)
    return nodes.where(is_zero, 0.0, power(safe, constant(1.0 / degree, node.dtype)))


def _power_by_constant(base: Node, exponent: float) -> Node | None:
    """Return the power if there is a shorter way to it, else None."""
    if not base.dtype.is_float:
        if exponent < 0:
            raise ArgumentError(
                "an integer to a negative power is no integer",
                got=f"{base.dtype.name} ** {exponent}",
                mend="cast the base to a float: .float()",
            )
        return _power_by_products(base, int(exponent))
    if exponent == 0.5:
        return intern(exponential.square_root, (base,))
    if exponent == -1:
        return intern(arithmetic.reciprocal, (base,))
    limit = 2 if nodes.is_narrow(base.dtype) else _LARGEST_PRODUCT
    if 0 <= exponent <= limit and exponent == int(exponent):
        return _power_by_products(base, int(exponent))
    return None


def _power_by_products(base: Node, exponent: int) -> Node:
    """Return the power by squaring: base² · base⁴ .. for the bits set in the exponent."""
    result: Node | None = None
    square = base
    while exponent:
        if exponent & 1:
            result = square if result is None else result * square
        exponent >>= 1
        if exponent:
            square = square * square
    return nodes.expand(constant(1, base.dtype), base.shape) if result is None else result


def _integer_power(base: Node, exponent: Node) -> Node:
    """Return a power of integers by squaring over every bit of the exponent, modulo the width."""
    dtype = base.dtype
    one, zero = constant(1, dtype), constant(0, dtype)
    result, square = one, base
    bit_count = dtype.bits - (not dtype.is_unsigned)
    for bit in range(bit_count):
        is_set = intern(comparison.not_equal, (exponent & constant(1 << bit, dtype), zero))
        result = nodes.where(is_set, result * square, result)
        square = square * square
    if dtype.is_unsigned:
        return result
    # Negative exponents: 1 stays 1, -1 alternates, all else is 0.
    is_odd = intern(comparison.not_equal, (exponent & one, zero))
    minus_one = intern(comparison.equal, (base, constant(-1, dtype)))
    is_one = intern(comparison.equal, (base, one))
    unit = nodes.where(is_one, one, nodes.where(minus_one, nodes.where(is_odd, base, one), zero))
    return nodes.where(intern(comparison.less, (exponent, zero)), unit, result)

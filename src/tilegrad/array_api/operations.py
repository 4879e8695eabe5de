"""Elementwise functions of two arrays, one of which may be a Python number."""

from __future__ import annotations

from tilegrad.array_api.arguments import Operand, pair
from tilegrad.tensor import Tensor


def add(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 + x2."""
    first, second = pair(x1, x2)
    return first.add(second)


def atan2(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the angle of the point (x2, x1) in radians, in [-π, π]."""
    first, second = pair(x1, x2)
    return first.atan2(second)


def bitwise_and(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits set in both."""
    first, second = pair(x1, x2)
    return first.bitwise_and(second)


def bitwise_left_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 · 2ˣ², the bits moved up."""
    first, second = pair(x1, x2)
    return first.lshift(second)


def bitwise_or(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits set in either."""
    first, second = pair(x1, x2)
    return first.bitwise_or(second)


def bitwise_right_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits moved down, keeping the sign of signed integers."""
    first, second = pair(x1, x2)
    return first.rshift(second)


def bitwise_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits set in one of both."""
    first, second = pair(x1, x2)
    return first.bitwise_xor(second)


def copysign(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the magnitude of x1 with the sign of x2."""
    first, second = pair(x1, x2)
    return first.copysign(second)


def divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 / x2."""
    first, second = pair(x1, x2)
    return first.div(second)


def equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 = x2."""
    first, second = pair(x1, x2)
    return first.eq(second)


def floor_divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Return ⌊x1 / x2⌋."""
    first, second = pair(x1, x2)
    return first.floor_divide(second)


def greater(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 > x2."""
    first, second = pair(x1, x2)
    return first.gt(second)


def greater_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 ≥ x2."""
    first, second = pair(x1, x2)
    return first.ge(second)


def hypot(x1: Operand, x2: Operand, /) -> Tensor:
    """Return √(x1² + x2²) without undue overflow."""
    first, second = pair(x1, x2)
    return first.hypot(second)


def less(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 < x2."""
    first, second = pair(x1, x2)
    return first.lt(second)


def less_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 ≤ x2."""
    first, second = pair(x1, x2)
    return first.le(second)


def logaddexp(x1: Operand, x2: Operand, /) -> Tensor:
    """Return log(eˣ¹ + eˣ²) without undue overflow."""
    first, second = pair(x1, x2)
    return first.logaddexp(second)


def logical_and(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where both are True."""
    first, second = pair(x1, x2)
    return first.logical_and(second)


def logical_or(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where either is True."""
    first, second = pair(x1, x2)
    return first.logical_or(second)


def logical_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where one of both is True."""
    first, second = pair(x1, x2)
    return first.logical_xor(second)


def maximum(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the greater one; NaN if either is NaN."""
    first, second = pair(x1, x2)
    return first.maximum(second)


def minimum(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the lesser one; NaN if either is NaN."""
    first, second = pair(x1, x2)
    return first.minimum(second)


def multiply(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 · x2."""
    first, second = pair(x1, x2)
    return first.mul(second)


def nextafter(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the next number from x1 toward x2."""
    first, second = pair(x1, x2)
    return first.nextafter(second)


def not_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 ≠ x2."""
    first, second = pair(x1, x2)
    return first.ne(second)


def pow(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 to the power of x2."""
    first, second = pair(x1, x2)
    return first.pow(second)


def remainder(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the remainder with the sign of x2."""
    first, second = pair(x1, x2)
    return first.mod(second)


def subtract(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 - x2."""
    first, second = pair(x1, x2)
    return first.sub(second)

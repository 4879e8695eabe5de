"""Elementwise functions of two arrays, one of which may be a Python number."""

from __future__ import annotations

from tilegrad.array_api.arguments import Operand, as_tensor
from tilegrad.tensor import Tensor


def add(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 + x2."""
    return as_tensor(x1, x2).add(x2)


def atan2(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the angle of the point (x2, x1) in radians, in [-π, π]."""
    return as_tensor(x1, x2).atan2(x2)


def bitwise_and(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits set in both."""
    return as_tensor(x1, x2).bitwise_and(x2)


def bitwise_left_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 · 2ˣ², the bits moved up."""
    return as_tensor(x1, x2).lshift(x2)


def bitwise_or(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits set in either."""
    return as_tensor(x1, x2).bitwise_or(x2)


def bitwise_right_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits moved down, keeping the sign of signed integers."""
    return as_tensor(x1, x2).rshift(x2)


def bitwise_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the bits set in one of both."""
    return as_tensor(x1, x2).bitwise_xor(x2)


def copysign(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the magnitude of x1 with the sign of x2."""
    return as_tensor(x1, x2).copysign(x2)


def divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 / x2."""
    return as_tensor(x1, x2).div(x2)


def equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 = x2."""
    return as_tensor(x1, x2).eq(x2)


def floor_divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Return ⌊x1 / x2⌋."""
    return as_tensor(x1, x2).floor_divide(x2)


def greater(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 > x2."""
    return as_tensor(x1, x2).gt(x2)


def greater_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 ≥ x2."""
    return as_tensor(x1, x2).ge(x2)


def hypot(x1: Operand, x2: Operand, /) -> Tensor:
    """Return √(x1² + x2²) without undue overflow."""
    return as_tensor(x1, x2).hypot(x2)


def less(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 < x2."""
    return as_tensor(x1, x2).lt(x2)


def less_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 ≤ x2."""
    return as_tensor(x1, x2).le(x2)


def logaddexp(x1: Operand, x2: Operand, /) -> Tensor:
    """Return log(eˣ¹ + eˣ²) without undue overflow."""
    return as_tensor(x1, x2).logaddexp(x2)


def logical_and(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where both are True."""
    return as_tensor(x1, x2).logical_and(x2)


def logical_or(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where either is True."""
    return as_tensor(x1, x2).logical_or(x2)


def logical_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where one of both is True."""
    return as_tensor(x1, x2).logical_xor(x2)


def maximum(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the greater one; NaN if either is NaN."""
    return as_tensor(x1, x2).maximum(x2)


def minimum(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the lesser one; NaN if either is NaN."""
    return as_tensor(x1, x2).minimum(x2)


def multiply(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 · x2."""
    return as_tensor(x1, x2).mul(x2)


def nextafter(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the next number from x1 toward x2."""
    return as_tensor(x1, x2).nextafter(x2)


def not_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Return where x1 ≠ x2."""
    return as_tensor(x1, x2).ne(x2)


def pow(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 to the power of x2."""
    return as_tensor(x1, x2).pow(x2)


def remainder(x1: Operand, x2: Operand, /) -> Tensor:
    """Return the remainder with the sign of x2."""
    return as_tensor(x1, x2).mod(x2)


def subtract(x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 - x2."""
    return as_tensor(x1, x2).sub(x2)

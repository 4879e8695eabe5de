"""Elementwise functions of one array."""

from __future__ import annotations

from tilegrad.array_api.arguments import Operand
from tilegrad.tensor import Tensor


def abs(x: Tensor, /) -> Tensor:
    """Return the magnitude."""
    return x.abs()


def acos(x: Tensor, /) -> Tensor:
    """Return the inverse cosine, in [0, π]."""
    return x.acos()


def acosh(x: Tensor, /) -> Tensor:
    """Return the inverse hyperbolic cosine."""
    return x.acosh()


def asin(x: Tensor, /) -> Tensor:
    """Return the inverse sine, in [-π/2, π/2]."""
    return x.asin()


def asinh(x: Tensor, /) -> Tensor:
    """Return the inverse hyperbolic sine."""
    return x.asinh()


def atan(x: Tensor, /) -> Tensor:
    """Return the inverse tangent, in [-π/2, π/2]."""
    return x.atan()


def atanh(x: Tensor, /) -> Tensor:
    """Return the inverse hyperbolic tangent."""
    return x.atanh()


def bitwise_invert(x: Tensor, /) -> Tensor:
    """Return every bit inverted (of bools: logical not)."""
    return x.bitwise_not()


def ceil(x: Tensor, /) -> Tensor:
    """Return the least whole number not below x."""
    return x.ceil()


def cos(x: Tensor, /) -> Tensor:
    """Return the cosine of radians."""
    return x.cos()


def cosh(x: Tensor, /) -> Tensor:
    """Return the hyperbolic cosine."""
    return x.cosh()


def exp(x: Tensor, /) -> Tensor:
    """Return eˣ."""
    return x.exp()


def expm1(x: Tensor, /) -> Tensor:
    """Return eˣ - 1, accurate near 0."""
    return x.expm1()


def floor(x: Tensor, /) -> Tensor:
    """Return the greatest whole number not above x."""
    return x.floor()


def isfinite(x: Tensor, /) -> Tensor:
    """Return where x is neither infinite nor NaN."""
    return x.isfinite()


def isinf(x: Tensor, /) -> Tensor:
    """Return where x is infinite."""
    return x.isinf()


def isnan(x: Tensor, /) -> Tensor:
    """Return where x is NaN."""
    return x.isnan()


def log(x: Tensor, /) -> Tensor:
    """Return the natural logarithm."""
    return x.log()


def log1p(x: Tensor, /) -> Tensor:
    """Return log(1 + x), accurate near 0."""
    return x.log1p()


def log2(x: Tensor, /) -> Tensor:
    """Return the logarithm to base 2."""
    return x.log2()


def log10(x: Tensor, /) -> Tensor:
    """Return the logarithm to base 10."""
    return x.log10()


def logical_not(x: Tensor, /) -> Tensor:
    """Return where x is False."""
    return x.logical_not()


def negative(x: Tensor, /) -> Tensor:
    """Return -x."""
    return x.neg()


def positive(x: Tensor, /) -> Tensor:
    """Return x itself."""
    return x


def reciprocal(x: Tensor, /) -> Tensor:
    """Return 1 / x."""
    return x.reciprocal()


def round(x: Tensor, /) -> Tensor:
    """Return the nearest whole number, halves to the even one."""
    return x.round()


def sign(x: Tensor, /) -> Tensor:
    """Return -1, 0 or 1; NaN for NaN."""
    return x.sign()


def signbit(x: Tensor, /) -> Tensor:
    """Return where the sign bit is set: below zero, and of -0.0."""
    return x.signbit()


def sin(x: Tensor, /) -> Tensor:
    """Return the sine of radians."""
    return x.sin()


def sinh(x: Tensor, /) -> Tensor:
    """Return the hyperbolic sine."""
    return x.sinh()


def square(x: Tensor, /) -> Tensor:
    """Return x·x."""
    return x.square()


def sqrt(x: Tensor, /) -> Tensor:
    """Return the square root; NaN below 0."""
    return x.sqrt()


def tan(x: Tensor, /) -> Tensor:
    """Return the tangent of radians."""
    return x.tan()


def tanh(x: Tensor, /) -> Tensor:
    """Return the hyperbolic tangent."""
    return x.tanh()


def trunc(x: Tensor, /) -> Tensor:
    """Return x without its fraction."""
    return x.trunc()


def clip(x: Tensor, /, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Return x limited to between two bounds (None: no bound), in the dtype of x."""
    return (x if min is None and max is None else x.clamp(min, max)).cast(x.dtype)

"""Arithmetic: sums, products, quotients, remainders, and the greater and lesser of two numbers.

Integers wrap around (two's complement), and dividing one by zero gives 0.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property
from tilegrad.ops.comparison import equal, less, where
from tilegrad.ops.elementwise import define, has_zero_gradient, zero
from tilegrad.ops.infer import is_any, is_float, is_number
from tilegrad.ops.leaves import constant
from tilegrad.ops.numerics import Array, in_float32, selecting, silent

_COMMUTES = Property.COMMUTATIVE | Property.ASSOCIATIVE


negate = define(
    "negate",
    "-x.",
    1,
    is_number,
    silent(numpy.negative),
    lambda _, upstream: (-upstream,),
    Property.INVOLUTION,
)
sign = define(
    "sign",
    "-1, 0 or 1 as x is negative, zero or positive; 0 for -0, NaN for NaN.",
    1,
    is_number,
    in_float32(numpy.sign),
    has_zero_gradient,
    Property.IDEMPOTENT,
)
absolute = define(
    "absolute",
    "|x|. The least signed integer wraps to itself. The gradient at 0 is 0.",
    1,
    is_number,
    silent(numpy.abs),
    lambda node, upstream: (upstream * sign(node.sources[0]),),
    Property.IDEMPOTENT,
)
add = define(
    "add",
    "x + y.",
    2,
    is_number,
    in_float32(numpy.add),
    lambda _, upstream: (upstream, upstream),
    _COMMUTES,
)
subtract = define(
    "subtract",
    "x - y.",
    2,
    is_number,
    in_float32(numpy.subtract),
    lambda _, upstream: (upstream, -upstream),
)
multiply = define(
    "multiply",
    "x · y.",
    2,
    is_number,
    in_float32(numpy.multiply),
    lambda node, upstream: (upstream * node.sources[1], upstream * node.sources[0]),
    _COMMUTES,
)


def _divide_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    share = upstream / node.sources[1]
    return share, -(share * node)


divide = define(
    "divide",
    "x / y for floats; x / 0 is an infinity, or NaN for x = 0.",
    2,
    is_float,
    in_float32(numpy.divide),
    _divide_gradient,
)
reciprocal = define(
    "reciprocal",
    "1 / x.",
    1,
    is_float,
    in_float32(numpy.reciprocal),
    lambda node, upstream: (-(upstream * node * node),),
)
floor_divide = define(
    "floor_divide",
    "⌊x / y⌋, exact for floats too; x / 0 is 0 for integers and as in division for floats.",
    2,
    is_number,
    in_float32(numpy.floor_divide),
    has_zero_gradient,
)


def _truncated_divide(x: Array, y: Array) -> Array:
    if x.dtype.kind == "f":
        return numpy.trunc(x / y)
    quotient = numpy.floor_divide(x, y)
    is_below = (numpy.fmod(x, y) != 0) & ((x < 0) != (y < 0))
    return quotient + is_below.astype(quotient.dtype)


truncated_divide = define(
    "truncated_divide",
    "x / y without its fraction, toward zero, as in C; 0 for an integer x / 0.",
    2,
    is_number,
    in_float32(_truncated_divide),
    has_zero_gradient,
)
modulo = define(
    "modulo",
    "x - y·⌊x / y⌋, the remainder with the sign of y, as in Python; 0 for an integer x mod 0.",
    2,
    is_number,
    in_float32(numpy.remainder),
    lambda node, upstream: (upstream, -(upstream * floor_divide(*node.sources))),
)
truncated_remainder = define(
    "truncated_remainder",
    "x - y·trunc(x / y), the remainder with the sign of x, as in C; 0 for an integer x and y = 0.",
    2,
    is_number,
    in_float32(numpy.fmod),
    lambda node, upstream: (upstream, -(upstream * truncated_divide(*node.sources))),
)


def _extreme_gradient(
    x_loses: Node, y_loses: Node, ties: Node, upstream: Node
) -> tuple[Node | None, ...]:
    """The gradient goes to the operand that is chosen; with NaN neither loses, so to both."""
    nothing, half = zero(upstream.dtype), upstream * constant(0.5, upstream.dtype)
    return (
        where(ties, half, where(x_loses, nothing, upstream)),
        where(ties, half, where(y_loses, nothing, upstream)),
    )


def _maximum_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x, y = node.sources
    return _extreme_gradient(less(x, y), less(y, x), equal(x, y), upstream)


def _minimum_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x, y = node.sources
    return _extreme_gradient(less(y, x), less(x, y), equal(x, y), upstream)


maximum = define(
    "maximum",
    "The greater of x and y; NaN if either is NaN. Of -0 and +0, either. The gradient is halved "
    "between equal operands.",
    2,
    is_any,
    selecting(numpy.maximum),
    _maximum_gradient,
    _COMMUTES | Property.IDEMPOTENT,
)
minimum = define(
    "minimum",
    "The lesser of x and y; NaN if either is NaN. Of -0 and +0, either. The gradient is halved "
    "between equal operands.",
    2,
    is_any,
    selecting(numpy.minimum),
    _minimum_gradient,
    _COMMUTES | Property.IDEMPOTENT,
)


def _fused_multiply_add_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x, y, _ = node.sources
    return upstream * y, upstream * x, upstream


def _fused_multiply_add(x: Array, y: Array, z: Array) -> Array:
    if x.dtype == numpy.float32:
        return _fused_float32(x, y, z)
    return _fused_float64(x, y, z)


def _fused_float32(x: Array, y: Array, z: Array) -> Array:
    """The product is exact in float64; the sum is rounded to odd there, then to float32."""
    product, wide = x.astype(numpy.float64) * y, z.astype(numpy.float64)
    total = numpy.asarray(product + wide)
    shown = total - product
    error = (product - (total - shown)) + (wide - shown)
    is_even = total.view(numpy.uint64) & numpy.uint64(1) == 0
    toward = numpy.copysign(numpy.inf, error)
    is_inexact = (error != 0) & numpy.isfinite(total)
    return numpy.where(is_inexact & is_even, numpy.nextafter(total, toward), total).astype(x.dtype)


def _fused_float64(x: Array, y: Array, z: Array) -> Array:
    """No wider type holds the product, so each finite element is computed as a fraction."""
    total = numpy.array(x * y + z)
    for place, operands in enumerate(numpy.nditer([x, y, z], flags=["zerosize_ok"])):
        first, second, third = map(float, operands)
        if math.isfinite(first) and math.isfinite(second) and math.isfinite(third):
            exact = Fraction(first) * Fraction(second) + Fraction(third)
            total.flat[place] = _nearest_float(exact) if exact else total.flat[place]
    return total


def _nearest_float(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


fused_multiply_add = define(
    "fused_multiply_add",
    "x · y + z, rounded once.",
    3,
    is_float,
    in_float32(_fused_multiply_add),
    _fused_multiply_add_gradient,
)

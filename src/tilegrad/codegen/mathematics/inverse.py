"""Inverse trigonometric functions, in float64."""

from __future__ import annotations

import math

from tilegrad.codegen.mathematics import coefficients as table
from tilegrad.codegen.mathematics.building import (
    both,
    choose,
    either,
    equal,
    fuse,
    has_sign,
    is_infinite,
    is_nan,
    magnitude,
    polynomial,
    through_float64,
    with_sign,
)
from tilegrad.ir.node import Node
from tilegrad.ops import exponential
from tilegrad.ops.leaves import constant

_TAN_EIGHTH = math.sqrt(2) - 1
_TAN_THREE_EIGHTHS = math.sqrt(2) + 1


def _arcsine(x: Node, near: Node) -> tuple[Node, Node]:
    """Return whether |x| ≤ 1/2; and arcsin near, ±x, if it is, else arcsin √((1 - |x|)/2)."""
    size = magnitude(x)
    is_small = size <= 0.5
    z = choose(is_small, x * x, fuse(size, -0.5, 0.5))
    t = choose(is_small, near, exponential.square_root(z))
    return is_small, fuse(t * z, polynomial(z, table.ARCSINE_F64), t)


@through_float64
def asin(x: Node) -> Node:
    """Return arcsin x: beyond 1/2, π/2 - 2 arcsin √((1 - |x|)/2)."""
    is_small, angle = _arcsine(x, magnitude(x))
    high, low = table.HALF_PI_F64
    return with_sign(choose(is_small, angle, high - (angle * 2.0 - low)), x)


@through_float64
def acos(x: Node) -> Node:
    """Return arccos x."""
    is_small, angle = _arcsine(x, x)
    half_high, half_low = table.HALF_PI_F64
    high, low = table.PI_F64
    outer = choose(x < 0.0, high - (angle * 2.0 - low), angle * 2.0)
    return choose(is_small, half_high - (angle - half_low), outer)


def _arctangent(numerator: Node, denominator: Node) -> tuple[Node, Node]:
    """Return arctan of a quotient in [0, ∞] as high + low: about 0, 1 or ∞, whatever is nearest."""
    is_steep = denominator * _TAN_THREE_EIGHTHS < numerator
    is_middle = denominator * _TAN_EIGHTH < numerator
    top = choose(is_middle, numerator - denominator, numerator)
    bottom = choose(is_middle, numerator + denominator, denominator)
    t = choose(is_steep, -denominator, top) / choose(is_steep, numerator, bottom)
    z, zero = t * t, constant(0.0, t.dtype)
    (steep, steep_low), (middle, middle_low) = table.HALF_PI_F64, table.QUARTER_PI_F64
    base = choose(is_steep, steep, choose(is_middle, middle, zero))
    low = choose(is_steep, steep_low, choose(is_middle, middle_low, zero))
    return base, fuse(t * z, polynomial(z, table.ARCTANGENT_F64), low) + t


@through_float64
def atan(x: Node) -> Node:
    """Return arctan x."""
    size = magnitude(x)
    finite = choose(is_infinite(x), 1.0, size)
    one = choose(is_infinite(x), 0.0, constant(1.0, x.dtype))
    base, rest = _arctangent(finite, one)
    return with_sign(base + rest, x)


@through_float64
def atan2(y: Node, x: Node) -> Node:
    """Return the angle of the point (x, y) from the positive x axis."""
    height, width = magnitude(y), magnitude(x)
    # Equal infinities count as equal numbers; great numbers are scaled down, as they are added.
    is_great = either(height > 2.0**1000, width > 2.0**1000)
    are_infinite = both(is_infinite(y), is_infinite(x))
    numerator = choose(are_infinite, 1.0, choose(is_great, height * 2.0**-4, height))
    denominator = choose(are_infinite, 1.0, choose(is_great, width * 2.0**-4, width))
    base, rest = _arctangent(numerator, denominator)
    is_origin = both(equal(y, 0.0), equal(x, 0.0))
    base, rest = choose(is_origin, 0.0, base), choose(is_origin, 0.0, rest)
    high, low = table.PI_F64
    is_left = has_sign(x)
    angle = choose(is_left, (high - base) - (rest - low), base + rest)
    return choose(either(is_nan(x), is_nan(y)), math.nan, with_sign(angle, y))

"""Exponentials.

x is split into n ln 2 + r with a whole n and |r| ≤ ln 2 / 2 (W. J. Cody and W. Waite, "Software
Manual for the Elementary Functions", 1980): ln 2 is the sum of a number with so few bits that its
product with n is exact, and a small rest. eʳ is a polynomial; 2ⁿ goes into the exponent.
"""

from __future__ import annotations

import math

from tilegrad.codegen.mathematics import coefficients as table
from tilegrad.codegen.mathematics.building import (
    bits_of,
    choose,
    equal,
    format_of,
    fuse,
    is_single,
    maximum,
    minimum,
    polynomial,
    power_of_two,
)
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ops import linear
from tilegrad.ops.leaves import constant


def round_to_whole(x: Node, scale: float) -> tuple[Node, Node]:
    """Return x · scale rounded to a whole number, as a float and as an integer of its width.

    Needs |x · scale| < 2^(mantissa - 2). Of NaN the integer is arbitrary.
    """
    layout = format_of(x.dtype)
    shifted = fuse(x, scale, layout.shifter)
    shifter_bits = bits_of(constant(layout.shifter, x.dtype))
    return shifted - layout.shifter, bits_of(shifted) - shifter_bits


def _scale_by_power(target: CodegenTarget, x: Node, whole: Node, n: Node) -> Node:
    """Return x · 2ⁿ for a whole n, given as a float and as an integer of its width, rounded once.

    Without an instruction for it 2ⁿ is split into two factors, so that subnormal and infinite
    results come out right; n may be up to about twice the range of exponents.
    """
    if target.has("avx512f", "avx512vl"):
        return linear.scale_exponent(x, whole)
    half = n >> constant(1, n.dtype)
    return x * power_of_two(half, x.dtype) * power_of_two(n - half, x.dtype)


def _clamp(x: Node, low: float, high: float) -> Node:
    return minimum(maximum(x, low), high)


def _reduce(x: Node) -> tuple[Node, Node, Node]:
    """Return r and the whole number n, as a float and as an integer, with x = n ln 2 + r."""
    whole, n = round_to_whole(x, 1 / math.log(2))
    high, low = table.LN2_F32 if is_single(x) else table.LN2_F64
    return fuse(whole, -low, fuse(whole, -high, x)), whole, n


def exp_bounded(x: Node, rest: Node | None = None) -> Node:
    """Return e^(x + rest), a normal number (|x| < 87, in float64 708), for a tiny rest."""
    r, _, n = _reduce(x)
    if rest is not None:
        r = r + rest
    return _exp_reduced(r) * power_of_two(n, x.dtype)


def _exp_reduced(r: Node) -> Node:
    terms = table.EXPONENTIAL_F32 if is_single(r) else table.EXPONENTIAL_F64
    return polynomial(r, (1.0, 1.0, *terms))


def exp(target: CodegenTarget, x: Node, rest: Node | None = None) -> Node:
    """Return eˣ, or e^(x + rest) for a tiny rest."""
    low, high = (-104.0, 89.0) if is_single(x) else (-746.0, 710.0)
    r, whole, n = _reduce(_clamp(x, low, high))
    if rest is not None:
        r = r + rest
    return _scale_by_power(target, _exp_reduced(r), whole, n)


def exp2(target: CodegenTarget, x: Node) -> Node:
    """Return 2ˣ."""
    low, high = (-151.0, 129.0) if is_single(x) else (-1076.0, 1025.0)
    x = _clamp(x, low, high)
    whole, n = round_to_whole(x, 1.0)
    r = x - whole
    terms = table.EXPONENTIAL2_F32 if is_single(x) else table.EXPONENTIAL2_F64
    return _scale_by_power(target, fuse(r, polynomial(r, terms), 1.0), whole, n)


def expm1(target: CodegenTarget, x: Node) -> Node:
    """Return eˣ - 1, by halves so that 2ⁿ cannot overflow."""
    del target
    low, high = (-20.0, 89.0) if is_single(x) else (-40.0, 710.0)
    return choose(equal(x, 0.0), x, half_expm1(_clamp(x, low, high)) * 2.0)


def half_expm1(x: Node) -> Node:
    """Return (eˣ - 1)/2 as (2ⁿ (eʳ - 1) + (2ⁿ - 1))/2; 2ⁿ/2 must be a normal number."""
    r, _, n = _reduce(x)
    terms = table.EXPONENTIAL_F32 if is_single(x) else table.EXPONENTIAL_F64
    value = fuse(r * r, polynomial(r, terms), r)
    half = power_of_two(n - 1, x.dtype)
    return fuse(half, value, half - 0.5)

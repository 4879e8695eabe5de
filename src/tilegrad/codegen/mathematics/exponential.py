"""Exponentials.

x is split into n ln 2 + r with a whole n and |r| ≤ ln 2 / 2 (W. J. Cody and W. Waite, "Software
Manual for the Elementary Functions", 1980): ln 2 is the sum of a number with so few bits that its
product with n is exact, and a small rest. eʳ is a polynomial; 2ⁿ goes into the exponent.

Where a register serves as a table, n is a multiple of 1/16: its fraction selects one of sixteen
powers of two, and r is so small that three terms of the polynomial do (P. T. P. Tang, "Table-Driven
Implementation of the Exponential Function in IEEE Floating-Point Arithmetic", 1989).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
from tilegrad.codegen.mathematics.tables import TABLE_SIZE, has_tables, look_up
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ops import mathematics
from tilegrad.ops.leaves import constant

_MOST_REST = 0.04
"""More than 1/32, what 2ʳ is computed of, and ln 2 / 32, what eʳ is."""


def round_to_whole(x: Node, scale: float) -> tuple[Node, Node]:
    """Return x · scale rounded to a whole number, as a float and as an integer of its width.

    Needs |x · scale| < 2^(mantissa - 2). Of NaN the integer is arbitrary.
    """
    layout = format_of(x.dtype)
    shifted = fuse(x, scale, layout.shifter)
    shifter_bits = bits_of(constant(layout.shifter, x.dtype))
    return shifted - layout.shifter, bits_of(shifted) - shifter_bits


def _round_to_sixteenth(x: Node, scale: float) -> tuple[Node, Node]:
    """Return x · scale rounded to a multiple of 1/16, and an integer that is 16 times that.

    Of the integer only the low bits are right, those that say which sixteenth it is.
    """
    shifter = format_of(x.dtype).shifter / TABLE_SIZE
    shifted = fuse(x, scale, shifter)
    return shifted - shifter, bits_of(shifted)


def _scale_by_table(r: Node, terms: Sequence[float], whole: Node, place: Node) -> Node:
    """Return (1 + r·Σ termsᵢ rⁱ) · 2ⁿ for a multiple of 1/16, n, and a small r, rounded once.

    Nothing else needs to be done about numbers beyond the range of results: r is kept small, and
    2ⁿ is then so large or small, or NaN, that it decides.
    """
    power = look_up(place, table.SIXTEENTH_POWERS_BITS)
    r = mathematics.limit_magnitude(r, constant(_MOST_REST, r.dtype))
    return mathematics.scale_exponent(fuse(power, r * polynomial(r, terms), power), whole)


def _scale_by_power(target: CodegenTarget, x: Node, whole: Node, n: Node) -> Node:
    """Return x · 2ⁿ for a whole n, given as a float and as an integer of its width, rounded once.

    Without an instruction for it 2ⁿ is split into two factors, so that subnormal and infinite
    results come out right; n may be up to about twice the range of exponents.
    """
    if target.has("avx512f", "avx512vl"):
        return mathematics.scale_exponent(x, whole)
    half = n >> constant(1, n.dtype)
    return x * power_of_two(half, x.dtype) * power_of_two(n - half, x.dtype)


def _clamp(x: Node, low: float, high: float) -> Node:
    return minimum(maximum(x, low), high)


def _reduce(x: Node) -> tuple[Node, Node, Node]:
    """Return r and the whole number n, as a float and as an integer, with x = n ln 2 + r."""
    whole, n = round_to_whole(x, 1 / math.log(2))
    return _subtract_multiple(x, whole), whole, n


def _subtract_multiple(x: Node, n: Node) -> Node:
    """Return x - n ln 2 for n of at most 12 bits."""
    high, low = table.LN2_F32 if is_single(x) else table.LN2_F64
    return fuse(n, -low, fuse(n, -high, x))


def exp_bounded(target: CodegenTarget, x: Node) -> Node:
    """Return eˣ, a normal number (|x| < 87, in float64 708)."""
    if has_tables(target, x):
        return _exp_by_table(x, None)
    r, _, n = _reduce(x)
    return _exp_reduced(r) * power_of_two(n, x.dtype)


def _exp_reduced(r: Node) -> Node:
    terms = table.EXPONENTIAL_F32 if is_single(r) else table.EXPONENTIAL_F64
    return polynomial(r, (1.0, 1.0, *terms))


def _exp_by_table(x: Node, rest: Node | None) -> Node:
    whole, place = _round_to_sixteenth(x, 1 / math.log(2))
    r = _subtract_multiple(x, whole)
    if rest is not None:
        r = r + rest
    return _scale_by_table(r, (1.0, *table.EXPONENTIAL_NEAR_F32), whole, place)


def exp(target: CodegenTarget, x: Node, rest: Node | None = None) -> Node:
    """Return eˣ, or e^(x + rest) for a tiny rest."""
    if has_tables(target, x):
        return _exp_by_table(x, rest)
    low, high = (-104.0, 89.0) if is_single(x) else (-746.0, 710.0)
    r, whole, n = _reduce(_clamp(x, low, high))
    if rest is not None:
        r = r + rest
    return _scale_by_power(target, _exp_reduced(r), whole, n)


def exp2(target: CodegenTarget, x: Node) -> Node:
    """Return 2ˣ."""
    if has_tables(target, x):
        whole, place = _round_to_sixteenth(x, 1.0)
        return _scale_by_table(x - whole, table.EXPONENTIAL2_NEAR_F32, whole, place)
    low, high = (-151.0, 129.0) if is_single(x) else (-1076.0, 1025.0)
    x = _clamp(x, low, high)
    whole, n = round_to_whole(x, 1.0)
    r = x - whole
    terms = table.EXPONENTIAL2_F32 if is_single(x) else table.EXPONENTIAL2_F64
    return _scale_by_power(target, fuse(r, polynomial(r, terms), 1.0), whole, n)


def expm1(x: Node) -> Node:
    """Return eˣ - 1, by halves so that 2ⁿ cannot overflow."""
    low, high = (-20.0, 89.0) if is_single(x) else (-40.0, 710.0)
    return choose(equal(x, 0.0), x, half_expm1(_clamp(x, low, high)) * 2.0)


def half_expm1(x: Node) -> Node:
    """Return (eˣ - 1)/2 as (2ⁿ (eʳ - 1) + (2ⁿ - 1))/2; 2ⁿ/2 must be a normal number."""
    r, _, n = _reduce(x)
    terms = table.EXPONENTIAL_F32 if is_single(x) else table.EXPONENTIAL_F64
    value = fuse(r * r, polynomial(r, terms), r)
    half = power_of_two(n - 1, x.dtype)
    return fuse(half, value, half - 0.5)

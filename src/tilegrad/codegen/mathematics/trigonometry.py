"""Sine, cosine, tangent: x = n π/2 + r with |r| ≤ π/4, then polynomials in r.

Up to 2^20, n π/2 is subtracted in pieces of π/2 short enough that their products with n are exact
(Cody and Waite). Beyond, only the fractional part of x · 2/π is computed, from as many bits of 2/π
as matter at the exponent of x (M. Payne and R. Hanek, "Radian reduction for trigonometric
functions", 1983). That part is a loop of one round that runs only where a lane needs it. float32 is
reduced in float64.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad.codegen.mathematics import coefficients as table
from tilegrad.codegen.mathematics.building import (
    bitcast,
    bits_of,
    both,
    cast,
    choose,
    equal,
    flip_sign,
    fuse,
    is_single,
    magnitude,
    polynomial,
    through_float64,
)
from tilegrad.codegen.mathematics.double_double import add_exactly, add_smaller, multiply_exactly
from tilegrad.codegen.mathematics.exponential import round_to_whole
from tilegrad.codegen.mathematics.rounding import round_even
from tilegrad.codegen.mathematics.rounds import Rounds
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import memory
from tilegrad.ops.leaves import ConstantAttributes, constant

_FAST_LIMIT = 2.0**20
_LEAST_EXPONENT = -32
"""The exponent, of the last place of x, to which the first entry of the table belongs."""


class Angle(NamedTuple):
    """x - n π/2 as high + low, and n as an int64."""

    high: Node
    low: Node
    quadrant: Node


def reduce_angle(rounds: Rounds, x: Node) -> Angle:
    """Return a float64 reduced by multiples of π/2; infinities and NaN give arbitrary values."""
    fast = _reduce_fast(x)
    is_large = both(magnitude(x) > _FAST_LIMIT, magnitude(x) < math.inf)

    def round_(carried: tuple[Node, ...]) -> tuple[Node, ...]:
        x, *before = carried
        exact = _reduce_large(rounds, x)
        is_large = both(magnitude(x) > _FAST_LIMIT, magnitude(x) < math.inf)
        after = (choose(is_large, one, other) for one, other in zip(exact, before, strict=True))
        return (x, *after)

    _, high, low, quadrant = rounds.when_any(is_large, (x, *fast), round_)
    return Angle(high, low, quadrant)


def _reduce_fast(x: Node) -> Angle:
    first, second, third, last = table.HALF_PI_SHORT_F64
    whole, n = round_to_whole(x, 2 / math.pi)
    rest = fuse(whole, -first, x)
    step = add_exactly(rest, whole * -second)
    step = add_smaller(step.high, step.low + fuse(whole, -third, whole * -last))
    return Angle(step.high, step.low, n)


def _reduce_large(rounds: Rounds, x: Node) -> Angle:
    """Payne and Hanek's reduction: x is M · 2^E with a whole M of up to 69 bits."""
    word = bits_of(x)
    exponent = ((word >> constant(52, dtypes.int64)) & 0x7FF) - 1075 - _LEAST_EXPONENT
    entry = exponent >> constant(4, dtypes.int64)
    mantissa = word & -(1 << 63) | word & ((1 << 52) - 1)
    lifted = (exponent & 15) + (1023 + 52) << constant(52, dtypes.int64)
    whole = bitcast(mantissa | lifted, x.dtype)
    parts = _load_table(x, entry)
    first, second, third = (multiply_exactly(rounds.target, whole, part) for part in parts[:3])
    terms = [first.high, first.low, second.high, second.low, third.high, third.low]
    terms.append(whole * parts[3])
    return _round_quarter(rounds, terms)


def _load_table(x: Node, entry: Node) -> list[Node]:
    words = (constant(value, dtypes.float64) for value in table.TWO_OVER_PI)
    bits = tuple(attributes_of(word, ConstantAttributes).bits for word in words)
    pointer = memory.table(attributes=memory.TableAttributes(dtypes.float64, bits))
    is_large = both(magnitude(x) > _FAST_LIMIT, magnitude(x) < math.inf)
    offset = cast(entry, dtypes.index) * 4
    return [memory.make_load(pointer, offset + i, is_large) for i in range(4)]


def _round_quarter(rounds: Rounds, terms: list[Node]) -> Angle:
    """Return the sum of terms, of decreasing size, modulo 4 and split into whole and rest, · π/2.

    Only the first terms can be greater than 1; their whole parts count modulo 4.
    """
    quadrant = constant(0, dtypes.int64)
    fractions = []
    for term in terms[:4]:
        reduced = term - round_even(rounds.target, term * 0.25) * 4.0
        whole, n = round_to_whole(reduced, 1.0)
        fractions.append(reduced - whole)
        quadrant = quadrant + n
    total = add_exactly(fractions[0], fractions[1])
    for term in (*fractions[2:], *terms[4:]):
        step = add_exactly(total.high, term)
        total = add_smaller(step.high, step.low + total.low)
    whole, n = round_to_whole(total.high, 1.0)
    total = add_exactly(total.high - whole, total.low)
    high, low = table.HALF_PI_F64
    product = total.high * high
    rest = fuse(total.high, high, -product) + fuse(total.high, low, total.low * high)
    return Angle(product, rest, quadrant + n)


def _sine(r: Node, low: Node | None) -> Node:
    z = r * r
    if low is None:
        return fuse(r * z, polynomial(z, table.SINE_F32), r)
    return r + fuse(r * z, polynomial(z, table.SINE_F64), low * fuse(z, -0.5, 1.0))


def _cosine(r: Node, low: Node | None) -> Node:
    z = r * r
    if low is None:
        return fuse(z * z, polynomial(z, table.COSINE_F32), fuse(z, -0.5, 1.0))
    half = z * 0.5
    head = 1.0 - half
    return head + fuse(z * z, polynomial(z, table.COSINE_F64), ((1.0 - head) - half) - r * low)


def _evaluate(rounds: Rounds, x: Node, quarter_turns: int) -> Node:
    """Return sin(x + quarter_turns · π/2)."""
    if is_single(x):
        angle = reduce_angle(rounds, cast(x, dtypes.float64))
        r, low = cast(angle.high, x.dtype), None
        quadrant = cast(angle.quadrant, dtypes.int32) + quarter_turns
    else:
        angle = reduce_angle(rounds, x)
        r, low, quadrant = angle.high, angle.low, angle.quadrant + quarter_turns
    value = choose(equal(quadrant & 1, 0), _sine(r, low), _cosine(r, low))
    sign = bitcast(quadrant << constant(x.dtype.bits - 2, quadrant.dtype), x.dtype)
    return choose(magnitude(x) < math.inf, flip_sign(value, sign), math.nan)


def sin(rounds: Rounds, x: Node) -> Node:
    """Return the sine."""
    return choose(equal(x, 0.0), x, _evaluate(rounds, x, 0))


def cos(rounds: Rounds, x: Node) -> Node:
    """Return the cosine."""
    return _evaluate(rounds, x, 1)


def tan(rounds: Rounds, x: Node) -> Node:
    """Return the tangent, within 3 ulp in float64."""

    def tangent(x: Node) -> Node:
        angle = reduce_angle(rounds, x)
        sine, cosine = _sine(angle.high, angle.low), _cosine(angle.high, angle.low)
        is_odd = equal(angle.quadrant & 1, 1)
        value = choose(is_odd, -cosine, sine) / choose(is_odd, sine, cosine)
        value = choose(magnitude(x) < math.inf, value, math.nan)
        return choose(equal(x, 0.0), x, value)

    return through_float64(tangent)(x)

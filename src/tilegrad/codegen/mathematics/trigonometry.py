"""Sine, cosine, tangent: x = n π/2 + r with |r| ≤ π/4, then polynomials in r.

For moderate x, n π/2 is subtracted in pieces of π/2 short enough that each product with n, or its
difference with x, is exact (W. J. Cody and W. Waite, 1980). Beyond, only the fractional part of
x · 2/π is computed, from as many bits of 2/π as matter at the exponent of x (M. Payne and R. Hanek,
"Radian reduction for trigonometric functions", 1983). That part is a loop of one round that runs
only where a lane needs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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

_LIMITS = {32: 2.0**15, 64: 2.0**20}
"""Up to where a product of π/2 is subtracted in pieces, by width."""
_LEAST_EXPONENT = -32
"""The exponent, of the last place of x, to which the first entry of the table belongs."""
_LEAST_SHORT_EXPONENT = -8


class Angle(NamedTuple):
    """x - n π/2 as high + low (which float32 has no use for), and n as an integer."""

    high: Node
    low: Node | None
    quadrant: Node


def reduce_angle(rounds: Rounds, x: Node) -> Angle:
    """Return x reduced by multiples of π/2; infinities and NaN give arbitrary values."""
    if not is_single(x):
        high, low, quadrant = _reduce(rounds, x, _reduce_fast(x), _reduce_large)
        return Angle(high, low, quadrant)
    if not rounds.target.has_fused_multiply_add:
        # The pieces that would do without it are so short that float64 is simpler.
        angle = reduce_angle(rounds, cast(x, dtypes.float64))
        return Angle(cast(angle.high, x.dtype), None, cast(angle.quadrant, dtypes.int32))
    high, quadrant = _reduce(rounds, x, _reduce_fast_single(x), _reduce_large_single)
    return Angle(high, None, quadrant)


def _reduce(
    rounds: Rounds,
    x: Node,
    fast: tuple[Node, ...],
    large: Callable[[Rounds, Node], tuple[Node, ...]],
) -> tuple[Node, ...]:
    """Replace what was reduced fast where x is too large for that."""

    def round_(carried: tuple[Node, ...]) -> tuple[Node, ...]:
        x, *before = carried
        exact = large(rounds, x)
        after = (choose(_is_large(x), one, other) for one, other in zip(exact, before, strict=True))
        return (x, *after)

    return rounds.when_any(_is_large(x), (x, *fast), round_)[1:]


def _is_large(x: Node) -> Node:
    return both(magnitude(x) > _LIMITS[x.dtype.bits], magnitude(x) < math.inf)


def _reduce_fast_single(x: Node) -> tuple[Node, ...]:
    """X - n π/2 has no more bits than x: the first step is exact if fused, the others nearly."""
    first, second, third = table.HALF_PI_F32
    whole, n = round_to_whole(x, 2 / math.pi)
    return fuse(whole, -third, fuse(whole, -second, fuse(whole, -first, x))), n


def _reduce_large_single(rounds: Rounds, x: Node) -> tuple[Node, ...]:
    """Payne and Hanek's reduction of x = M · 2^E with a whole M of 24 bits, in float64."""
    del rounds
    word = bits_of(x)
    exponent = ((word >> constant(23, dtypes.int32)) & 0xFF) - 150 - _LEAST_SHORT_EXPONENT
    whole = bitcast(word & ~(0xFF << 23) | (127 + 23) << 23, x.dtype)
    high, low = _load_table(x, exponent, table.TWO_OVER_PI_SHORT, 2)
    mantissa = cast(whole, dtypes.float64)
    turns = mantissa * high
    nearest, n = round_to_whole(turns, 1.0)
    rest = fuse(mantissa, low, turns - nearest)
    return cast(rest * (math.pi / 2), x.dtype), cast(n, dtypes.int32)


def _reduce_fast(x: Node) -> tuple[Node, ...]:
    first, second, third, last = table.HALF_PI_SHORT_F64
    whole, n = round_to_whole(x, 2 / math.pi)
    rest = fuse(whole, -first, x)
    step = add_exactly(rest, whole * -second)
    step = add_smaller(step.high, step.low + fuse(whole, -third, whole * -last))
    return step.high, step.low, n


def _reduce_large(rounds: Rounds, x: Node) -> tuple[Node, ...]:
    """Payne and Hanek's reduction: x is M · 2^E with a whole M of up to 69 bits."""
    word = bits_of(x)
    exponent = ((word >> constant(52, dtypes.int64)) & 0x7FF) - 1075 - _LEAST_EXPONENT
    entry = exponent >> constant(4, dtypes.int64)
    mantissa = word & -(1 << 63) | word & ((1 << 52) - 1)
    lifted = (exponent & 15) + (1023 + 52) << constant(52, dtypes.int64)
    whole = bitcast(mantissa | lifted, x.dtype)
    parts = _load_table(x, entry, table.TWO_OVER_PI, 4)
    first, second, third = (multiply_exactly(rounds.target, whole, part) for part in parts[:3])
    terms = [first.high, first.low, second.high, second.low, third.high, third.low]
    terms.append(whole * parts[3])
    return _round_quarter(rounds, terms)


def _load_table(x: Node, entry: Node, values: tuple[float, ...], count: int) -> list[Node]:
    """Return the numbers of an entry of a table of float64, for those x that are large."""
    words = (constant(value, dtypes.float64) for value in values)
    bits = tuple(attributes_of(word, ConstantAttributes).bits for word in words)
    pointer = memory.table(attributes=memory.TableAttributes(dtypes.float64, bits))
    offset = cast(entry, dtypes.index) * count
    return [memory.make_load(pointer, offset + i, _is_large(x)) for i in range(count)]


def _round_quarter(rounds: Rounds, terms: list[Node]) -> tuple[Node, ...]:
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
    return product, rest, quadrant + n


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
    r, low, quadrant = reduce_angle(rounds, x)
    if quarter_turns:
        quadrant = quadrant + quarter_turns
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
    """Return the tangent: in float32 a polynomial or -1 over it, in float64 sine over cosine."""
    r, low, quadrant = reduce_angle(rounds, x)
    is_odd = equal(quadrant & 1, 1)
    if low is None:
        z = r * r
        tangent = fuse(r * z, polynomial(z, table.TANGENT_F32), r)
        value = choose(is_odd, -1.0 / tangent, tangent)
    else:
        sine, cosine = _sine(r, low), _cosine(r, low)
        value = choose(is_odd, -cosine, sine) / choose(is_odd, sine, cosine)
    value = choose(magnitude(x) < math.inf, value, math.nan)
    return choose(equal(x, 0.0), x, value)

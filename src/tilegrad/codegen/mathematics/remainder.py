"""Remainders of floats, exact: the quotient is taken off in pieces that fit.

In each round r loses q · y · 2ˢ, where s makes q = ⌊r / (y · 2ˢ)⌋ short enough that the difference
is exact. There are as many rounds as the greatest difference of exponents asks for, mostly one.
"""

from __future__ import annotations

import math

from tilegrad.codegen.mathematics.building import (
    bits_of,
    both,
    cast,
    choose,
    either,
    equal,
    format_of,
    has_sign,
    is_nan,
    magnitude,
    maximum,
    power_of_two,
    with_sign,
)
from tilegrad.codegen.mathematics.double_double import multiply_exactly
from tilegrad.codegen.mathematics.rounding import floor, truncate
from tilegrad.codegen.mathematics.rounds import Rounds
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import constant

_BITS = 27
"""Bits of the quotient that a round takes off."""


def truncated_remainder(rounds: Rounds, x: Node, y: Node) -> Node:
    """Return C's fmod: x - y · trunc(x / y), exactly, with the sign of x."""
    size, divisor = magnitude(x), magnitude(y)
    is_valid = both(size < math.inf, divisor > 0.0)
    # The sign is set in x's own dtype: a float64's is no part of a float16 without a library call.
    if x.dtype is dtypes.float32:
        wide = _remainder(rounds, cast(size, dtypes.float64), cast(divisor, dtypes.float64))
        rest = cast(wide, x.dtype)
    else:
        rest = _remainder(rounds, size, divisor)
    return choose(both(is_valid, ~is_nan(y)), with_sign(rest, x), math.nan)


def _remainder(rounds: Rounds, size: Node, divisor: Node) -> Node:
    """Return the remainder of numbers that are not negative, if it is defined."""
    is_needed = both(both(size < math.inf, divisor > 0.0), divisor <= size)
    gap = choose(is_needed, _exponent(size) - _exponent(divisor), -_BITS)
    # ⌊gap / 27⌋ + 1 by a multiplication that is exact enough for gaps up to 2100.
    counts = (gap + _BITS) * 2428 >> constant(16, gap.dtype)

    def round_(carried: tuple[Node, ...]) -> tuple[Node, ...]:
        rest, divisor = carried
        return _take_off(rounds, rest, divisor), divisor

    rest, _ = rounds.repeat_greatest(cast(counts, dtypes.int32), (size, divisor), round_)
    return choose(is_needed, rest, size)


def _exponent(x: Node) -> Node:
    """Return ⌊log₂ x⌋ of a positive number, subnormal ones too, as an integer."""
    layout = format_of(x.dtype)
    is_small = x < layout.smallest_normal
    lifted = bits_of(choose(is_small, x * 2.0**64, x)) >> constant(layout.mantissa, layout.integer)
    return choose(is_small, lifted - 64, lifted) - layout.bias


def _take_off(rounds: Rounds, rest: Node, divisor: Node) -> Node:
    gap = maximum(_exponent(rest) - _exponent(divisor) - _BITS, 0)
    half = gap >> constant(1, gap.dtype)
    scaled = divisor * power_of_two(half, rest.dtype) * power_of_two(gap - half, rest.dtype)
    quotient = truncate(rounds.target, rest / scaled)
    product = multiply_exactly(rounds.target, quotient, scaled)
    left = (rest - product.high) - product.low
    left = choose(left < 0.0, left + scaled, left)
    return choose(divisor <= rest, left, rest)


def modulo(rounds: Rounds, x: Node, y: Node) -> Node:
    """Return the remainder with the sign of y, as Python's %."""
    rest = truncated_remainder(rounds, x, y)
    is_zero = equal(rest, 0.0)
    is_other = has_sign(rest) ^ has_sign(y)
    moved = choose(is_other, rest + y, rest)
    return choose(is_zero, with_sign(rest, y), moved)


def floor_divide(rounds: Rounds, x: Node, y: Node) -> Node:
    """Return ⌊x / y⌋ from the exact remainder, so that it is right where x / y is rounded up."""
    rest = truncated_remainder(rounds, x, y)
    quotient = (x - rest) / y
    is_below = both(~equal(rest, 0.0), has_sign(rest) ^ has_sign(y))
    quotient = choose(is_below, quotient - 1.0, quotient)
    whole = floor(rounds.target, quotient)
    whole = choose(quotient - whole > 0.5, whole + 1.0, whole)
    plain = x / y
    result = choose(equal(quotient, 0.0), with_sign(quotient * 0.0, plain), whole)
    is_plain = either(equal(y, 0.0), is_nan(plain))
    return choose(is_plain, plain, result)

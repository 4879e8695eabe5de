"""The error function and the logarithm of the gamma function."""

from __future__ import annotations

import math

from tilegrad.codegen.mathematics import coefficients as table
from tilegrad.codegen.mathematics.building import (
    both,
    choose,
    either,
    equal,
    fuse,
    is_nan,
    is_single,
    magnitude,
    minimum,
    polynomial,
    through_float64,
    with_sign,
)
from tilegrad.codegen.mathematics.exponential import exp_bounded
from tilegrad.codegen.mathematics.logarithm import log
from tilegrad.codegen.mathematics.rounding import floor
from tilegrad.codegen.mathematics.rounds import Rounds
from tilegrad.codegen.mathematics.tables import has_tables, interpolate
from tilegrad.codegen.mathematics.trigonometry import sin
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import constant

_STIRLING = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)
"""B₂ₖ / (2k (2k - 1)): the asymptotic series of ln Γ."""
_STIRLING_FROM = 8.5
_ERROR_FUNCTION_STEP, _ERROR_FUNCTION_FROM = 65 / 256, 3.935
"""Distance of the points of the table, and from where on the function is 1 in float32."""


def erf(target: CodegenTarget, x: Node) -> Node:
    """Return the error function: a polynomial up to 1, beyond 1 - erfc by an exponential.

    Where registers serve as tables, polynomials around sixteen points do up to where it is 1.
    """
    size = magnitude(x)
    if has_tables(target, x):
        limited = minimum(size, _ERROR_FUNCTION_FROM)
        value = interpolate(limited, _ERROR_FUNCTION_STEP, table.ERROR_FUNCTION_TABLE_BITS)
        return with_sign(value, x)
    z = x * x
    if is_single(x):
        near = fuse(x, polynomial(z, table.ERROR_FUNCTION_F32), x)
        logarithm = polynomial(minimum(size, 4.0), table.COMPLEMENTARY_ERROR_F32)
        far = 1.0 - exp_bounded(target, logarithm)
    else:
        near = fuse(x, polynomial(z, table.ERROR_FUNCTION_F64), x)
        limited = minimum(size, 6.0)
        t = 4.0 / (limited + 4.0)
        rational = t * polynomial(t - 0.6, table.COMPLEMENTARY_ERROR_F64)
        far = 1.0 - exp_bounded(target, -(limited * limited)) * rational
    return choose(size < 1.0, near, with_sign(far, x))


@through_float64
def lgamma(rounds: Rounds, x: Node) -> Node:
    """Return ln |Γ(x)|, in float64; of less accuracy close to its zeros at negative x."""
    size = magnitude(x)
    value = _log_gamma(size)
    # Γ(x) Γ(-x) = -π / (x sin πx); x is reduced exactly before it is multiplied by π.
    turns = size - floor(rounds.target, size)
    nearest = choose(turns > 0.5, 1.0 - turns, turns)
    sine = magnitude(sin(rounds, nearest * math.pi)) * size
    reflected = log(math.pi / sine) - value
    reflected = choose(size < 2.0**-60, -log(size), reflected)
    value = choose(x < 0.0, reflected, value)
    is_pole = either(equal(x, 0.0), both(x < 0.0, equal(turns, 0.0)))
    value = choose(either(is_pole, equal(size, math.inf)), math.inf, value)
    return choose(is_nan(x), x, value)


def _log_gamma(x: Node) -> Node:
    """Return ln Γ(x) for x > 0.

    From 8.5 on Stirling's series; below, x is moved into [1.5, 2.5) by Γ(x + 1) = x Γ(x).
    """
    inverse = 1.0 / x
    series = polynomial(inverse * inverse, _STIRLING) * inverse
    half_log = 0.5 * math.log(2 * math.pi)
    logarithm = log(x)
    far = (x - 0.5) * (logarithm - 1.0) + ((half_log - 0.5) + series)
    limited = minimum(x, _STIRLING_FROM)
    d, product, quotient = _move_down(limited)
    near = fuse(d, polynomial(d, table.LOG_GAMMA_F64), log(product) - log(quotient))
    return choose(x < _STIRLING_FROM, near, far)


def _move_down(x: Node) -> tuple[Node, Node, Node]:
    """Return d and products with Γ(x) = Γ(2 + d) · product / quotient, |d| ≤ 1/2."""
    one = constant(1.0, x.dtype)
    moved, product, quotient, shift = x, one, one, constant(-2.0, x.dtype)
    for _ in range(6):
        is_above = moved > 2.5
        product = choose(is_above, product * (moved - 1.0), product)
        shift = choose(is_above, shift - 1.0, shift)
        moved = choose(is_above, moved - 1.0, moved)
    for _ in range(2):
        is_below = moved < 1.5
        quotient = choose(is_below, quotient * moved, quotient)
        shift = choose(is_below, shift + 1.0, shift)
        moved = choose(is_below, moved + 1.0, moved)
    # Not moved - 2, as moved may be rounded: close to x = 1 that would be a large relative error.
    return x + shift, product, quotient

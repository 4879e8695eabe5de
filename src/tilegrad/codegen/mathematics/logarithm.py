"""Logarithms: x = 2ᵉ m with √½ ≤ m < √2, then a polynomial in m - 1, or in (m - 1)/(m + 1).

The float64 forms follow the analysis of Sun's fdlibm (1993): ln m = f - (f²/2 - s (f²/2 + R)) with
f = m - 1, s = f / (2 + f).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad.codegen.mathematics import coefficients as table
from tilegrad.codegen.mathematics.building import (
    bitcast,
    bits_of,
    cast,
    choose,
    equal,
    format_of,
    fuse,
    is_single,
    polynomial,
)
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import constant

_ROOT_HALF_BITS = {32: 0x3F3504F3, 64: 0x3FE6A09E667F3BCD}


class Split(NamedTuple):
    """x = 2^exponent · (1 + fraction), the exponent as a float of the same dtype."""

    exponent: Node
    fraction: Node


def split(x: Node) -> Split:
    """Split a positive number; of others the result is arbitrary."""
    layout = format_of(x.dtype)
    is_small = x < layout.smallest_normal
    lifted = choose(is_small, x * 2.0 ** (layout.mantissa + 1), x)
    above = bits_of(lifted) - _ROOT_HALF_BITS[x.dtype.bits]
    n = above >> constant(layout.mantissa, above.dtype)
    fraction = bitcast(bits_of(lifted) - (n << constant(layout.mantissa, n.dtype)), x.dtype) - 1.0
    adjusted = choose(is_small, n - (layout.mantissa + 1), n)
    return Split(_whole_to_float(adjusted, x), fraction)


def _whole_to_float(n: Node, x: Node) -> Node:
    """Return a small integer as a float; 64-bit integers need not have an instruction for it."""
    return cast(cast(n, dtypes.int32), x.dtype)


def _finish(x: Node, result: Node) -> Node:
    """Put in what the formulas leave out: 0, infinity, negative numbers and NaN."""
    result = choose(x < math.inf, result, x)
    result = choose(equal(x, 0.0), -math.inf, result)
    return choose(x < 0.0, math.nan, result)


def _tail_single(f: Node) -> Node:
    """Return ln(1 + f) - f in float32."""
    square = f * f
    return fuse(square * f, polynomial(f, table.LOGARITHM_F32), square * -0.5)


def _tail_double(f: Node) -> tuple[Node, Node]:
    """Return f²/2 and s (f²/2 + R): ln(1 + f) is f minus the first plus the second."""
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    return half_square, s * (half_square + z * polynomial(z, table.LOGARITHM_F64))


def log(x: Node) -> Node:
    """Return ln x."""
    exponent, f = split(x)
    high, low = table.LN2_F32 if is_single(x) else table.LN2_F64
    if is_single(x):
        result = fuse(exponent, high, f + fuse(exponent, low, _tail_single(f)))
    else:
        half_square, rest = _tail_double(f)
        result = fuse(exponent, high, f - (half_square - fuse(exponent, low, rest)))
    return _finish(x, result)


def log1p(x: Node) -> Node:
    """Return ln(1 + x): ln u for u = 1 + x as rounded, and the rounding error over u."""
    u = x + 1.0
    exponent, f = split(u)
    is_large = x > 1.0
    error = choose(is_large, (x - u) + 1.0, x - (u - 1.0)) / u
    high, low = table.LN2_F32 if is_single(x) else table.LN2_F64
    if is_single(x):
        tail = _tail_single(f) + fuse(exponent, low, error)
        result = fuse(exponent, high, f + tail)
    else:
        half_square, rest = _tail_double(f)
        tail = fuse(exponent, low, rest + error)
        result = fuse(exponent, high, f - (half_square - tail))
    return choose(equal(x, 0.0), x, _finish(u, result))


def log2(x: Node) -> Node:
    """Return log₂ x."""
    pieces = table.LOG2_E_F32 if is_single(x) else table.LOG2_E_F64
    return _to_base(x, pieces, (1.0, 0.0))


def log10(x: Node) -> Node:
    """Return log₁₀ x."""
    if is_single(x):
        return _to_base(x, table.LOG10_E_F32, table.LOG10_2_F32)
    return _to_base(x, table.LOG10_E_F64, table.LOG10_2_F64)


def _to_base(x: Node, pieces: tuple[float, ...], two: tuple[float, ...]) -> Node:
    """Return the logarithm to a base.

    Args:
        x: the number.
        pieces: 1 over the base's natural logarithm, high and low part.
        two: the logarithm of 2 to the base, high and low part.
    """
    exponent, f = split(x)
    if is_single(x):
        high = f * pieces[0]
        low = fuse(f, pieces[0], -high) + fuse(f, pieces[1], _tail_single(f) * pieces[0])
    else:
        half_square, rest = _tail_double(f)
        difference = f - half_square
        head = bitcast(bits_of(difference) & -(1 << 32), x.dtype)
        tail = (f - head) - half_square + rest
        high = head * pieces[0]
        low = fuse(tail + head, pieces[1], tail * pieces[0])
    whole = exponent * two[0]
    total = whole + high
    error = (whole - total) + high
    return _finish(x, total + fuse(exponent, two[1], low + error))

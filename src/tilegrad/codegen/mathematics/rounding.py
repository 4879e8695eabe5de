"""Rounding to whole numbers without an instruction for it, and steps between neighbours."""

from __future__ import annotations

import math

from tilegrad.codegen.mathematics.building import (
    bitcast,
    bits_of,
    both,
    choose,
    equal,
    format_of,
    is_nan,
    is_single,
    magnitude,
    with_sign,
)
from tilegrad.codegen.mathematics.double_double import add_exactly, multiply_exactly
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, rounding
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant


def round_even(target: CodegenTarget, x: Node) -> Node:
    """Return the nearest whole number, halves to the even one."""
    if target.has_rounding:
        return rounding.round_even(x)
    return with_sign(_round_size(magnitude(x)), x)


def _round_size(size: Node) -> Node:
    """Round a positive number: adding 2^mantissa leaves no fraction."""
    limit = 2.0 ** format_of(size.dtype).mantissa
    return choose(size < limit, (size + limit) - limit, size)


def floor(target: CodegenTarget, x: Node) -> Node:
    """Return the greatest whole number not above x."""
    if target.has_rounding:
        return rounding.floor(x)
    nearest = with_sign(_round_size(magnitude(x)), x)
    return with_sign(choose(x < nearest, nearest - 1.0, nearest), x)


def ceil(target: CodegenTarget, x: Node) -> Node:
    """Return the least whole number not below x."""
    if target.has_rounding:
        return rounding.ceil(x)
    nearest = with_sign(_round_size(magnitude(x)), x)
    return with_sign(choose(nearest < x, nearest + 1.0, nearest), x)


def truncate(target: CodegenTarget, x: Node) -> Node:
    """Return x without its fraction."""
    if target.has_rounding:
        return rounding.truncate(x)
    size = magnitude(x)
    nearest = _round_size(size)
    return with_sign(choose(size < nearest, nearest - 1.0, nearest), x)


def sign(x: Node) -> Node:
    """Return -1, 0 or 1 of a float or a signed integer; NaN of NaN."""
    if not x.dtype.is_float:
        return choose(x < 0, -1, choose(x > 0, 1, x))
    unit = choose(x < 0.0, -1.0, choose(x > 0.0, 1.0, x))
    return choose(equal(x, 0.0), 0.0, unit)


def next_after(x: Node, y: Node, integer: DType, mantissa_bits: tuple[Node, Node]) -> Node:
    """Return the bits of the number after x in the direction of y.

    Args:
        x: a float that is compared, at least float32.
        y: the direction, alike.
        integer: the unsigned dtype of the format's bits.
        mantissa_bits: the bits of x and y.
    """
    word, other = mantissa_bits
    top = constant(1 << (integer.bits - 1), integer)
    is_away = _same(x < y, x > 0.0)
    step = choose(is_away, word + 1, word - 1)
    from_zero = (other & top) | 1
    moved = choose(equal(x, 0.0), from_zero, step)
    return choose(equal(x, y), other, moved)


def _same(first: Node, second: Node) -> Node:
    return ~(first ^ second)


def fused_multiply_add(target: CodegenTarget, x: Node, y: Node, z: Node) -> Node:
    """Return x·y + z rounded once, also where no instruction does.

    The exact sum is rounded to odd first, so that the second rounding does no harm (S. Boldo and
    G. Melquiond, "Emulation of FMA and correctly rounded sums", 2008). In float64 overflow and
    underflow within the computation are not provided for.
    """
    if not x.dtype.is_float:
        return x * y + z
    if target.has_fused_multiply_add:
        return arithmetic.fused_multiply_add(x, y, z)
    if is_single(x):
        wide = [cast_to(value, dtypes.float64) for value in (x, y, z)]
        return cast_to(_add_to_odd(wide[0] * wide[1], wide[2]), x.dtype)
    product = multiply_exactly(target, x, y)
    low = add_exactly(z, product.low)
    high = add_exactly(product.high, low.high)
    result = high.high + _add_to_odd(low.low, high.low)
    is_plain = both(magnitude(product.low) < math.inf, magnitude(product.high) < math.inf)
    is_plain = both(is_plain, magnitude(z) < math.inf)
    return choose(is_plain, result, x * y + z)


def _add_to_odd(x: Node, y: Node) -> Node:
    """Return x + y rounded to odd: an inexact sum has its last bit set."""
    total = add_exactly(x, y)
    word = bits_of(total.high)
    is_even = equal(word & 1, 0)
    is_toward_zero = (total.low < 0.0) ^ (total.high < 0.0)
    adjusted = choose(is_toward_zero, word - 1, word + 1)
    is_inexact = both(~equal(total.low, 0.0), ~is_nan(total.low))
    odd = bitcast(choose(both(is_inexact, is_even), adjusted, word), x.dtype)
    return choose(magnitude(total.high) < math.inf, odd, total.high)

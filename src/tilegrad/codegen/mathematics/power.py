"""x to the power of y as e^(y ln x), the logarithm in double-double."""

from __future__ import annotations

import math

from tilegrad.codegen.mathematics import coefficients as table
from tilegrad.codegen.mathematics.building import (
    both,
    cast,
    choose,
    either,
    equal,
    fuse,
    has_sign,
    is_infinite,
    magnitude,
    maximum,
    minimum,
    polynomial,
    power_of_two,
)
from tilegrad.codegen.mathematics.double_double import (
    Pair,
    add_exactly,
    add_smaller,
    multiply_exactly,
)
from tilegrad.codegen.mathematics.exponential import exp, round_to_whole
from tilegrad.codegen.mathematics.logarithm import log, split
from tilegrad.codegen.mathematics.rounding import floor
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import constant


def power(target: CodegenTarget, x: Node, y: Node) -> Node:
    """Return x to the power of y, with the special cases of C's pow."""
    of_size = _power_of_size_single if x.dtype is dtypes.float32 else _power_of_size
    return _finish(target, x, y, of_size(target, magnitude(x), y))


def _power_of_size_single(target: CodegenTarget, x: Node, y: Node) -> Node:
    """Return xʸ for positive float32 x, in float64 with as many terms as float32 needs."""
    del target
    wide = cast(x, dtypes.float64)
    exponent, f = split(wide)
    s = f / (f + 2.0)
    z = s * s
    tail = fuse(s * z, polynomial(z, table.LOGARITHM_ROUGH_F64), s * 2.0)
    logarithm = fuse(exponent, math.log(2), tail)
    logarithm = choose(equal(wide, 0.0), -math.inf, choose(wide < math.inf, logarithm, wide))
    product = cast(y, dtypes.float64) * logarithm
    limited = minimum(maximum(product, -200.0), 200.0)
    whole, n = round_to_whole(limited, 1 / math.log(2))
    r = fuse(whole, -math.log(2), limited)
    value = fuse(r * r, polynomial(r, table.EXPONENTIAL_ROUGH_F64), r) + 1.0
    return cast(value * power_of_two(n, dtypes.float64), x.dtype)


def _finish(target: CodegenTarget, x: Node, y: Node, size: Node) -> Node:
    """Put in the sign and the cases where |x|ʸ is not e^(y ln |x|)."""
    is_whole = equal(floor(target, y), y)
    half = y * 0.5
    is_odd = both(is_whole, ~equal(floor(target, half), half))
    is_odd = both(is_odd, ~is_infinite(y))
    signed = choose(both(has_sign(x), is_odd), -size, size)
    is_undefined = both(both(x < 0.0, ~is_whole), ~is_infinite(x))
    signed = choose(is_undefined, math.nan, signed)
    is_unit = both(equal(magnitude(x), 1.0), is_infinite(y))
    is_one = either(either(equal(y, 0.0), equal(x, 1.0)), is_unit)
    return choose(is_one, 1.0, signed)


def _power_of_size(target: CodegenTarget, x: Node, y: Node) -> Node:
    """Return xʸ for positive x in float64."""
    is_regular = both(x > 0.0, x < math.inf)
    logarithm = _log_pair(target, choose(is_regular, x, 1.0))
    plain = log(x)
    high = choose(is_regular, logarithm.high, plain)
    # Beyond this the result has long since overflown or vanished.
    limited = minimum(maximum(y, -(2.0**80)), 2.0**80)
    product = multiply_exactly(target, limited, high)
    rest = fuse(limited, logarithm.low, product.low)
    is_small = both(is_regular, magnitude(product.high) < 1000.0)
    return exp(target, product.high, choose(is_small, rest, 0.0))


def _log_pair(target: CodegenTarget, x: Node) -> Pair:
    """Return ln x as high + low to about 66 bits: 2 artanh s for s = (m - 1)/(m + 1)."""
    exponent, f = split(x)
    below = add_smaller(constant(2.0, x.dtype), f)
    s = f / below.high
    product = multiply_exactly(target, s, below.high)
    s_low = (((f - product.high) - product.low) - s * below.low) / below.high
    square = multiply_exactly(target, s, s)
    square_low = fuse(s * 2.0, s_low, square.low)
    cube = multiply_exactly(target, square.high, s)
    cube_low = cube.low + fuse(square_low, s, square.high * s_low)
    third = _third(target, cube.high, cube_low)
    tail = polynomial(square.high, table.INVERSE_TANGENT_TAIL_F64) * square.high * cube.high
    head = add_smaller(s, third.high)
    low = head.low + (third.low + tail + s_low)
    high_ln2, low_ln2 = table.LN2_F64
    total = add_exactly(exponent * high_ln2, head.high * 2.0)
    return add_smaller(total.high, total.low + fuse(exponent, low_ln2, low * 2.0))


def _third(target: CodegenTarget, high: Node, low: Node) -> Pair:
    first, second = table.THIRD_F64
    product = multiply_exactly(target, high, constant(first, high.dtype))
    return Pair(product.high, product.low + fuse(high, second, low * first))

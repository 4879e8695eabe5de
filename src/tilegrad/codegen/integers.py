"""Integer operations that are undefined, slow or missing on processors, made total.

Division by zero gives 0, the least integer divided by -1 wraps, shifts by the width or more give 0
or the sign. Vectors of up to 32 bits are divided as floats: a quotient of two n-bit integers that
is not whole differs from the next whole number by a share of more than 2⁻ⁿ, so that it is not
rounded up to it in a format of more than n bits.
"""

from __future__ import annotations

from tilegrad.codegen.mathematics.building import (
    as_operand,
    both,
    cast,
    choose,
    either,
    equal,
    is_nan,
    maximum,
    minimum,
)
from tilegrad.codegen.mathematics.rounding import truncate
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, bits, leaves, random
from tilegrad.ops.leaves import constant, value_of


def truncated_divide(target: CodegenTarget, x: Node, y: Node) -> Node:
    """Return x / y toward zero; 0 for y = 0."""
    if y.op is leaves.constant_op:
        return _divide_by_constant(x, int(value_of(y)))
    if x.dtype.bits == 64:
        return _divide_long(x, y)
    wide = dtypes.float32 if x.dtype.bits <= 16 else dtypes.float64
    quotient = truncate(target, cast(x, wide) / cast(y, wide))
    # The one quotient that does not fit is that of the least integer and -1, which wraps.
    limit = x.dtype.maximum
    is_outside = either(equal(y, 0), float(limit) < quotient)
    whole = cast(choose(is_outside, 0.0, quotient), _convertible(x.dtype))
    result = cast(whole, x.dtype)
    if not x.dtype.is_unsigned:
        result = choose(equal(y, -1), -x, result)
    return result


def _convertible(dtype: DType) -> DType:
    """Return the integer dtype to which floats are converted for a narrower one."""
    if dtype.bits >= 32:
        return dtype
    return dtypes.int32


def _divide_by_constant(x: Node, divisor: int) -> Node:
    if divisor == 0:
        return x & 0
    if divisor == -1 and not x.dtype.is_unsigned:
        return -x
    return arithmetic.truncated_divide(x, constant(divisor, x.dtype))


def _divide_long(x: Node, y: Node) -> Node:
    is_zero = equal(y, 0)
    if x.dtype.is_unsigned:
        return choose(is_zero, 0, arithmetic.truncated_divide(x, choose(is_zero, 1, y)))
    is_unit = equal(y, -1)
    quotient = arithmetic.truncated_divide(x, choose(either(is_zero, is_unit), 1, y))
    return choose(is_zero, 0, choose(is_unit, -x, quotient))


def truncated_remainder(target: CodegenTarget, x: Node, y: Node) -> Node:
    """Return the remainder with the sign of x; 0 for y = 0."""
    rest = x - truncated_divide(target, x, y) * y
    if y.op is leaves.constant_op:
        return rest if value_of(y) else x & 0
    return choose(equal(y, 0), 0, rest)


def floor_divide(target: CodegenTarget, x: Node, y: Node) -> Node:
    """Return ⌊x / y⌋; 0 for y = 0."""
    quotient = truncated_divide(target, x, y)
    if x.dtype.is_unsigned:
        return quotient
    return choose(_needs_step(x - quotient * y, y), quotient - 1, quotient)


def _needs_step(rest: Node, y: Node) -> Node:
    """Whether a truncated remainder must move by y to have y's sign."""
    return both(both(~equal(rest, 0), (rest ^ y) < 0), ~equal(y, 0))


def modulo(target: CodegenTarget, x: Node, y: Node) -> Node:
    """Return the remainder with the sign of y; 0 for y = 0."""
    rest = truncated_remainder(target, x, y)
    if x.dtype.is_unsigned:
        return rest
    return choose(_needs_step(rest, y), rest + y, rest)


def shift_left(x: Node, y: Node) -> Node:
    """Return x · 2ʸ modulo the width; 0 for counts outside [0, width)."""
    width = x.dtype.bits
    if y.op is leaves.constant_op:
        return bits.shift_left(x, y) if 0 <= value_of(y) < width else x & 0
    return choose(_is_count(y), bits.shift_left(x, y & (width - 1)), 0)


def shift_right(x: Node, y: Node) -> Node:
    """Return ⌊x / 2ʸ⌋; for counts outside [0, width) 0, or -1 of a negative x."""
    width = x.dtype.bits
    if y.op is leaves.constant_op:
        count = value_of(y)
        if 0 <= count < width:
            return bits.shift_right(x, y)
        return x & 0 if x.dtype.is_unsigned else bits.shift_right(x, constant(width - 1, y.dtype))
    if x.dtype.is_unsigned:
        return choose(_is_count(y), bits.shift_right(x, y & (width - 1)), 0)
    return bits.shift_right(x, choose(_is_count(y), y & (width - 1), width - 1))


def _is_count(y: Node) -> Node:
    width = y.dtype.bits
    return y < width if y.dtype.is_unsigned else both(y > -1, y < width)


def absolute(x: Node) -> Node:
    """Return |x|; the least integer wraps to itself."""
    return x if x.dtype.is_unsigned else choose(x < 0, -x, x)


def sign(x: Node) -> Node:
    """Return -1, 0 or 1."""
    if x.dtype.is_unsigned:
        return minimum(x, 1)
    return minimum(maximum(x, -1), 1)


def float_to_integer(x: Node, dtype: DType) -> Node:
    """Return a float without its fraction as an integer; saturating, 0 for NaN."""
    least, greatest = float(dtype.minimum), dtype.maximum
    if dtype.bits < 32:
        known = choose(is_nan(x), 0.0, x)
        limited = minimum(maximum(known, least), float(greatest))
        return cast(cast(limited, dtypes.int32), dtype)
    # 2^31 and so on: the least float above all that fit.
    above = float(2 ** (dtype.bits - (0 if dtype.is_unsigned else 1)))
    result = choose(x < above, cast(x, dtype), greatest)
    result = choose(x <= least, as_operand(dtype.minimum, dtype), result)
    return choose(is_nan(x), 0, result)


def threefry(counter: Node, key: Node) -> Node:
    """Return Threefry-2x32-20 of a counter under a key; see ``ops.random``."""
    half = constant(32, dtypes.uint64)
    first, second = cast(counter, dtypes.uint32), cast(counter >> half, dtypes.uint32)
    words = cast(key, dtypes.uint32), cast(key >> half, dtypes.uint32)
    schedule = (*words, words[0] ^ words[1] ^ random.PARITY)
    first, second = first + schedule[0], second + schedule[1]
    for number in range(random.ROUNDS):
        first = first + second
        second = _rotate(second, random.ROTATIONS[number % 8]) ^ first
        if number % 4 == 3:
            injection = number // 4 + 1
            first = first + schedule[injection % 3]
            second = second + schedule[(injection + 1) % 3] + injection
    return cast(first, dtypes.uint64) | (cast(second, dtypes.uint64) << half)


def _rotate(x: Node, count: int) -> Node:
    return (x << constant(count, x.dtype)) | (x >> constant(32 - count, x.dtype))

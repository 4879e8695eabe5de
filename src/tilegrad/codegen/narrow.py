"""Floats narrower than 32 bits: held as bits in unsigned integers, computed with as float32.

float16 is a register type where the target converts it; bfloat16, the FP8 formats, and float16
elsewhere are decoded and encoded by integer arithmetic. Encoding rounds to nearest even; FP8
saturates (OCP 8-bit floating point specification), the others overflow to infinity.
"""

from __future__ import annotations

from tilegrad.codegen.mathematics.building import (
    bitcast,
    bits_of,
    both,
    cast,
    choose,
    equal,
    is_nan,
    magnitude,
    minimum,
)
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes, has_infinity
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import constant

_UNSIGNED = {8: dtypes.uint8, 16: dtypes.uint16}


def is_narrow(dtype: DType) -> bool:
    """Whether a dtype is a float of less than 32 bits."""
    return dtype.is_float and dtype.bits < 32


def storage_dtype(target: CodegenTarget, dtype: DType) -> DType:
    """Return the dtype in which elements are held in registers and memory."""
    if not is_narrow(dtype) or (dtype is dtypes.float16 and target.has_half_conversion):
        return dtype
    return _UNSIGNED[dtype.bits]


def widen(x: Node, dtype: DType) -> Node:
    """Return elements of a narrow dtype, as stored, as float32."""
    if x.dtype is dtypes.float16:
        return cast(x, dtypes.float32)
    word = cast(x, dtypes.uint32)
    if dtype is dtypes.bfloat16:
        return bitcast(word << constant(16, word.dtype), dtypes.float32)
    shift = 23 - dtype.mantissa
    size = word & ((1 << (dtype.bits - 1)) - 1)
    sign = (word & (1 << (dtype.bits - 1))) << constant(32 - dtype.bits, word.dtype)
    lifted = (size << constant(shift, word.dtype)) + ((127 - _bias(dtype)) << 23)
    # A subnormal number is its mantissa times the smallest one: no subnormal float32 is needed.
    least = 2.0 ** (1 - _bias(dtype) - dtype.mantissa)
    small = bitcast(cast(cast(size, dtypes.int32), dtypes.float32) * least, dtypes.uint32)
    decoded = choose(size < (1 << dtype.mantissa), small, lifted)
    return bitcast(_decode_special(dtype, size, decoded) | sign, dtypes.float32)


def _decode_special(dtype: DType, size: Node, decoded: Node) -> Node:
    """Put in infinity and NaN, which float32 has with another exponent."""
    infinity = ((1 << dtype.exponent) - 1) << dtype.mantissa
    if not has_infinity(dtype):
        return choose(equal(size, 0x7F), 0x7FC00000, decoded)
    special = (size << constant(23 - dtype.mantissa, size.dtype)) | 0x7F800000
    return choose(size < infinity, decoded, special)


def _bias(dtype: DType) -> int:
    return (1 << (dtype.exponent - 1)) - 1


def narrow(target: CodegenTarget, x: Node, dtype: DType, *, is_exact: bool = False) -> Node:
    """Return a float32 or float64 rounded to a narrow dtype, as it is stored.

    ``is_exact`` says that it is a number of that dtype already: an infinity then stays one.
    """
    if x.dtype is dtypes.float64:
        x = round_to_odd(x)
    if storage_dtype(target, dtype) is dtypes.float16:
        return cast(x, dtypes.float16)
    if dtype is dtypes.bfloat16:
        return _narrow_bfloat16(x)
    is_open = has_infinity(dtype) and (dtype.bits > 8 or is_exact)
    return _encode(x, dtype, saturates=not is_open)


def _narrow_bfloat16(x: Node) -> Node:
    word = bitcast(x, dtypes.uint32)
    shift = constant(16, word.dtype)
    rounded = (word + (((word >> shift) & 1) + 0x7FFF)) >> shift
    quiet = (word >> shift) | 0x0040
    return cast(choose(is_nan(x), quiet, rounded), dtypes.uint16)


def _encode(x: Node, dtype: DType, *, saturates: bool) -> Node:
    """Round a float32 to a format of fewer exponent bits."""
    shift, bias = 23 - dtype.mantissa, _bias(dtype)
    size = magnitude(x)
    if saturates:
        size = minimum(size, _greatest(dtype))
    word = bitcast(size, dtypes.uint32)
    odd = (word >> constant(shift, word.dtype)) & 1
    rounded = (word + (odd + ((1 << (shift - 1)) - 1))) >> constant(shift, word.dtype)
    normal = rounded - ((127 - bias) << dtype.mantissa)
    # Below the normal numbers, adding this leaves a whole number of smallest ones in the low bits.
    shifter = constant(2.0 ** (1 - bias - dtype.mantissa + 23), dtypes.float32)
    small = bitcast(size + shifter, dtypes.uint32) - bitcast(shifter, dtypes.uint32)
    encoded = choose(size < 2.0 ** (1 - bias), small, normal)
    infinity = ((1 << dtype.exponent) - 1) << dtype.mantissa
    if not saturates:
        encoded = minimum(encoded, infinity)
    quiet = infinity | 1 << (dtype.mantissa - 1) if has_infinity(dtype) else 0x7F
    encoded = choose(is_nan(x), quiet, encoded)
    top = 1 << (dtype.bits - 1)
    sign = (bitcast(x, dtypes.uint32) >> constant(32 - dtype.bits, word.dtype)) & top
    return cast(encoded | sign, _UNSIGNED[dtype.bits])


def _greatest(dtype: DType) -> float:
    """Return the greatest finite number of a format."""
    top = 2.0 ** ((1 << dtype.exponent) - 1 - _bias(dtype) - (1 if has_infinity(dtype) else 0))
    return top * (2.0 - 2.0**-dtype.mantissa * (1 if has_infinity(dtype) else 2))


def round_to_odd(x: Node) -> Node:
    """Return a float64 as float32 such that rounding that to a narrower format rounds once.

    An inexact result keeps the neighbour whose last bit is 1 (S. Boldo and G. Melquiond, 2008).
    """
    nearest = cast(x, dtypes.float32)
    back = cast(nearest, dtypes.float64)
    word = bits_of(nearest)
    is_below = magnitude(back) < magnitude(x)
    moved = bitcast(choose(is_below, word + 1, word - 1), dtypes.float32)
    is_inexact = both(~equal(back, x), ~is_nan(x))
    return choose(both(is_inexact, equal(word & 1, 0)), moved, nearest)


def from_integer(x: Node) -> Node:
    """Return an integer as a float32 or float64 that rounds to a narrow dtype as the integer does.

    Beyond 2^53 the low 11 bits only say on which side of a tie a number lies: one bit does that.
    """
    if x.dtype.bits <= 16:
        return cast(x, dtypes.float32)
    if x.dtype.bits == 32:
        return cast(x, dtypes.float64)
    low = x & 0x7FF
    shortened = choose(equal(low, 0), x, (x - low) | 0x400)
    limit = 1 << 53
    is_long = limit <= x if x.dtype.is_unsigned else ~both(-limit < x, x < limit)
    return cast(choose(is_long, shortened, x), dtypes.float64)


def copy_bits(x: Node, dtype: DType, operation: str, other: Node | None = None) -> Node:
    """Return a narrow float, as stored in an integer, with its sign negated, cleared or copied."""
    top = 1 << (dtype.bits - 1)
    if operation == "negate":
        return x ^ top
    size = x & (top - 1)
    return size if other is None else size | (other & top)

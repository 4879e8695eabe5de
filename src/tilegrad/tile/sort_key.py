"""Values as unsigned integers of the same order, so that one comparison sorts every dtype."""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes, from_name, has_infinity
from tilegrad.ir.node import Node
from tilegrad.ops.bits import bitwise_not
from tilegrad.ops.comparison import equal, where
from tilegrad.ops.conversion import CastAttributes, bitcast, cast_to
from tilegrad.ops.leaves import constant


def key_dtype(dtype: DType) -> DType:
    """Return the unsigned dtype of the keys of a dtype."""
    return dtypes.uint8 if dtype.is_boolean else from_name(f"uint{dtype.bits}")


def order_key(x: Node, *, is_descending: bool) -> Node:
    """Return unsigned integers that are ordered as the values are, or the other way round.

    -0 and +0 have one key; NaN has the greatest, which nothing else has, either way.
    """
    dtype = x.dtype
    unsigned = key_dtype(dtype)
    if dtype.is_boolean or dtype.is_unsigned:
        key = cast_to(x, unsigned)
        return bitwise_not(key) if is_descending else key
    bits = bitcast(x, attributes=CastAttributes(unsigned))
    sign = constant(1 << (dtype.bits - 1), unsigned)
    if not dtype.is_float:
        key = bits ^ sign
        return bitwise_not(key) if is_descending else key
    # Positive floats are ordered as their bits are, negative ones the other way round.
    size = bits & constant((1 << (dtype.bits - 1)) - 1, unsigned)
    key = where(bits < sign, bits | sign, bitwise_not(bits))
    key = where(equal(size, constant(0, unsigned)), sign, key)
    key = bitwise_not(key) if is_descending else key
    is_nan = constant(_greatest_bits(dtype), unsigned) < size
    return where(is_nan, constant((1 << dtype.bits) - 1, unsigned), key)


def _greatest_bits(dtype: DType) -> int:
    """Return the bits of the greatest value of a float dtype; above them lie its NaNs."""
    if has_infinity(dtype):
        return ((1 << dtype.exponent) - 1) << dtype.mantissa
    return (1 << (dtype.bits - 1)) - 2

"""Values as unsigned integers of the same order, so that one comparison sorts every dtype."""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes, from_name, has_infinity
from tilegrad.ir.node import Node
from tilegrad.ops.bits import bitwise_not, shift_right
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
    if not x.dtype.is_float:
        return _integer_key(x, is_descending=is_descending)
    key, unsigned = _float_key(x), key_dtype(x.dtype)
    sign = _sign_of(unsigned)
    key = where(equal(_size_bits(x), constant(0, unsigned)), sign, key)
    return _put_nan_last(x, bitwise_not(key) if is_descending else key)


def exact_key(x: Node, *, is_descending: bool) -> Node:
    """Return unsigned integers that are ordered as the values are, from which they come back.

    -0 comes before +0. Either way NaNs have the greatest keys: those whose keys would be the least
    come round to the other end, as what is subtracted is how many they are.
    """
    if not x.dtype.is_float:
        return _integer_key(x, is_descending=is_descending)
    key = _float_key(x)
    plain = bitwise_not(key) if is_descending else key
    return plain - constant(_count_nans(x.dtype), key.dtype)


def value_of_key(key: Node, dtype: DType, *, is_descending: bool) -> Node:
    """Return the values whose ``exact_key`` this is."""
    if dtype.is_float:
        key = key + constant(_count_nans(dtype), key.dtype)
    plain = bitwise_not(key) if is_descending else key
    if dtype.is_boolean or dtype.is_unsigned:
        return cast_to(plain, dtype)
    sign = _sign_of(key.dtype)
    if dtype.is_float:
        plain = plain ^ (bitwise_not(_repeat_sign(plain)) | sign)
    else:
        plain = plain ^ sign
    return bitcast(plain, attributes=CastAttributes(dtype))


def _integer_key(x: Node, *, is_descending: bool) -> Node:
    unsigned = key_dtype(x.dtype)
    if x.dtype.is_boolean or x.dtype.is_unsigned:
        key = cast_to(x, unsigned)
    else:
        key = bitcast(x, attributes=CastAttributes(unsigned)) ^ _sign_of(unsigned)
    return bitwise_not(key) if is_descending else key


def _float_key(x: Node) -> Node:
    """Positive floats are ordered as their bits are, negative ones the other way round."""
    bits = bitcast(x, attributes=CastAttributes(key_dtype(x.dtype)))
    return bits ^ (_repeat_sign(bits) | _sign_of(bits.dtype))


def _sign_of(unsigned: DType) -> Node:
    return constant(1 << (unsigned.bits - 1), unsigned)


def _repeat_sign(bits: Node) -> Node:
    """Return all ones where the sign is set, else 0."""
    signed = bitcast(bits, attributes=CastAttributes(from_name(f"int{bits.dtype.bits}")))
    signs = shift_right(signed, constant(bits.dtype.bits - 1, signed.dtype))
    return bitcast(signs, attributes=CastAttributes(bits.dtype))


def _size_bits(x: Node) -> Node:
    unsigned = key_dtype(x.dtype)
    bits = bitcast(x, attributes=CastAttributes(unsigned))
    return bits & constant((1 << (x.dtype.bits - 1)) - 1, unsigned)


def _put_nan_last(x: Node, key: Node) -> Node:
    is_nan = constant(_greatest_bits(x.dtype), key.dtype) < _size_bits(x)
    return where(is_nan, constant((1 << x.dtype.bits) - 1, key.dtype), key)


def _count_nans(dtype: DType) -> int:
    """Return how many NaNs of one sign a float dtype has."""
    return (1 << (dtype.bits - 1)) - 1 - _greatest_bits(dtype)


def _greatest_bits(dtype: DType) -> int:
    """Return the bits of the greatest value of a float dtype; above them lie its NaNs."""
    if has_infinity(dtype):
        return ((1 << dtype.exponent) - 1) << dtype.mantissa
    return (1 << (dtype.bits - 1)) - 2

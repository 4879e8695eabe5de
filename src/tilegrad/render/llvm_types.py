"""LLVM's spelling of types and constants."""

from __future__ import annotations

import functools
import struct

from tilegrad.ir.dtype import DType, Kind, dtypes
from tilegrad.ops.leaves import ConstantAttributes, constant_op, value_of
from tilegrad.ops.linear import VectorAttributes

_FLOATS = {dtypes.float16: "half", dtypes.float32: "float", dtypes.float64: "double"}


@functools.cache
def format_type(dtype: DType, lanes: int = 0) -> str:
    """Return a scalar type, or a vector type of ``lanes`` elements."""
    scalar = _FLOATS.get(dtype) or f"i{dtype.bits}"
    return f"<{lanes} x {scalar}>" if lanes else scalar


@functools.cache
def type_suffix(dtype: DType, lanes: int = 0) -> str:
    """Return a type as it stands in the name of an intrinsic, such as v16f32."""
    scalar = f"{'f' if dtype.is_float else 'i'}{dtype.bits}"
    return f"v{lanes}{scalar}" if lanes else scalar


def format_constant(attributes: ConstantAttributes) -> str:
    """Return a constant without its type."""
    dtype, bits = attributes
    if dtype is dtypes.float16:
        return f"0xH{bits:04X}"
    if dtype is dtypes.float32:
        return f"0x{_widen_float(bits):016X}"
    if dtype is dtypes.float64:
        return f"0x{bits:016X}"
    if dtype.is_boolean:
        return "true" if bits else "false"
    if dtype.kind is Kind.INDEX:
        return str(bits)
    return str(value_of(constant_op(attributes=attributes)))


def _widen_float(bits: int) -> int:
    """Return the bits of the float64 that equals a float32, NaN payloads kept."""
    exponent, fraction = bits >> 23 & 0xFF, bits & 0x7FFFFF
    if exponent == 0xFF:
        return (bits >> 31) << 63 | 0x7FF << 52 | fraction << 29
    value = struct.unpack("<f", struct.pack("<I", bits))[0]
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def format_vector(attributes: VectorAttributes) -> str:
    """Return a constant vector without its type."""
    dtype, bits = attributes
    kind = format_type(dtype)
    texts = [format_constant(ConstantAttributes(dtype, lane)) for lane in dict.fromkeys(bits)]
    if len(texts) == 1:
        return f"splat ({kind} {texts[0]})"
    by_bits = dict(zip(dict.fromkeys(bits), texts, strict=True))
    return "<" + ", ".join(f"{kind} {by_bits[lane]}" for lane in bits) + ">"

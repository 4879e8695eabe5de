"""The text of constants: a decimal where that gives back the exact bits, else the bits in hex."""

from __future__ import annotations

import math

import numpy

from tilegrad.ir.dtype import DType, Kind


def format_literal(dtype: DType, bits: int) -> str:
    """Return the text of a constant inside ``dtype(...)``, from its bit pattern.

    Integers and indices are decimal, bool is ``true`` or ``false``, a float is the shortest decimal
    that reads back as the same bits; NaNs other than the ordinary one are written in hexadecimal.
    """
    if dtype.is_boolean:
        return "true" if bits else "false"
    if not dtype.is_float:
        return str(_wrap(dtype, bits))
    value = _float_of(dtype, bits)
    text = "nan" if math.isnan(value) else str(value)
    return text if float_bits(dtype, float(text)) == bits else hex(bits)


def integer_bits(dtype: DType, value: int) -> int:
    """Return the bit pattern of an integer, which may be any in dtype ``index``."""
    return value if dtype.kind is Kind.INDEX else value & ((1 << dtype.bits) - 1)


def float_bits(dtype: DType, value: float) -> int:
    """Return the bit pattern of the float nearest to ``value``."""
    with numpy.errstate(over="ignore", invalid="ignore"):
        return int.from_bytes(numpy.asarray(value).astype(dtype.numpy).tobytes(), "little")


def _wrap(dtype: DType, bits: int) -> int:
    if dtype.kind is Kind.SIGNED and bits >> (dtype.bits - 1):
        return bits - (1 << dtype.bits)
    return bits


def _float_of(dtype: DType, bits: int) -> numpy.generic:
    return numpy.frombuffer(bits.to_bytes(dtype.itemsize, "little"), dtype.numpy)[0]

"""Rounding by exact rational arithmetic, after IEEE 754 and the OCP 8-bit formats."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy

from tilegrad.ir.dtype import DType, dtypes

_LARGEST_FP8 = {dtypes.float8_e4m3: 448.0, dtypes.float8_e5m2: 57344.0}


def nearest(value: float | Fraction, dtype: DType) -> float:
    """Return the number of a float dtype nearest to a value, ties to even; FP8 saturates."""
    largest = _LARGEST_FP8.get(dtype)
    if isinstance(value, float):
        if math.isnan(value):
            return value
        if math.isinf(value):
            return value if largest is None else math.copysign(largest, value)
        if value == 0:
            return value
    exact = Fraction(value)
    if exact == 0:
        return 0.0
    bias = (1 << (dtype.exponent - 1)) - 1
    magnitude = abs(exact)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if Fraction(2) ** exponent > magnitude:
        exponent -= 1
    quantum = Fraction(2) ** (max(exponent, 1 - bias) - dtype.mantissa)
    rounded = round(magnitude / quantum) * quantum
    limit = Fraction(2) ** (bias + 1) if largest is None else Fraction(largest)
    if rounded >= limit:
        greatest = math.inf if largest is None else largest
        return greatest if exact > 0 else -greatest
    return math.copysign(float(rounded), exact)


def nearest_array(values: numpy.ndarray, dtype: DType) -> numpy.ndarray:
    """Round an array of numbers (any kind, objects too) to a float dtype."""
    rounded = [nearest(value, dtype) for value in values.ravel().tolist()]
    with numpy.errstate(invalid="ignore"):  # raised by signalling NaN
        return numpy.array(rounded, numpy.float64).astype(dtype.numpy).reshape(values.shape)


def decode_float8(bits: int, dtype: DType) -> float:
    """Return the number that a bit pattern of an OCP 8-bit format stands for."""
    sign = -1.0 if bits >> 7 else 1.0
    exponent = (bits >> dtype.mantissa) & ((1 << dtype.exponent) - 1)
    fraction = bits & ((1 << dtype.mantissa) - 1)
    if dtype is dtypes.float8_e5m2 and exponent == 31:
        return math.nan if fraction else sign * math.inf
    if dtype is dtypes.float8_e4m3 and bits & 0x7F == 0x7F:
        return math.nan
    bias = (1 << (dtype.exponent - 1)) - 1
    scale = math.ldexp(1.0, max(exponent, 1) - bias - dtype.mantissa)
    return sign * (fraction + ((1 << dtype.mantissa) if exponent else 0)) * scale

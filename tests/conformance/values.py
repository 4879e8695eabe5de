"""Arrays to compute with: special values, every value of small dtypes, and random ones."""

from __future__ import annotations

import numpy

from tilegrad.ir.dtype import DType, Kind

_FLOATS = (
    *(0.0, 1.0, 0.5, 0.25, 1.5, 2.0, 2.5, 3.0, 7.0, 10.0, 15.5, 31.0, 100.0, 300.0, 1e-3, 1e-8),
    *(3.14159265358979, 1.5707963267948966, 0.7853981633974483, 0.9999999, 1.0000001, 1e5, 1e20),
    *(65504.0, 65519.0, 65520.0, 448.0, 464.0, 57344.0, 3.4e38, 1e300, 2.0**31, 2.0**63, 2.0**64),
    *(1.1754943508222875e-38, 1e-45, 5e-324, 2.0**-9, 2.0**-10, 2.0**-16, 2.0**-24, 2.0**-133),
    *(numpy.inf, numpy.nan),
)
_INTEGERS = (0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 255, 1000, 65535)


def special_values(dtype: DType) -> numpy.ndarray:
    """Return the values at which ops most often go wrong, one axis."""
    if dtype.is_boolean:
        return numpy.array([False, True])
    if dtype.is_float:
        both = numpy.array([*_FLOATS, *(-value for value in _FLOATS)])
        with numpy.errstate(all="ignore"):
            return both.astype(dtype.numpy)
    least, greatest = int(dtype.minimum), int(dtype.maximum)
    edges = (least, least + 1, least // 2, greatest // 2, greatest - 1, greatest)
    candidates = {*_INTEGERS, *(-value for value in _INTEGERS), *edges}
    if dtype.kind is Kind.INDEX:  # index arithmetic is exact: stay where nothing overflows
        candidates = {value for value in candidates if abs(value) < 2**15}
    return numpy.array(sorted(v for v in candidates if least <= v <= greatest), dtype.numpy)


def all_values(dtype: DType) -> numpy.ndarray:
    """Return every value of a dtype of at most 16 bits, one axis."""
    if dtype.is_boolean:
        return numpy.array([False, True])
    return numpy.arange(1 << dtype.bits, dtype=f"uint{dtype.bits}").view(dtype.numpy)


def random_values(dtype: DType, shape: tuple[int, ...], seed: int) -> numpy.ndarray:
    """Return values of all magnitudes, one half of them near 1; the same for the same seed."""
    generator = numpy.random.default_rng(seed)
    if dtype.is_boolean:
        return generator.random(shape) < 0.5
    if dtype.kind is Kind.INDEX:
        return generator.integers(-(2**15), 2**15, shape)
    bits = generator.integers(0, 256, (*shape, dtype.itemsize), dtype=numpy.uint8)
    patterns = bits.view(dtype.numpy)[..., 0]
    near = moderate_values(dtype, shape, seed + 1)
    return numpy.where(generator.random(shape) < 0.5, patterns, near)


def moderate_values(dtype: DType, shape: tuple[int, ...], seed: int) -> numpy.ndarray:
    """Return small numbers without special values; floats are multiples of 1/8 within ±4."""
    generator = numpy.random.default_rng(seed)
    if dtype.is_boolean:
        return numpy.asarray(generator.random(shape) < 0.5)
    if dtype.is_float:
        return numpy.asarray(generator.integers(-32, 33, shape) / 8, dtype.numpy)
    least = 0 if dtype.is_unsigned else -9
    return numpy.asarray(generator.integers(least, 10, shape), dtype.numpy)

"""Random numbers for the tests of laws, special values among them, and their comparison."""

from __future__ import annotations

import ml_dtypes
import numpy

from tilegrad.ir.dtype import DType, Kind, has_infinity

MODERATE = (0.5, 0.625, 0.75, 1.0, 1.25, 1.5, 2.0)


def special_values(dtype: DType) -> list[float | int | bool]:
    """Return the values that laws stumble over.

    The infinities of FP8 are left out: no op gives them, as FP8 arithmetic saturates.
    """
    if dtype.is_boolean:
        return [False, True]
    if dtype.is_float:
        limits = ml_dtypes.finfo(dtype.numpy)
        least, normal = float(limits.smallest_subnormal), float(limits.smallest_normal)
        infinity = [numpy.inf] if has_infinity(dtype) and dtype.bits > 8 else []
        positive = [0.0, 0.0, 1.0, 2.0, 0.5, 3.0, 4.0, float(limits.max), least, normal, *infinity]
        return [*positive, *(-value for value in positive), *[numpy.nan] * 3]
    if dtype.kind is Kind.INDEX:
        return [*range(-9, 10), 100]
    limits = numpy.iinfo(dtype.numpy)
    near = range(max(-4, limits.min), 9)
    return [*near, limits.min, limits.max, limits.max // 2 + 1, limits.max // 2, 64]


def random_array(
    generator: numpy.random.Generator, dtype: DType, shape: tuple[int, ...], is_moderate: bool
) -> numpy.ndarray:
    """Return an array of random bits, moderate numbers and special values."""
    if is_moderate and dtype.is_float:
        return generator.choice(MODERATE, shape).astype(dtype.numpy)
    with numpy.errstate(all="ignore"):
        return _mix(generator, dtype, shape)


def _mix(generator: numpy.random.Generator, dtype: DType, shape: tuple[int, ...]) -> numpy.ndarray:
    special = numpy.array(special_values(dtype)).astype(dtype.numpy)
    chosen = special[generator.integers(0, len(special), shape)]
    if dtype.is_boolean or dtype.kind is Kind.INDEX:
        return chosen
    bits = generator.integers(0, 1 << 32, (*shape, 2), numpy.uint64)
    words = (bits[..., 0] << numpy.uint64(32)) | bits[..., 1]
    wild = words.astype(f"uint{dtype.bits}").view(dtype.numpy)
    if dtype.is_float:
        is_odd = numpy.isinf(wild) if dtype.bits == 8 else numpy.zeros(shape, bool)
        small = (generator.standard_normal(shape) * 4).astype(dtype.numpy)
        wild = numpy.where(is_odd | (generator.random(shape) < 0.5), small, wild)
    return numpy.where(generator.random(shape) < 0.5, chosen, wild).astype(dtype.numpy)


def count_differences(
    left: numpy.ndarray, right: numpy.ndarray, *, ignores_zero_sign: bool = False
) -> int:
    """Return how many elements differ in any bit; all NaNs count as equal."""
    if left.dtype.kind in "bui":
        return int(numpy.count_nonzero(left != right))
    with numpy.errstate(invalid="ignore"):  # signalling NaNs
        first, second = left.astype(numpy.float64), right.astype(numpy.float64)
    is_same = (first == second) & (
        ignores_zero_sign | (numpy.signbit(first) == numpy.signbit(second))
    )
    return int(numpy.count_nonzero(~(is_same | (numpy.isnan(first) & numpy.isnan(second)))))


def largest_distance(left: numpy.ndarray, right: numpy.ndarray, dtype: DType) -> float:
    """Return the largest difference of elements in units in the last place of the larger one."""
    first, second = left.astype(numpy.float64), right.astype(numpy.float64)
    size = numpy.maximum(numpy.abs(first), numpy.abs(second))
    unit = 2.0 ** (numpy.floor(numpy.log2(numpy.where(size > 0, size, 1))) - dtype.mantissa)
    return float(numpy.max(numpy.abs(first - second) / unit, initial=0.0))

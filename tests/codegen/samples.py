"""Numbers to test with: special values, small ones and random bits; and how far results lie."""

from __future__ import annotations

import numpy

from tilegrad.ir.dtype import DType

SIZE = 2048
_SPECIAL = (0.0, -0.0, 1, -1, numpy.inf, -numpy.inf, numpy.nan, 0.5, -0.5, 2, -2, 1.5, 2.5)


@numpy.errstate(all="ignore")
def samples(dtype: DType, seed: int) -> numpy.ndarray:
    """Return numbers of a dtype, the extremes among them."""
    generator = numpy.random.default_rng(seed)
    if dtype.is_boolean:
        return generator.random(SIZE) < 0.5
    bits = generator.integers(0, 1 << dtype.bits, SIZE, dtype=numpy.uint64)
    any_bits = bits.astype(f"u{dtype.itemsize}").view(dtype.numpy)
    places = generator.permutation(SIZE)
    if dtype.is_integer:
        small = generator.integers(0 if dtype.is_unsigned else -5, 6, SIZE)
        found = numpy.where(generator.random(SIZE) < 0.5, any_bits, small.astype(dtype.numpy))
        special = [dtype.minimum, dtype.maximum, 0, 1, int(dtype.maximum) - 1]
        special += [2] if dtype.is_unsigned else [-1]
        values = numpy.array(special, dtype.numpy)
    else:
        scale = numpy.exp2(generator.integers(-4, 5, SIZE))
        normal = (generator.standard_normal(SIZE) * scale).astype(dtype.numpy)
        values = numpy.array(_SPECIAL).astype(dtype.numpy)
        found = numpy.where(generator.random(SIZE) < 0.35, any_bits, normal)
    count = 6 * len(values)
    found[places[:count]] = numpy.tile(values, 6)
    return found


@numpy.errstate(all="ignore")
def distance(result: numpy.ndarray, expected: numpy.ndarray) -> numpy.ndarray:
    """Return how many numbers of the dtype lie between results; infinite if only one is NaN."""
    assert result.dtype == expected.dtype
    if result.dtype.kind in "biu":
        return (result != expected).astype(numpy.float64)
    first, second = _order(result), _order(expected)
    exact = numpy.abs(first - second).astype(numpy.float64)
    rough = numpy.abs(first.astype(numpy.float64) - second.astype(numpy.float64))
    found = numpy.where(rough < 1e9, exact, rough)
    are_nan = [numpy.isnan(values.astype(numpy.float64)) for values in (result, expected)]
    found = numpy.where(are_nan[0] & are_nan[1], 0, found)
    return numpy.where(are_nan[0] != are_nan[1], numpy.inf, found)


def _order(values: numpy.ndarray) -> numpy.ndarray:
    """Return integers in the order of the floats, one apart for neighbours."""
    bits = values.view(f"i{values.dtype.itemsize}").astype(numpy.int64)
    size = bits & ((1 << (8 * values.dtype.itemsize - 1)) - 1)
    return numpy.where(bits < 0, -size, bits)

"""Comparison of results: to the bit, or within units in the last place."""

from __future__ import annotations

import ml_dtypes
import numpy

from tilegrad.ir.dtype import DType


def assert_same(
    actual: numpy.ndarray,
    expected: numpy.ndarray,
    dtype: DType,
    *,
    ulps: float = 0,
    absolute: float = 0,
    is_zero_sign_free: bool = False,
) -> None:
    """Check a result.

    Shapes and dtypes must be equal; NaN matches NaN whatever its bits; -0 and +0 differ unless
    ``is_zero_sign_free``; numbers may be ``ulps`` units in the last place of the dtype apart, or
    ``absolute``.
    """
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype == dtype.numpy
    if not dtype.is_float:
        numpy.testing.assert_array_equal(actual, expected)
        return
    with numpy.errstate(invalid="ignore"):  # raised by signalling NaN
        got, wanted = actual.astype(numpy.float64), expected.astype(numpy.float64)
    is_nan = numpy.isnan(wanted)
    numpy.testing.assert_array_equal(numpy.isnan(got), is_nan)
    is_finite = numpy.isfinite(wanted)
    with numpy.errstate(all="ignore"):
        off = numpy.abs(got - wanted) / unit_in_last_place(wanted, dtype)
        is_close = (off <= ulps) | (numpy.abs(got - wanted) <= absolute)
        is_near = numpy.where(is_finite & numpy.isfinite(got), is_close, got == wanted)
    wrong = ~(is_near | is_nan)
    if not is_zero_sign_free:
        is_zero = (got == 0) & (wanted == 0)
        wrong |= is_zero & (numpy.signbit(got) != numpy.signbit(wanted))
    places = numpy.argwhere(wrong)[:5]
    found = [(tuple(p), got[tuple(p)], wanted[tuple(p)]) for p in places]
    assert not wrong.any(), f"{wrong.sum()} differ; (place, got, expected): {found}"


def unit_in_last_place(values: numpy.ndarray, dtype: DType) -> numpy.ndarray:
    """Return the distance of neighbouring numbers of a float dtype around float64 values."""
    _, exponent = numpy.frexp(values)
    least = int(numpy.frexp(float(ml_dtypes.finfo(dtype.numpy).smallest_normal))[1])
    return numpy.ldexp(1.0, numpy.maximum(exponent, least) - 1 - dtype.mantissa)

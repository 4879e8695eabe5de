"""How the NumPy references compute: widths, rounding, and no warnings.

float16, bfloat16 and the FP8 formats are computed in float32 and the result is rounded once, to
nearest even; FP8 saturates (OCP 8-bit floating point specification, section 5.2.2): what is too
large, infinities included, becomes the greatest finite number of that sign, and NaN stays NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy

from tilegrad.ir.dtype import from_numpy

Array = numpy.ndarray
Function = Callable[..., Array]

COMBINE = {
    "add": numpy.add,
    "multiply": numpy.multiply,
    "maximum": numpy.maximum,
    "minimum": numpy.minimum,
}
"""How two elements combine, by the names that scans and scatters have for it."""


def widen(array: Array) -> Array:
    """Return a float narrower than 32 bits as float32, anything else as it is."""
    return array.astype(numpy.float32) if _is_narrow(array.dtype) else array


def is_floating(dtype: numpy.dtype) -> bool:
    """Whether the NumPy dtype of a tensor is a float's."""
    return dtype.kind in _FLOATS


_FLOATS = "fV"
"""The kinds of NumPy's floats, and of most of ml_dtypes'; tensors have no others of these kinds."""


def _is_narrow(dtype: numpy.dtype) -> bool:
    """Whether the NumPy dtype of a tensor is that of a float of less than 32 bits."""
    return dtype.kind in _FLOATS and dtype.itemsize < 4


def round_to(array: Array, dtype: numpy.dtype) -> Array:
    """Round floats to a float dtype, once, to nearest even; FP8 saturates."""
    if not _is_narrow(dtype) or array.dtype == dtype:
        return array.astype(dtype)
    if array.dtype == numpy.float64 and dtype != numpy.float16:
        array = _round_to_odd(array)
    if dtype.itemsize == 1:
        greatest = numpy.float32(from_numpy(dtype).limits.max)
        array = numpy.clip(array, -greatest, greatest)
    return array.astype(dtype)


def _round_to_odd(array: Array) -> Array:
    """Round float64 to float32 so that rounding the result again equals rounding once.

    An inexact result keeps the neighbour whose last bit is 1 (S. Boldo and G. Melquiond, "Emulation
    of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
    """
    nearest = array.astype(numpy.float32)
    is_even = nearest.view(numpy.uint32) & numpy.uint32(1) == 0
    wide = nearest.astype(numpy.float64)
    toward = numpy.where(wide < array, numpy.inf, -numpy.inf).astype(numpy.float32)
    is_inexact = (wide != array) & ~numpy.isnan(array)
    return numpy.where(is_inexact & is_even, numpy.nextafter(nearest, toward), nearest)


def silent(function: Function) -> Function:
    """Make a reference that gives arrays, not NumPy scalars, and never warns."""

    @functools.wraps(function)
    def reference(*arguments: object) -> Array:
        with numpy.errstate(all="ignore"):
            return numpy.asarray(function(*arguments))

    return reference


def widened(function: Function) -> Function:
    """Make a reference that reads narrow floats as float32; the result is the function's own."""

    @functools.wraps(function)
    def reference(*sources: Array) -> Array:
        with numpy.errstate(all="ignore"):
            return numpy.asarray(function(*map(widen, sources)))

    return reference


def selecting(function: Function) -> Function:
    """Make a reference of a function that returns one of its sources' values, so nothing rounds."""

    @functools.wraps(function)
    def reference(*sources: Array) -> Array:
        with numpy.errstate(all="ignore"):
            return numpy.asarray(function(*map(widen, sources))).astype(sources[0].dtype)

    return reference


def unchanged(x: Array, *_: object) -> Array:
    """The reference of an identity."""
    return x


def in_float32(function: Function) -> Function:
    """Make a reference that computes floats in at least float32 and rounds once."""

    @functools.wraps(function)
    def reference(*sources: Array) -> Array:
        with numpy.errstate(all="ignore"):
            result = numpy.asarray(function(*map(widen, sources)))
            return round_to(result, sources[0].dtype)

    return reference


def in_float64(function: Function) -> Function:
    """Make a reference that computes in float64, rounds to at least float32, then to the dtype.

    For functions whose float32 result should be the correctly rounded one.
    """

    @functools.wraps(function)
    def reference(*sources: Array) -> Array:
        dtype = sources[0].dtype
        with numpy.errstate(all="ignore"):
            result = numpy.asarray(function(*(source.astype(numpy.float64) for source in sources)))
            wide = result if dtype == numpy.float64 else result.astype(numpy.float32)
            return round_to(wide, dtype)

    return reference

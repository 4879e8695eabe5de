"""Derive polynomials around sixteen points, for functions that look them up in registers.

Each point is chosen among the neighbours of a multiple of ``STEP`` such that the function's value
there is almost a number of float32 (S. Gal, "Computing Elementary Functions: A New Approach for
Achieving High Accuracy and Good Performance", 1986).
"""

from __future__ import annotations

import numpy
from mpmath import mpf

from tools.fit_polynomials import Approximation, Fit, Function

STEP = mpf(65) / 256
"""About how far points are apart: half a step beyond the fifteenth, erf is 1."""
_COUNT, _DEGREE = 16, 4
_TRIED = 3000


def derive_table(function: Function) -> list[tuple[int, ...]]:
    """Return the bits of what is looked up: sixteen numbers each.

    With the point c and the value v, f(c + d) is v + d·Σ coefficientᵢ dⁱ. The first point is 0, and
    there v is to be the argument itself.
    """
    columns: list[list[float]] = []
    for place in range(_COUNT):
        point, value = _find_point(function, place * STEP) if place else (mpf(0), mpf(0))
        low, high = max(mpf(0), (place - 0.5) * STEP), (place + 0.5) * STEP
        columns.append([float(point), float(value), *_fit(function, point, value, (low, high))])
    rows = numpy.array(columns, numpy.float32).T
    return [tuple(int(bits) for bits in row.view(numpy.uint32)) for row in rows.copy()]


def _find_point(function: Function, near: mpf) -> tuple[mpf, mpf]:
    """Return a number of float32 and its value, which is as nearly one as any of some thousand."""
    first = int(numpy.float32(float(near)).view(numpy.uint32))
    bits = numpy.arange(first - 7 * _TRIED, first + 7 * _TRIED, 7, dtype=numpy.uint32)
    points = [mpf(float(point)) for point in bits.view(numpy.float32)]
    values = [function(point) for point in points]
    rounded = [mpf(float(numpy.float32(float(value)))) for value in values]
    errors = [abs(one - other) for one, other in zip(values, rounded, strict=True)]
    best = errors.index(min(errors))
    return points[best], rounded[best]


def _fit(function: Function, point: mpf, value: mpf, interval: tuple[mpf, mpf]) -> list[float]:
    """Return the coefficients for one point."""
    approximation = Approximation(
        "",
        "",
        lambda d: (function(point + d) - (value if point else d)) / d,
        interval[0] - point,
        interval[1] - point,
        lambda d: d / function(point + d),
        0.0,
        False,
    )
    fit = Fit(approximation)
    return fit.round(fit.minimise([], _DEGREE))[0]

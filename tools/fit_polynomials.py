"""Polynomials of the least greatest error, with coefficients of a working precision.

They are found by Remez's exchange algorithm (1934), in multiple precision. The coefficients are
then rounded one after the other, lowest first, fitting the rest anew each time so that they make up
for the rounding.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy
from mpmath import mp, mpf

Function = Callable[[mpf], mpf]

_GRID = 400


@dataclass(frozen=True)
class Approximation:
    """What is approximated.

    Attributes:
        name: name of the constant in the module.
        meaning: the formula, for the comment beside it.
        function: what the polynomial approximates.
        low: beginning of the interval.
        high: end of the interval.
        weight: by what the error of the polynomial is multiplied to give the function's error.
        bits: the weighted error must be below 2 to the power of minus this.
        is_double: whether coefficients are rounded to float64, else to float32.
    """

    name: str
    meaning: str
    function: Function
    low: mpf
    high: mpf
    weight: Function
    bits: float
    is_double: bool


def evaluate(coefficients: list[mpf], x: mpf) -> mpf:
    """Return Σ coefficientᵢ xⁱ."""
    return mpmath.polyval(coefficients[::-1], x)


class Fit:
    """Fits polynomials to one function on one interval."""

    def __init__(self, approximation: Approximation) -> None:
        self.approximation = approximation
        low, high = approximation.low, approximation.high
        steps = (mpmath.cos(mp.pi * (2 * i + 1) / (2 * _GRID)) for i in range(_GRID))
        self.grid = sorted((low + high) / 2 + (high - low) / 2 * step for step in steps)
        self.values = [approximation.function(x) for x in self.grid]
        self.weights = [abs(approximation.weight(x)) for x in self.grid]

    def minimise(self, fixed: list[mpf], degree: int) -> list[mpf]:
        """Return the best polynomial of a degree whose first coefficients are given.

        With s of them given, the rest is xˢ times a polynomial, so that this is the same problem
        for a polynomial of lower degree with another function and weight.
        """
        start, free = len(fixed), degree + 1 - len(fixed)
        if free == 0:
            return fixed
        grid = self.grid
        known = [evaluate(fixed, x) if fixed else mpf(0) for x in grid]
        values = [(f - k) / x**start for f, k, x in zip(self.values, known, grid, strict=True)]
        weights = [abs(w * x**start) for w, x in zip(self.weights, grid, strict=True)]
        places = [round(i * (_GRID - 1) / free) for i in range(free + 1)]
        best, least = [mpf(0)] * free, mpf("inf")
        for _ in range(30):
            trial = _interpolate(
                [grid[i] for i in places], [values[i] for i in places], [weights[i] for i in places]
            )
            rows = zip(grid, values, weights, strict=True)
            errors = [(evaluate(trial, x) - value) * weight for x, value, weight in rows]
            greatest = max(map(abs, errors))
            if greatest < least:
                best, least = trial, greatest
            found = _find_extremes(errors, free + 1)
            if len(found) < free + 1 or found == places:
                break
            places = found
        return [*fixed, *best]

    def fit(self) -> tuple[list[float], float]:
        """Return the rounded coefficients, lowest first, and the bits of their greatest error."""
        wanted = self.approximation
        for degree in range(1, 40):
            exact = self.minimise([], degree)
            if self._bits(exact) >= wanted.bits:
                break
        return self.round(exact)

    def round(self, exact: list[mpf]) -> tuple[list[float], float]:
        """Return rounded coefficients in place of exact ones, and the bits of their error."""
        degree, is_double = len(exact) - 1, self.approximation.is_double
        rounded: list[mpf] = []
        for position in range(degree + 1):
            best = self.minimise(rounded, degree)
            rounded = [*rounded, round_number(best[position], is_double)]
        plain = [round_number(value, is_double) for value in exact]
        rounded = max(rounded, plain, key=self._bits)
        return [float(value) for value in rounded], self._bits(rounded)

    def _bits(self, coefficients: list[mpf]) -> float:
        rows = zip(self.grid, self.values, self.weights, strict=True)
        errors = (abs(evaluate(coefficients, x) - value) * weight for x, value, weight in rows)
        return float(-mpmath.log(max(errors), 2))


def _interpolate(points: list[mpf], values: list[mpf], weights: list[mpf]) -> list[mpf]:
    """Return the polynomial whose weighted errors at the points alternate in sign."""
    count = len(points) - 1
    matrix = mpmath.matrix(count + 1, count + 1)
    for row, (x, weight) in enumerate(zip(points, weights, strict=True)):
        for column in range(count):
            matrix[row, column] = x**column
        matrix[row, count] = (-1) ** row / weight
    solution = mpmath.lu_solve(matrix, mpmath.matrix(values))
    return [solution[i] for i in range(count)]


def round_number(value: mpf, is_double: bool) -> mpf:
    """Return the nearest number of float64, or of float32."""
    return mpf(float(value)) if is_double else mpf(float(numpy.float32(float(value))))


def _find_extremes(errors: list[mpf], count: int) -> list[int]:
    """Return ``count`` places where the error is extreme, with alternating signs."""
    runs: list[int] = []
    for place, error in enumerate(errors):
        if runs and (errors[runs[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[runs[-1]]):
                runs[-1] = place
        else:
            runs.append(place)
    while len(runs) > count:
        if len(runs) == count + 1:
            runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
            break
        # Two neighbours go at once, so that the signs still alternate.
        pairs = [max(abs(errors[a]), abs(errors[b])) for a, b in itertools.pairwise(runs)]
        weakest = pairs.index(min(pairs))
        del runs[weakest : weakest + 2]
    return runs

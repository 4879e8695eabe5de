"""Few multiplications for short sliding sums: the matrices of Toom's and Cook's algorithm.

For m results yᵢ = Σⱼ gⱼ·dᵢ₊ⱼ of r factors, there are matrices A, G, B such that

    y = Aᵀ[(G·g) ⊙ (Bᵀ·d)]

takes m + r − 1 products instead of m·r (Winograd, Arithmetic Complexity of Computations, 1980;
Lavin and Gray, arXiv:1509.09308). They come from m + r − 2 points and infinity: products of
polynomials are products of their values there, and a correlation is the transpose of a product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

Row = tuple[Fraction, ...]


class Filter(NamedTuple):
    """The three matrices, by rows.

    Attributes:
        results: Aᵀ, one row for each result.
        taps: G, one row for each product.
        inputs: Bᵀ, one row for each product.
    """

    results: tuple[Row, ...]
    taps: tuple[Row, ...]
    inputs: tuple[Row, ...]


def make_filter(results: int, taps: int, points: Sequence[Fraction]) -> Filter:
    """Return the matrices for m results and r factors.

    Args:
        results: m.
        taps: r.
        points: m + r − 2 different numbers.
    """
    count = results + taps - 1
    scales = [math.prod(point - other for other in points if other != point) for point in points]
    by_point = [[point**power for power in range(results)] for point in points]
    by_point.append([Fraction(power == results - 1) for power in range(results)])
    of_taps = [
        tuple(point**power / scale for power in range(taps))
        for point, scale in zip(points, scales, strict=True)
    ]
    of_taps.append(tuple(Fraction(power == taps - 1) for power in range(taps)))
    of_inputs = [_expand([other for other in points if other != point]) for point in points]
    padded = [row + (Fraction(0),) * (count - len(row)) for row in of_inputs]
    return Filter(
        tuple(zip(*by_point, strict=True)),
        tuple(of_taps),
        (*padded, _expand(points)),
    )


def _expand(roots: Sequence[Fraction]) -> Row:
    """Return the coefficients of Π (x − root), the constant first."""
    row: list[Fraction] = [Fraction(1)]
    for root in roots:
        moved, scaled = [Fraction(0), *row], [-root * one for one in row] + [Fraction(0)]
        row = [first + second for first, second in zip(moved, scaled, strict=True)]
    return tuple(row)

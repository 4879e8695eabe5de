"""Special functions: the error function and the logarithm of the gamma function."""

from __future__ import annotations

import math

import numpy

from tilegrad.ir.node import Node
from tilegrad.ops.comparison import less, where
from tilegrad.ops.elementwise import define_function
from tilegrad.ops.exponential import exp, log
from tilegrad.ops.leaves import constant
from tilegrad.ops.trigonometry import tan


def _erf_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x = node.sources[0]
    return (upstream * exp(-(x * x)) * (2 / math.sqrt(math.pi)),)


erf = define_function(
    "erf",
    "The error function, 2/√π ∫₀ˣ exp(-t²) dt.",
    numpy.vectorize(math.erf, otypes=[numpy.float64]),
    _erf_gradient,
)


def _lgamma(x: float) -> float:
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):  # a pole, or beyond the range of float64
        return math.inf


_SHIFT = 10
_BERNOULLI_OVER_INDEX = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
"""B₂ₖ / 2k for k = 1, 2, ..., the coefficients of the asymptotic series of digamma."""


def digamma(x: Node) -> Node:
    """Return the derivative of ``lgamma`` as an expression.

    For x ≥ 1/2, ψ(x) = ψ(x + 10) - Σ 1/(x + i) for i < 10, and ψ(z) = ln z - 1/2z - Σ B₂ₖ/2k z⁻²ᵏ
    (Abramowitz and Stegun 6.3.5 and 6.3.18); below, ψ(x) = ψ(1 - x) - π / tan(π x) (6.3.7).
    """
    is_reflected = less(x, constant(0.5, x.dtype))
    above = where(is_reflected, 1 - x, x)
    shifted = above + _SHIFT
    inverse = 1 / shifted
    square = inverse * inverse
    series = constant(0, x.dtype)
    for coefficient in reversed(_BERNOULLI_OVER_INDEX):
        series = (series + coefficient) * square
    result = log(shifted) - 0.5 * inverse - series
    for step in range(_SHIFT):
        result = result - 1 / (above + step)
    # Where there is no reflection, a harmless argument keeps NaN out of the gradient's gradient.
    angle = where(is_reflected, x, constant(0.25, x.dtype)) * math.pi
    return where(is_reflected, result - math.pi / tan(angle), result)


lgamma = define_function(
    "lgamma",
    "ln |Γ(x)|; ∞ at 0 and the negative integers.",
    numpy.vectorize(_lgamma, otypes=[numpy.float64]),
    lambda node, upstream: (upstream * digamma(node.sources[0]),),
)

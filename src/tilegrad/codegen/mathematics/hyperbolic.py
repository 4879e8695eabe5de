"""Hyperbolic functions and their inverses, from exponentials and logarithms."""

from __future__ import annotations

import math

from tilegrad.codegen.mathematics.building import (
    choose,
    fuse,
    is_single,
    magnitude,
    minimum,
    through_float64,
    with_sign,
)
from tilegrad.codegen.mathematics.exponential import exp, expm1, half_expm1
from tilegrad.codegen.mathematics.logarithm import log, log1p
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ops import exponential

_GREAT = 2.0**28
"""From here on x² + 1 and x² − 1 are x²."""


@through_float64
def sinh(target: CodegenTarget, x: Node) -> Node:
    """Return (eˣ - e⁻ˣ)/2 as (t + t/(t + 1))/2 with t = e^|x| - 1."""
    size = magnitude(x)
    t = expm1(size)
    near = (t + t / (t + 1.0)) * 0.5
    return with_sign(choose(size < 22.0, near, _half_exponential(target, size)), x)


@through_float64
def cosh(target: CodegenTarget, x: Node) -> Node:
    """Return (eˣ + e⁻ˣ)/2."""
    size = magnitude(x)
    e = exp(target, size)
    near = fuse(e, 0.5, 0.5 / e)
    return choose(size < 22.0, near, _half_exponential(target, size))


def _half_exponential(target: CodegenTarget, x: Node) -> Node:
    """Return eˣ/2 as (e^(x/2)/2) e^(x/2), which overflows no sooner than the result."""
    root = exp(target, x * 0.5)
    return root * 0.5 * root


def tanh(x: Node) -> Node:
    """Return t/(t + 1) with t = (e^(2|x|) - 1)/2, with the sign of x."""
    limit = 10.0 if is_single(x) else 22.0
    t = half_expm1(minimum(magnitude(x), limit) * 2.0)
    return with_sign(t / (t + 1.0), x)


@through_float64
def asinh(x: Node) -> Node:
    """Return ln(|x| + √(x² + 1)) with the sign of x, by log1p."""
    size = magnitude(x)
    square = size * size
    near = log1p(size + square / (exponential.square_root(square + 1.0) + 1.0))
    far = log(size) + math.log(2)
    return with_sign(choose(size < _GREAT, near, far), x)


@through_float64
def acosh(x: Node) -> Node:
    """Return ln(x + √(x² - 1)), by log1p of x - 1."""
    above = x - 1.0
    near = log1p(above + exponential.square_root(fuse(above, above, above * 2.0)))
    far = log(x) + math.log(2)
    return choose(x < 1.0, math.nan, choose(x < _GREAT, near, far))


@through_float64
def atanh(x: Node) -> Node:
    """Return ln((1 + x)/(1 - x))/2, by log1p."""
    size = magnitude(x)
    return with_sign(log1p(size * 2.0 / (1.0 - size)) * 0.5, x)


def reciprocal_square_root(x: Node) -> Node:
    """Return 1/√x."""
    root = exponential.square_root(x)
    return 1.0 / root

"""Trigonometric and hyperbolic functions and their inverses. Angles are in radians."""

from __future__ import annotations

import numpy

from tilegrad.ir.node import Node
from tilegrad.ops.comparison import equal, where
from tilegrad.ops.elementwise import define, define_function, zero
from tilegrad.ops.exponential import reciprocal_square_root, square_root
from tilegrad.ops.infer import is_float
from tilegrad.ops.leaves import constant
from tilegrad.ops.numerics import in_float64

sin = define_function("sin", "The sine.", numpy.sin, lambda node, up: (up * cos(node.sources[0]),))
cos = define_function(
    "cos", "The cosine.", numpy.cos, lambda node, up: (-(up * sin(node.sources[0])),)
)
tan = define_function("tan", "The tangent.", numpy.tan, lambda node, up: (up * (node * node + 1),))


def _asin_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x = node.sources[0]
    return (upstream * reciprocal_square_root(1 - x * x),)


def _acos_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x = node.sources[0]
    return (-(upstream * reciprocal_square_root(1 - x * x)),)


def _atan_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x = node.sources[0]
    return (upstream / (x * x + 1),)


asin = define_function("asin", "The inverse sine, in [-π/2, π/2].", numpy.arcsin, _asin_gradient)
acos = define_function("acos", "The inverse cosine, in [0, π].", numpy.arccos, _acos_gradient)
atan = define_function("atan", "The inverse tangent, in [-π/2, π/2].", numpy.arctan, _atan_gradient)


def _atan2_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    y, x = node.sources
    square, nothing = x * x + y * y, zero(node.dtype)
    is_origin = equal(square, nothing)
    share = where(is_origin, nothing, upstream / where(is_origin, constant(1, node.dtype), square))
    return share * x, -(share * y)


atan2 = define(
    "atan2",
    "The angle of the point (y, x) = (first, second) from the first axis, in [-π, π]. At the "
    "origin its gradient is 0.",
    2,
    is_float,
    in_float64(numpy.arctan2),
    _atan2_gradient,
)

sinh = define_function(
    "sinh", "The hyperbolic sine.", numpy.sinh, lambda n, up: (up * cosh(n.sources[0]),)
)
cosh = define_function(
    "cosh", "The hyperbolic cosine.", numpy.cosh, lambda n, up: (up * sinh(n.sources[0]),)
)
tanh = define_function(
    "tanh", "The hyperbolic tangent.", numpy.tanh, lambda n, up: (up * (1 - n * n),)
)


def _asinh_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x = node.sources[0]
    return (upstream * reciprocal_square_root(x * x + 1),)


def _acosh_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x = node.sources[0]
    return (upstream / (square_root(x - 1) * square_root(x + 1)),)


def _atanh_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    x = node.sources[0]
    return (upstream / (1 - x * x),)


asinh = define_function("asinh", "The inverse hyperbolic sine.", numpy.arcsinh, _asinh_gradient)
acosh = define_function(
    "acosh", "The inverse hyperbolic cosine; NaN below 1.", numpy.arccosh, _acosh_gradient
)
atanh = define_function(
    "atanh", "The inverse hyperbolic tangent; ±∞ at ±1.", numpy.arctanh, _atanh_gradient
)

"""Exponentials, logarithms, powers and roots. References are correctly rounded float32."""

from __future__ import annotations

import math

import numpy

from tilegrad.ir.node import Node
from tilegrad.ops.bits import bitwise_and
from tilegrad.ops.comparison import equal, less_equal, where
from tilegrad.ops.elementwise import define, define_function, zero
from tilegrad.ops.infer import is_float
from tilegrad.ops.leaves import constant
from tilegrad.ops.numerics import Array, in_float32, in_float64

exp = define_function("exp", "eˣ.", numpy.exp, lambda node, upstream: (upstream * node,))
exp2 = define_function(
    "exp2", "2ˣ.", numpy.exp2, lambda node, upstream: (upstream * node * math.log(2),)
)
expm1 = define_function(
    "expm1",
    "eˣ - 1, accurate near 0.",
    numpy.expm1,
    lambda node, upstream: (upstream * (node + 1),),
)
log = define_function(
    "log",
    "The natural logarithm; -∞ at 0, NaN below.",
    numpy.log,
    lambda node, upstream: (upstream / node.sources[0],),
)
log2 = define_function(
    "log2",
    "The logarithm to base 2.",
    numpy.log2,
    lambda node, upstream: (upstream / (node.sources[0] * math.log(2)),),
)
log10 = define_function(
    "log10",
    "The logarithm to base 10.",
    numpy.log10,
    lambda node, upstream: (upstream / (node.sources[0] * math.log(10)),),
)
log1p = define_function(
    "log1p",
    "log(1 + x), accurate near 0.",
    numpy.log1p,
    lambda node, upstream: (upstream / (node.sources[0] + 1),),
)
square_root = define(
    "square_root",
    "√x, correctly rounded; NaN below 0, -0 at -0.",
    1,
    is_float,
    in_float32(numpy.sqrt),
    lambda node, upstream: (upstream / (node + node),),
)


def _reciprocal_square_root(x: Array) -> Array:
    return numpy.reciprocal(numpy.sqrt(x))


reciprocal_square_root = define_function(
    "reciprocal_square_root",
    "1 / √x.",
    _reciprocal_square_root,
    lambda node, upstream: (upstream * -0.5 * node * node * node,),
)


def _power_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    base, exponent = node.sources
    nothing = zero(node.dtype)
    slope = where(equal(exponent, nothing), nothing, exponent * power(base, exponent - 1))
    is_flat = bitwise_and(equal(base, nothing), less_equal(nothing, exponent))
    logarithm = log(where(is_flat, constant(1, node.dtype), base))
    return upstream * slope, upstream * where(is_flat, nothing, node * logarithm)


power = define(
    "power",
    "x to the power of y, as C's pow: x⁰ = 1 and 1ʸ = 1 even for NaN; NaN for a negative x with a "
    "fractional y.",
    2,
    is_float,
    in_float64(numpy.power),
    _power_gradient,
)

"""Rounding to whole numbers, and operations on the representation of floats."""

from __future__ import annotations

import numpy

from tilegrad.ir.node import Node
from tilegrad.ir.op import NotDifferentiable, Op, Property
from tilegrad.ops.arithmetic import sign
from tilegrad.ops.elementwise import define, has_zero_gradient
from tilegrad.ops.infer import is_float
from tilegrad.ops.numerics import Array, Function, in_float32, silent


def _rounding(name: str, documentation: str, function: Function) -> Op:
    return define(
        name,
        documentation + " The gradient is 0.",
        1,
        is_float,
        in_float32(function),
        has_zero_gradient,
        Property.IDEMPOTENT,
    )


floor = _rounding("floor", "⌊x⌋, the greatest whole number not above x.", numpy.floor)
ceil = _rounding("ceil", "⌈x⌉, the least whole number not below x.", numpy.ceil)
truncate = _rounding("truncate", "x without its fraction, toward zero.", numpy.trunc)
round_even = _rounding("round", "The nearest whole number, halves to the even one.", numpy.rint)


def _copy_sign_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    magnitude, signed = node.sources
    return upstream * copy_sign(sign(magnitude) * sign(magnitude), signed) * sign(magnitude), None


copy_sign = define(
    "copy_sign",
    "|x| with the sign of y, also where x or y is zero or NaN.",
    2,
    is_float,
    silent(numpy.copysign),
    _copy_sign_gradient,
)


@silent
def _next_after(x: Array, y: Array) -> Array:
    # Equal zeros give y, with its sign, as C has it; NumPy's float16 gives x there.
    return numpy.where(x == y, y, numpy.nextafter(x, y))


next_after = define(
    "next_after",
    "The number of the dtype that follows x in the direction of y; y where they are equal.",
    2,
    is_float,
    _next_after,
    NotDifferentiable("it steps through the numbers of the dtype"),
)

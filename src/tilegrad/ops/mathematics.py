"""Instructions that mathematical functions are made of, on processors that have them."""

from __future__ import annotations

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Property
from tilegrad.ops.compiler_ops import compiler_op
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.linear import VectorAttributes

TABLE_SIZE = 16
"""How many numbers of 32 bits a table in a register has."""


def _infer_two_floats(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    first, second = sources
    if not first.dtype.is_float or second.dtype is not first.dtype:
        raise VerifyError("two floats of one dtype are needed", got=sources)
    return first.dtype, broadcast_shapes("two floats", sources)


def _infer_look_up(sources: tuple[Node, ...], attributes: VectorAttributes) -> Inferred:
    (place,) = sources
    if place.dtype is not dtypes.int32 or attributes.dtype is not dtypes.float32:
        raise VerifyError("look_up takes int32 places in a table of float32", got=sources)
    if len(attributes.bits) != TABLE_SIZE:
        raise VerifyError("a table has 16 numbers", got=len(attributes.bits), expected=TABLE_SIZE)
    return attributes.dtype, place.shape


scale_exponent = compiler_op(
    "scale_exponent",
    "x · 2ⁿ for n = ⌊y⌋, rounded once; NaN if y is: scale_exponent(x, y).",
    2,
    _infer_two_floats,
    properties=Property.ELEMENTWISE,
)
limit_magnitude = compiler_op(
    "limit_magnitude",
    "x, but of no greater magnitude than y; ±y if x is NaN: limit_magnitude(x, y).",
    2,
    _infer_two_floats,
    properties=Property.ELEMENTWISE,
)
look_up = compiler_op(
    "look_up",
    "The number of a table of sixteen that stands at the place modulo 16.",
    1,
    _infer_look_up,
    VectorAttributes,
    properties=Property.ELEMENTWISE,
)

OPS: tuple[Op, ...] = (scale_exponent, limit_magnitude, look_up)

"""Instructions that mathematical functions are made of, on processors that have them."""

from __future__ import annotations

from tilegrad.base.errors import VerifyError
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Property
from tilegrad.ops.compiler_ops import compiler_op
from tilegrad.ops.infer import broadcast_shapes


def _infer_two_floats(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    first, second = sources
    if not first.dtype.is_float or second.dtype is not first.dtype:
        raise VerifyError("two floats of one dtype are needed", got=sources)
    return first.dtype, broadcast_shapes("two floats", sources)


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

OPS: tuple[Op, ...] = (scale_exponent, limit_magnitude)

"""Conversions between dtypes: by value (cast) and by bits (bitcast)."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import DType, Kind
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, NotDifferentiable, Op, Property
from tilegrad.ops.numerics import Array, is_floating, round_to, silent, widen


class CastAttributes(NamedTuple):
    """The dtype to convert to."""

    dtype: DType


def _infer_cast(sources: tuple[Node, ...], attributes: CastAttributes) -> Inferred:
    if Kind.VOID in (attributes.dtype.kind, sources[0].dtype.kind):
        raise DTypeError("cast: an effect has no value", got=sources[0].dtype.name)
    return attributes.dtype, sources[0].shape


@silent
def _cast_reference(x: Array, attributes: CastAttributes) -> Array:
    dtype = attributes.dtype
    if x.dtype == dtype.numpy:
        return x
    if dtype.is_boolean:
        return widen(x) != 0
    if dtype.is_float:
        return round_to(x if is_floating(x.dtype) else _to_float(x, dtype.numpy), dtype.numpy)
    return _to_whole(x, dtype.numpy) if is_floating(x.dtype) else x.astype(dtype.numpy)


def _to_float(x: Array, dtype: numpy.dtype) -> Array:
    """Convert integers so that rounding the result to ``dtype`` equals rounding them once."""
    if dtype in (numpy.float32, numpy.float64):
        return x.astype(dtype)
    if x.dtype.itemsize < 8:
        return x.astype(numpy.float64)
    # Beyond 2^53 the low 11 bits only say on which side of a tie a number lies: one bit does that.
    shift = x.dtype.type(11)
    sticky = (x & x.dtype.type(0x7FF) != 0).astype(x.dtype)
    shortened = (x >> shift | sticky) << shift
    is_long = (x >= 1 << 53) | (x <= -(1 << 53))
    return numpy.where(is_long, shortened, x).astype(numpy.float64)


def _to_whole(x: Array, dtype: numpy.dtype) -> Array:
    """Convert floats to integers: toward zero, saturating, NaN to 0."""
    wide = x.astype(numpy.float64)
    least, greatest = numpy.iinfo(dtype).min, numpy.iinfo(dtype).max
    is_low, is_high = wide <= float(least), wide >= float(greatest)
    inside = numpy.asarray(numpy.where(is_low | is_high | numpy.isnan(wide), 0.0, wide), dtype)
    inside[is_low], inside[is_high] = least, greatest
    return inside


def _cast_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    source = node.sources[0]
    return (cast_to(upstream, source.dtype) if source.dtype.is_float else None,)


cast = Op(
    "cast",
    "x converted to another dtype. Float to integer goes toward zero and saturates, NaN gives 0; "
    "integers wrap; to a float rounds once to nearest even (FP8 saturates); to bool is x ≠ 0.",
    1,
    _infer_cast,
    attributes=CastAttributes,
    reference=_cast_reference,
    gradient=_cast_gradient,
    properties=Property.ELEMENTWISE,
)


def cast_to(node: Node, dtype: DType) -> Node:
    """Return the node converted to ``dtype``; itself if it has that dtype."""
    return node if node.dtype is dtype else cast(node, attributes=CastAttributes(dtype))


def _infer_bitcast(sources: tuple[Node, ...], attributes: CastAttributes) -> Inferred:
    source, dtype = sources[0].dtype, attributes.dtype
    unfit = (Kind.BOOLEAN, Kind.INDEX, Kind.VOID)
    if source.bits != dtype.bits or source.kind in unfit or dtype.kind in unfit:
        raise DTypeError(
            "bitcast needs two number dtypes of one width", got=f"{source.name} to {dtype.name}"
        )
    return dtype, sources[0].shape


def _bitcast_reference(x: Array, attributes: CastAttributes) -> Array:
    return x.view(attributes.dtype.numpy)


bitcast = Op(
    "bitcast",
    "The bits of x read as another dtype of the same width.",
    1,
    _infer_bitcast,
    attributes=CastAttributes,
    reference=_bitcast_reference,
    gradient=NotDifferentiable("bits are discrete"),
    properties=Property.ELEMENTWISE,
)

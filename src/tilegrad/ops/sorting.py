"""Sorting: elements in order along an axis, and their order."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, NotDifferentiable, Op, attributes_of
from tilegrad.ops import symbolic
from tilegrad.ops.indexing import gather_along
from tilegrad.ops.infer import check_axes
from tilegrad.ops.numerics import Array, widen


class SortAttributes(NamedTuple):
    """The axis to sort along, and whether the greatest comes first."""

    axis: int
    descending: bool


class ArgsortAttributes(NamedTuple):
    """The axis to sort along, whether the greatest comes first, how many places are wanted.

    None wants all.
    """

    axis: int
    descending: bool
    count: int | None = None


def _infer_argsort(sources: tuple[Node, ...], attributes: ArgsortAttributes) -> Inferred:
    axis, _, count = attributes
    shape = sources[0].shape
    check_axes("argsort", (axis,), len(shape))
    if count is None:
        return dtypes.int64, shape
    if count < 0 or symbolic.less(shape[axis], count) is True:
        raise ShapeError("argsort: a count out of range", got=count, expected=f"0 to {shape[axis]}")
    return dtypes.int64, (*shape[:axis], count, *shape[axis + 1 :])


def _argsort_reference(x: Array, attributes: ArgsortAttributes) -> Array:
    key = widen(x)
    if attributes.descending:
        key = -key if key.dtype.kind == "f" else ~key
    order = numpy.argsort(key, axis=attributes.axis, kind="stable").astype(numpy.int64)
    wanted = order.shape[attributes.axis] if attributes.count is None else attributes.count
    return order.take(range(wanted), attributes.axis)


argsort = Op(
    "argsort",
    "The positions along an axis that put the elements in order. Equal elements keep their order; "
    "NaN comes last either way. With a count, only so many first positions are given.",
    1,
    _infer_argsort,
    attributes=ArgsortAttributes,
    reference=_argsort_reference,
    gradient=NotDifferentiable("positions are discrete"),
)


def _infer_sort(sources: tuple[Node, ...], attributes: SortAttributes) -> Inferred:
    (source,) = sources
    check_axes("sort", (attributes.axis,), len(source.shape))
    return source.dtype, source.shape


def _sort_reference(x: Array, attributes: SortAttributes) -> Array:
    axis, is_descending = attributes
    key = widen(x)
    zeros = numpy.signbit(key) if key.dtype.kind == "f" else numpy.zeros(key.shape, bool)
    if is_descending:
        key = -key if key.dtype.kind == "f" else ~key
    order = numpy.lexsort((zeros if is_descending else ~zeros, key), axis=axis)
    return numpy.take_along_axis(x, order, axis)


def _sort_gradient(node: Node, upstream: Node) -> tuple[Node]:
    axis, is_descending = attributes_of(node, SortAttributes)
    order = argsort(node.sources[0], attributes=ArgsortAttributes(axis, is_descending))
    places = argsort(order, attributes=ArgsortAttributes(axis, False))  # where each element went
    return (gather_along(upstream, places, axis),)


sort = Op(
    "sort",
    "The elements in order along an axis. -0 comes before +0; NaN comes last either way.",
    1,
    _infer_sort,
    attributes=SortAttributes,
    reference=_sort_reference,
    gradient=_sort_gradient,
)

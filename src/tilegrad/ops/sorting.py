"""Sorting: the order of elements along an axis. Sorted values are gathered by it."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import NotDifferentiable, Op, Shape
from tilegrad.ops.movement import check_axes
from tilegrad.ops.numerics import Array, widen


class ArgsortAttributes(NamedTuple):
    """The axis to sort along, and whether the greatest comes first."""

    axis: int
    descending: bool


def _infer_argsort(sources: tuple[Node, ...], attributes: ArgsortAttributes) -> tuple[DType, Shape]:
    check_axes("argsort", (attributes.axis,), len(sources[0].shape))
    return dtypes.int64, sources[0].shape


def _argsort_reference(x: Array, attributes: ArgsortAttributes) -> Array:
    key = widen(x)
    if attributes.descending:
        key = -key if key.dtype.kind == "f" else ~key
    return numpy.argsort(key, axis=attributes.axis, kind="stable").astype(numpy.int64)


argsort = Op(
    "argsort",
    "The positions along an axis that put the elements in order. Equal elements keep their order; "
    "NaN comes last either way.",
    1,
    _infer_argsort,
    attributes=ArgsortAttributes,
    reference=_argsort_reference,
    gradient=NotDifferentiable("positions are discrete"),
)

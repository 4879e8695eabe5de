"""Positions of elements as int64 tensors."""

from __future__ import annotations

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops import symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import IotaAttributes, constant, iota
from tilegrad.ops.movement import reshape_to


def position_along(shape: Shape, axis: int) -> Node:
    """Return a tensor whose elements are their own position along an axis."""
    return cast_to(iota(attributes=IotaAttributes(shape, axis)), dtypes.int64)


def row_major_position(shape: Shape) -> Node:
    """Return a tensor whose elements are their own number in row-major order."""
    if not shape:
        return constant(0, dtypes.int64)
    count = symbolic.multiply_all(shape)
    return reshape_to(position_along((count,), 0), shape)

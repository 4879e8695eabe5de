"""Builders of nodes that several tensor methods share.

Each returns its argument where there is nothing to do, so that no graph holds idle movement.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op
from tilegrad.ops import (
    comparison,
    conversion,
    indexing,
    leaves,
    movement,
    reduction,
    symbolic,
    windows,
)
from tilegrad.ops.conversion import CastAttributes, cast_to
from tilegrad.ops.leaves import IotaAttributes
from tilegrad.ops.movement import expand_to, reshape_to, shrink_to
from tilegrad.tensor.size import Index

Shape = tuple[Index, ...]


def move_axis(node: Node, source: int, destination: int) -> Node:
    """Return the node with one axis moved, the others kept in order."""
    order = [axis for axis in range(len(node.shape)) if axis != source]
    order.insert(destination, source)
    return movement.permute_axes(node, order)


def expand(node: Node, shape: Shape) -> Node:
    """Return the node with axes of size 1 repeated; missing axes are added in front."""
    missing = len(shape) - len(node.shape)
    if missing > 0:
        node = reshape_to(node, (1,) * missing + node.shape)
    return expand_to(node, shape)


def with_rank(node: Node, rank: int) -> Node:
    """Return the node with axes of size 1 added in front up to a rank; scalars stay scalars."""
    missing = rank - len(node.shape)
    if missing <= 0 or not node.shape:
        return node
    return reshape_to(node, (1,) * missing + node.shape)


def broadcast_shape(operands: Sequence[Node]) -> Shape:
    """Return the common shape of nodes of one rank that are known to broadcast."""
    shapes = [operand.shape for operand in operands if operand.shape]
    return tuple(
        next((size for size in sizes if size != 1), 1) for sizes in zip(*shapes, strict=True)
    )


def shrink_axis(node: Node, axis: int, start: Index, stop: Index) -> Node:
    """Return the part of the node from ``start`` to before ``stop`` along one axis."""
    bounds: list[tuple[Index, Index]] = [(0, size) for size in node.shape]
    bounds[axis] = (start, stop)
    return shrink_to(node, tuple(bounds))


def flip(node: Node, axes: tuple[int, ...]) -> Node:
    """Return the node in reverse order along some axes, given in ascending order."""
    return intern(movement.flip, (node,), movement.FlipAttributes(axes)) if axes else node


def slide(node: Node, axis: int, along: int | None, size: Index, step: tuple[int, int]) -> Node:
    """Return windows of an axis, shifted along another one; ``step`` is (stride, dilation)."""
    return intern(windows.slide, (node,), windows.SlideAttributes(axis, along, size, *step))


def unslide(node: Node, axis: int, along: int | None, size: Index, step: tuple[int, int]) -> Node:
    """Return the adjoint of ``slide``: an axis spread out over zeros to ``size``."""
    return intern(windows.unslide, (node,), windows.UnslideAttributes(axis, along, size, *step))


def take_every(node: Node, axis: int, step: int) -> Node:
    """Return every ``step``-th element along an axis, from the first on."""
    if step == 1:
        return node
    size = symbolic.floor_divide(symbolic.add(node.shape[axis], step - 1), step)
    return slide(node, axis, None, size, (step, 0))


def take(node: Node, axis: int, places: Node) -> Node:
    """Return the slices of the node at positions (integers along one axis) of an axis."""
    return move_axis(indexing.gather_from(node, (places,), (axis,)), 0, axis)


def concatenate(parts: Sequence[Node], axis: int) -> Node:
    """Return the nodes joined along an axis."""
    if len(parts) == 1:
        return parts[0]
    return intern(movement.concatenate, tuple(parts), movement.ConcatenateAttributes(axis))


def reduce(op: Op, node: Node, axes: tuple[int, ...]) -> Node:
    """Return a reduction along axes (ascending), which remain with size 1."""
    return intern(op, (node,), reduction.ReduceAttributes(axes)) if axes else node


def reduce_sum(node: Node, axes: tuple[int, ...]) -> Node:
    """Return the sum along axes (ascending), which remain with size 1."""
    return reduce(reduction.reduce_sum, node, axes)


def drop_axes(node: Node, axes: tuple[int, ...]) -> Node:
    """Return the node without some axes of size 1."""
    if not axes:
        return node
    kept = tuple(size for axis, size in enumerate(node.shape) if axis not in axes)
    return reshape_to(node, kept)


def insert_axis(node: Node, axis: int) -> Node:
    """Return the node with an axis of size 1 put in at a place."""
    return reshape_to(node, (*node.shape[:axis], 1, *node.shape[axis:]))


def positions(size: Index, dtype: DType, rank: int = 1, axis: int = 0) -> Node:
    """Return 0, 1, 2 .. along one axis of ``rank`` axes; the others have size 1."""
    shape: list[Index] = [1] * rank
    shape[axis] = size
    return cast_to(leaves.iota(attributes=IotaAttributes(tuple(shape), axis)), dtype)


def where(condition: Node, chosen: Node | float, other: Node | float) -> Node:
    """Return ``chosen`` where the condition holds, else ``other``; ranks as nodes broadcast.

    A plain number takes the dtype of the other choice, which must be a node.
    """
    if not isinstance(chosen, Node):
        chosen = leaves.constant(chosen, other.dtype)  # type: ignore[union-attr]
    elif not isinstance(other, Node):
        other = leaves.constant(other, chosen.dtype)
    return intern(comparison.where, (condition, chosen, other))  # type: ignore[arg-type]


def is_narrow(dtype: DType) -> bool:
    """Whether a float dtype is too narrow to accumulate in."""
    return dtype.is_float and dtype.bits < 32


def widen(node: Node) -> Node:
    """Return the node in a dtype wide enough for a formula: float32 for 8- and 16-bit floats."""
    return cast_to(node, dtypes.float32) if is_narrow(node.dtype) else node


def bitcast(node: Node, dtype: DType) -> Node:
    """Return the bits of the node read as another dtype of the same width."""
    return intern(conversion.bitcast, (node,), CastAttributes(dtype))

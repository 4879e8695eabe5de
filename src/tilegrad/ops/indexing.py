"""Indexing by tensors of positions: gather and scatter, each the adjoint of the other."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy

from tilegrad.base.errors import DTypeError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Shape, attributes_of
from tilegrad.ops.comparison import equal, where
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.elementwise import zero
from tilegrad.ops.infer import check_axes, is_number, is_whole, known_sizes
from tilegrad.ops.movement import filled, reshape_to
from tilegrad.ops.numerics import COMBINE, Array, round_to, silent, widen
from tilegrad.ops.positions import position_along, row_major_position

Mode = Literal["set", "add", "multiply", "maximum", "minimum"]


class GatherAttributes(NamedTuple):
    """The axes of the data that the indices select from, in increasing order."""

    axes: tuple[int, ...]


class ScatterAttributes(NamedTuple):
    """The axes that the indices select, in increasing order, and how updates combine."""

    axes: tuple[int, ...]
    mode: Mode


def _check_indices(name: str, data: Node, indices: tuple[Node, ...], axes: tuple[int, ...]) -> None:
    check_axes(name, axes, len(data.shape))
    if not indices or len(indices) != len(axes):
        raise ShapeError(
            f"{name}: one index tensor per axis is needed",
            got=f"{len(indices)} index tensors for axes {axes}",
        )
    for index in indices:
        if not is_whole(index.dtype):
            raise DTypeError(
                f"{name}: indices are integers", got=index.dtype.name, expected="an integer dtype"
            )
        if index.shape != indices[0].shape:
            raise ShapeError(
                f"{name}: the index tensors differ in shape",
                got=f"{indices[0].shape} and {index.shape}",
            )


def _other_sizes(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _infer_gather(sources: tuple[Node, ...], attributes: GatherAttributes) -> Inferred:
    data, *indices = sources
    _check_indices("gather", data, tuple(indices), attributes.axes)
    return data.dtype, indices[0].shape + _other_sizes(data.shape, attributes.axes)


def _infer_scatter(sources: tuple[Node, ...], attributes: ScatterAttributes) -> Inferred:
    base, updates, *indices = sources
    axes, mode = attributes
    _check_indices("scatter", base, tuple(indices), axes)
    if base.dtype is not updates.dtype:
        raise DTypeError(
            "scatter: the dtypes differ",
            got=f"{base.dtype.name} and {updates.dtype.name}",
            expected="one dtype; cast the updates",
        )
    if mode in ("add", "multiply") and not is_number(base.dtype):
        raise DTypeError(f"scatter: bools do not {mode}", got=base.dtype.name, expected="a number")
    expected = indices[0].shape + _other_sizes(base.shape, axes)
    if updates.shape != expected:
        raise ShapeError(
            "scatter: the updates have the wrong shape", got=updates.shape, expected=expected
        )
    return base.dtype, base.shape


def _find_rows(
    shape: tuple[int, ...], axes: tuple[int, ...], indices: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Return which entries of the indices are in range, and the row that each of those names."""
    is_inside = numpy.ones(indices[0].shape, bool)
    for index, axis in zip(indices, axes, strict=True):
        is_inside &= (index >= 0) & (index < shape[axis])
    inside = tuple(index[is_inside].astype(numpy.int64) for index in indices)
    row = numpy.zeros(int(is_inside.sum()), numpy.int64)
    for index, axis in zip(inside, axes, strict=True):
        row = row * shape[axis] + index
    return is_inside, row


def _rows(array: Array, axes: tuple[int, ...]) -> Array:
    """Return a copy whose first axis counts the positions along ``axes``."""
    moved = numpy.moveaxis(array, axes, range(len(axes)))
    count = math.prod(moved.shape[: len(axes)])
    rest = math.prod(moved.shape[len(axes) :])
    return moved.reshape(count, rest).copy()


def _gather_reference(data: Array, *arguments: Any) -> Array:
    *indices, (axes,) = arguments
    is_inside, row = _find_rows(data.shape, axes, tuple(indices))
    rows = _rows(data, axes)
    result = numpy.zeros((*is_inside.shape, rows.shape[1]), data.dtype)
    result[is_inside] = rows[row]
    return result.reshape(is_inside.shape + known_sizes(_other_sizes(data.shape, axes)))


@silent
def _scatter_reference(base: Array, updates: Array, *arguments: Any) -> Array:
    *indices, (axes, mode) = arguments
    is_inside, row = _find_rows(base.shape, axes, tuple(indices))
    rows = _rows(base, axes)
    values = updates.reshape((*is_inside.shape, rows.shape[1]))[is_inside]
    if mode == "set":
        touched, last = numpy.unique(row[::-1], return_index=True)
        rows[touched] = values[::-1][last]
    else:
        touched = numpy.unique(row)
        wide = widen(rows)
        COMBINE[mode].at(wide, row, widen(values))
        is_exact = mode in ("maximum", "minimum")
        changed = wide[touched]
        rows[touched] = changed.astype(base.dtype) if is_exact else round_to(changed, base.dtype)
    moved = numpy.moveaxis(base, axes, range(len(axes)))
    return numpy.moveaxis(rows.reshape(moved.shape), range(len(axes)), axes)


def _gather_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    data, *indices = node.sources
    axes = attributes_of(node, GatherAttributes).axes
    base = filled(0, upstream.dtype, data.shape)
    gradient = scatter_into(base, upstream, tuple(indices), axes, "add")
    return gradient, *(None for _ in indices)


gather = Op(
    "gather",
    "result[s, r] = data[indices(s), r] for positions s of the index tensors and r along the other "
    "axes; 0 (False) where an index is out of range.",
    None,
    _infer_gather,
    attributes=GatherAttributes,
    reference=_gather_reference,
    gradient=_gather_gradient,
)


def gather_from(data: Node, indices: tuple[Node, ...], axes: tuple[int, ...]) -> Node:
    """Return the elements of the data that the indices select along the axes."""
    return gather(data, *indices, attributes=GatherAttributes(axes))


def indices_along(places: Node, axis: int) -> tuple[Node, ...]:
    """Return one index node per axis, of the places' shape: the places at ``axis``, else counts."""
    shape = places.shape
    return tuple(places if i == axis else position_along(shape, i) for i in range(len(shape)))


def gather_along(node: Node, places: Node, axis: int) -> Node:
    """Return the elements at positions along an axis, each in its own row."""
    places = cast_to(places, dtypes.int64)
    return gather_from(node, indices_along(places, axis), tuple(range(len(node.shape))))


def scatter_into(
    base: Node, updates: Node, indices: tuple[Node, ...], axes: tuple[int, ...], mode: Mode
) -> Node:
    """Return the base with updates written or combined where the indices say."""
    return scatter(base, updates, *indices, attributes=ScatterAttributes(axes, mode))


def _scatter_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    mode = attributes_of(node, ScatterAttributes).mode
    rule = {
        "set": _scatter_set_gradient,
        "add": _scatter_add_gradient,
        "multiply": _scatter_multiply_gradient,
    }.get(mode, _scatter_extreme_gradient)
    return (*rule(node, upstream), *(None for _ in node.sources[2:]))


def _scatter_set_gradient(node: Node, upstream: Node) -> tuple[Node, Node]:
    """Only the update that was written last at a place has a part in the result."""
    base, updates, *rest = node.sources
    indices, axes = tuple(rest), attributes_of(node, ScatterAttributes).axes
    shape = indices[0].shape
    number = row_major_position(shape)
    places = tuple(base.shape[axis] for axis in axes)
    every = tuple(range(len(axes)))
    nobody = filled(-1, dtypes.int64, places)
    writer = gather_from(scatter_into(nobody, number, indices, every, "set"), indices, every)
    ones = (1,) * (len(updates.shape) - len(shape))
    is_last = reshape_to(equal(writer, number), shape + ones)
    nothing = filled(0, upstream.dtype, updates.shape)
    kept = scatter_into(upstream, nothing, indices, axes, "set")
    return kept, where(is_last, gather_from(upstream, indices, axes), zero(upstream.dtype))


def _scatter_add_gradient(node: Node, upstream: Node) -> tuple[Node, Node]:
    axes = attributes_of(node, ScatterAttributes).axes
    return upstream, gather_from(upstream, node.sources[2:], axes)


def _scatter_multiply_gradient(node: Node, upstream: Node) -> tuple[Node, Node]:
    """Each update's share is the product of the others at its place, also where some are zero.

    The gradient's own gradient is right only where no place has two updates of zero.
    """
    base, updates, *rest = node.sources
    indices, axes = tuple(rest), attributes_of(node, ScatterAttributes).axes
    nothing, one = zero(node.dtype), filled(1, node.dtype, base.shape)
    is_zero = equal(updates, nothing)
    others = where(is_zero, filled(1, node.dtype, updates.shape), updates)
    product = gather_from(scatter_into(one, others, indices, axes, "multiply"), indices, axes)
    empty = filled(0, node.dtype, base.shape)
    zeros = scatter_into(empty, cast_to(is_zero, node.dtype), indices, axes, "add")
    zero_count = gather_from(zeros, indices, axes)
    none_besides = equal(zero_count, cast_to(is_zero, node.dtype))
    share = where(none_besides, product / others, nothing)
    all_updates = scatter_into(one, updates, indices, axes, "multiply")
    return upstream * all_updates, gather_from(upstream * base, indices, axes) * share


def _scatter_extreme_gradient(node: Node, upstream: Node) -> tuple[Node, Node]:
    """The base and the updates that equal the result share its gradient evenly."""
    base, updates, *rest = node.sources
    indices, axes = tuple(rest), attributes_of(node, ScatterAttributes).axes
    nothing = zero(upstream.dtype)
    base_wins = equal(base, node)
    update_wins = equal(updates, gather_from(node, indices, axes))
    first_count = cast_to(base_wins, upstream.dtype)
    second_count = cast_to(update_wins, upstream.dtype)
    count = scatter_into(first_count, second_count, indices, axes, "add")
    share = upstream / count
    return (
        where(base_wins, share, nothing),
        where(update_wins, gather_from(share, indices, axes), nothing),
    )


scatter = Op(
    "scatter",
    "The adjoint of gather: the base with updates[s, r] set at (indices(s), r), or combined with "
    "what is there by add, multiply, maximum or minimum. Indices out of range are dropped; of "
    "several updates set at one place the last stays.",
    None,
    _infer_scatter,
    attributes=ScatterAttributes,
    reference=_scatter_reference,
    gradient=_scatter_gradient,
)

"""Reductions: vectors combined with vectors, then, along the last axis, lanes with lanes."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.lane_groups import find_lane_groups, reduce_lane_groups
from tilegrad.codegen.lane_trees import combine_lanes
from tilegrad.codegen.layout import Piece, pieces_of, static_shape
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import linear
from tilegrad.ops.combining import combining_op
from tilegrad.ops.linear import LaneAttributes, ReduceLanesAttributes, ShuffleAttributes
from tilegrad.ops.reduction import KINDS, ReduceAttributes

Combine = Callable[[Node, Node], Node]


def lower_reduction(context: Context, node: Node) -> Vectors:
    """Lower a reduction: a balanced tree over vectors, the lanes last."""
    (source,) = node.sources
    axes = attributes_of(node, ReduceAttributes).axes
    shape = static_shape(source)
    if not axes:
        return context.value(source)
    op = combining_op(KINDS[node.op], source.dtype)

    def combine(first: Node, second: Node) -> Node:
        return context.emitter.put(op, (first, second))

    groups = find_lane_groups(node)
    found = None if groups is None else reduce_lane_groups(context, combine, groups)
    if found is not None:
        return found
    vectors = context.value(source)
    if not vectors:
        return vectors
    pieces = pieces_of(shape, context.lanes)
    last = len(shape) - 1
    count = len(pieces)
    rows = [
        [_reduce_tree(combine, [vectors[row * count + i] for row in group]) for i in range(count)]
        for group in _group_rows(shape, axes)
    ]
    if last not in axes:
        return [vector for row in rows for vector in row]
    values = [_combine_pieces(context, combine, pieces, row) for row in rows]
    if not values[0].shape:
        return values
    return _reduce_lanes(context, KINDS[node.op], combine, values)


def reduction_needs(node: Node) -> tuple[Node, ...]:
    """Return what must have vectors: not what a tile is reshaped to if its lanes are combined."""
    groups = find_lane_groups(node)
    return node.sources if groups is None else (groups.root,)


def _group_rows(shape: tuple[int, ...], axes: tuple[int, ...]) -> list[list[int]]:
    """Return for each row of the result the rows of the source that it combines."""
    kept = [1 if axis in axes else size for axis, size in enumerate(shape[:-1])]
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, position in enumerate(itertools.product(*map(range, shape[:-1]))):
        place = tuple(min(i, size - 1) for i, size in zip(position, kept, strict=True))
        groups.setdefault(place, []).append(row)
    return list(groups.values())


def _reduce_tree(combine: Combine, values: list[Node]) -> Node:
    while len(values) > 1:
        paired = [combine(values[i], values[i + 1]) for i in range(0, len(values) - 1, 2)]
        values = paired + values[len(paired) * 2 :]
    return values[0]


def _combine_pieces(
    context: Context, combine: Combine, pieces: tuple[Piece, ...], row: list[Node]
) -> Node:
    """Combine the pieces of one row to one: equal ones first, then ever narrower ones."""
    width = pieces[0].width
    count = sum(piece.width == width for piece in pieces)
    value = _reduce_tree(combine, row[:count])
    for piece, vector in zip(pieces[count:], row[count:], strict=True):
        while width > piece.width:
            value = _halve(context, combine, value)
            width //= 2
        value = combine(value, vector)
    return value


def _reduce_lanes(context: Context, kind: str, combine: Combine, values: list[Node]) -> list[Node]:
    """Combine all lanes of each of some vectors; many are taken together."""
    width = linear.lanes_of(values[0])
    results: list[Node] = []
    while len(results) < len(values):
        rest = tuple(values[len(results) :])
        count = 1 << min(len(rest), width).bit_length() - 1
        if count == 1 or values[0].dtype is dtypes.bool:
            attributes = ReduceLanesAttributes(kind)
            results.append(context.emitter.put(linear.reduce_lanes, rest[:1], attributes))
        else:
            results += combine_lanes(context, combine, rest[:count])
    return results


def _halve(context: Context, combine: Combine, value: Node) -> Node:
    """Combine the lower and the upper half of a vector's lanes."""
    put, width = context.emitter.put, linear.lanes_of(value)
    if width == 2:
        return combine(
            put(linear.extract, (value,), LaneAttributes(0)),
            put(linear.extract, (value,), LaneAttributes(1)),
        )
    lower = ShuffleAttributes(tuple(range(width // 2)))
    upper = ShuffleAttributes(tuple(range(width // 2, width)))
    return combine(
        put(linear.shuffle, (value, value), lower), put(linear.shuffle, (value, value), upper)
    )

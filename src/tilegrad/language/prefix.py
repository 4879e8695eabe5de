"""Running sums, products, maxima and minima along an axis of a tile.

Up to 16 elements are combined at once, each result with all elements up to its own. Longer rows are
cut into chunks, whose totals are scanned in the same way (G. Blelloch, "Prefix sums and their
applications", 1990).
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic
from tilegrad.ops.build import combine, full, lanes
from tilegrad.ops.comparison import where
from tilegrad.ops.leaves import Number
from tilegrad.ops.movement import expand_to, invert_order, permute_axes, reshape_to

_CHUNK = 16

_COMBINE = {
    "add": arithmetic.add,
    "multiply": arithmetic.multiply,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
}


def scan_tile(node: Node, axis: int, kind: str) -> Node:
    """Return the inclusive scan of a tile along an axis.

    Args:
        node: a tile.
        axis: along which.
        kind: add, multiply, maximum or minimum.
    """
    others = [one for one in range(len(node.shape)) if one != axis]
    order = (*others, axis)
    moved = permute_axes(node, order)
    size = int(node.shape[axis])  # type: ignore[arg-type]
    count = 1
    for one in moved.shape[:-1]:
        count *= int(one)  # type: ignore[arg-type]
    rows = _scan_rows(reshape_to(moved, (count, size)), (count, size), kind, is_exclusive=False)
    return permute_axes(reshape_to(rows, moved.shape), invert_order(order))


def _scan_rows(rows: Node, shape: tuple[int, int], kind: str, *, is_exclusive: bool) -> Node:
    count, size = shape
    chunk = max(width for width in range(1, _CHUNK + 1) if size % width == 0)
    if size <= _CHUNK or chunk == 1:
        return _combine_earlier(rows, shape, kind, is_exclusive=is_exclusive)
    number = size // chunk
    cut = reshape_to(rows, (count * number, chunk))
    within = _combine_earlier(cut, (count * number, chunk), kind, is_exclusive=is_exclusive)
    totals = reshape_to(combine(cut, kind, 1), (count, number))
    before = _scan_rows(totals, (count, number), kind, is_exclusive=True)
    parts = reshape_to(within, (count, number, chunk))
    return reshape_to(_COMBINE[kind](reshape_to(before, (count, number, 1)), parts), shape)


def _combine_earlier(rows: Node, shape: tuple[int, int], kind: str, *, is_exclusive: bool) -> Node:
    """Combine each element with those before it, each result by itself."""
    count, size = shape
    nothing = full((1, 1, 1), _identity(kind, rows), rows.dtype)
    if size == 1:
        return expand_to(reshape_to(nothing, (1, 1)), shape) if is_exclusive else rows
    source, result = lanes(size, 3, 1), lanes(size, 3, 2)
    is_earlier = source < result if is_exclusive else source <= result
    chosen = where(is_earlier, reshape_to(rows, (count, size, 1)), nothing)
    return reshape_to(combine(chosen, kind, 1), shape)


def _identity(kind: str, rows: Node) -> Number:
    if kind == "add":
        return -0.0 if rows.dtype.is_float else 0
    if kind == "multiply":
        return 1
    return rows.dtype.minimum if kind == "maximum" else rows.dtype.maximum

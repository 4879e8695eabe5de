"""Rows put together like the teeth of combs: element n of every row, then element n + 1.

What a matrix of few rows is transposed to when its rows are then written one after the other, as
the operands of dot products within lanes are. Done in log₂ steps: the even rows among themselves,
the odd ones, and then the two results; each step is one shuffle that gives twice as wide a vector.
"""

from __future__ import annotations

import numpy

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.lanes import shuffle
from tilegrad.codegen.layout import StaticShape, pieces_of, static_shape
from tilegrad.codegen.movement import trace_movement
from tilegrad.ir.node import Node
from tilegrad.ops import linear

_MOST_ROWS = 4
"""Words for dot products have two elements or four."""


def find_interleaved(node: Node, lanes: int) -> tuple[Node, int, list[int]] | None:
    """Return what a tile is an interleaving of, None if it is none that is worth its own way.

    The result is the tile that the rows come from, how many are put together at a time, and the
    numbers of the rows' first vectors: for each row of the result, those that are put together.
    """
    shape = static_shape(node)
    root, places = trace_movement(node)
    source = static_shape(root)
    if not shape or not source or root is node or not _is_even(source, lanes):
        return None
    rows = places.reshape(-1, shape[-1])
    for count in (2, _MOST_ROWS):
        if shape[-1] != count * source[-1]:
            continue
        combs = rows.reshape(-1, source[-1], count)
        if (numpy.diff(combs, axis=1) == 1).all() and not (combs[:, 0] % source[-1]).any():
            pieces = len(pieces_of(source, lanes))
            return root, count, (combs[:, 0] // source[-1] * pieces).reshape(-1).tolist()
    return None


def _is_even(shape: StaticShape, lanes: int) -> bool:
    """Whether all vectors of a tile are of one width, and none is a scalar."""
    return shape[-1] > 1 and len({piece.width for piece in pieces_of(shape, lanes)}) == 1


def interleave(
    context: Context, vectors: Vectors, count: int, firsts: list[int], shape: StaticShape
) -> Vectors:
    """Return the vectors of a tile of this shape that puts rows together.

    Args:
        context: the state of lowering.
        vectors: those of the rows.
        count: how many rows are put together at a time.
        firsts: the numbers of the rows' first vectors.
        shape: of the result.
    """
    lanes = context.lanes
    width = shape[-1] // count
    pieces = len(pieces_of((width,), lanes))
    size = min(lanes, shape[-1])
    result: Vectors = []
    for start in range(0, len(firsts), count):
        for piece in range(pieces):
            teeth = [vectors[first + piece] for first in firsts[start : start + count]]
            wide = _comb(context, teeth)
            result += [
                shuffle(context, wide, wide, list(range(first, first + size)))
                for first in range(0, linear.lanes_of(wide), size)
            ]
    return result


def _comb(context: Context, rows: list[Node]) -> Node:
    if len(rows) == 1:
        return rows[0]
    even, odd = _comb(context, rows[::2]), _comb(context, rows[1::2])
    width = linear.lanes_of(even)
    order = [lane + side * width for lane in range(width) for side in (0, 1)]
    return shuffle(context, even, odd, order)

"""dot by vectors: outer products accumulated along the last axis."""

from __future__ import annotations

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.layout import Piece, pieces_of, static_shape
from tilegrad.ir.node import Node
from tilegrad.ops import linear
from tilegrad.ops.linear import LaneAttributes


def lower_dot(context: Context, node: Node) -> Vectors:
    """Accumulate outer products of columns of a and rows of b; all three are of one dtype."""
    a, b, c = node.sources
    (rows, depth), columns = static_shape(a), static_shape(b)[1]
    pieces = pieces_of((rows, columns), context.lanes)
    count = len(pieces)
    left = _elements(context, a, rows, depth)
    right = context.value(b)
    accumulators = list(context.broadcast(c, (rows, columns)))
    put, splat = context.emitter.put, context.emitter.splat
    for k in range(depth):
        for row in range(rows):
            for number, piece in enumerate(pieces):
                place = row * count + number
                factor = splat(left[row * depth + k], piece.width)
                sources = (factor, right[k * count + number], accumulators[place])
                accumulators[place] = put(linear.multiply_add, sources)
    return accumulators


def _elements(context: Context, node: Node, rows: int, columns: int) -> list[Node]:
    """Return every element of a tile as a scalar."""
    pieces = pieces_of((rows, columns), context.lanes)
    vectors = context.value(node)
    return [
        _element(context, vectors[row * len(pieces) + number], lane)
        for row in range(rows)
        for number, piece in enumerate(pieces)
        for lane in _lanes(piece)
    ]


def _lanes(piece: Piece) -> range:
    return range(piece.width)


def _element(context: Context, vector: Node, lane: int) -> Node:
    if not vector.shape:
        return vector
    return context.emitter.put(linear.extract, (vector,), LaneAttributes(lane))

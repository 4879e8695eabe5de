"""Scans along an axis of a tile: vectors combined with vectors, or, along the lanes, by doubling.

Along the lanes each vector is scanned by itself: after each step, every lane holds what twice as
many lanes up to it combine to (W. D. Hillis and G. L. Steele, "Data parallel algorithms", 1986).
What the vectors before come to is combined in at the end, so that it alone goes from one to the
next.
"""

from __future__ import annotations

import itertools
import math

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.layout import pieces_of, static_shape
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear
from tilegrad.ops.combining import combining_op, identity
from tilegrad.ops.leaves import constant
from tilegrad.ops.linear import LaneAttributes, ShuffleAttributes
from tilegrad.ops.scan import ScanAttributes


def lower_scan(context: Context, node: Node) -> Vectors:
    """Lower a scan."""
    axis, kind = attributes_of(node, ScanAttributes)
    shape = static_shape(node)
    op = combining_op(kind, node.dtype)
    vectors = context.value(node.sources[0])
    count = len(pieces_of(shape, context.lanes))
    rows = [vectors[start : start + count] for start in range(0, len(vectors), count)]
    if axis == len(shape) - 1:
        neutral = constant(identity(kind, node.dtype), node.dtype)
        return [vector for row in rows for vector in _scan_row(context, op, neutral, row)]
    step = math.prod(shape[axis + 1 : -1])
    for number, place in enumerate(itertools.product(*map(range, shape[:-1]))):
        if place[axis]:
            pairs = zip(rows[number - step], rows[number], strict=True)
            rows[number] = [context.emitter.put(op, pair) for pair in pairs]
    return [vector for row in rows for vector in row]


def _scan_row(context: Context, op: Op, neutral: Node, row: Vectors) -> Vectors:
    """Scan one row along the lanes of its vectors."""
    put, splat = context.emitter.put, context.emitter.splat
    results: Vectors = []
    total: Node | None = None  # of the vectors before, in one lane
    for vector in row:
        width = linear.lanes_of(vector) or 1
        scanned = _scan_lanes(context, op, neutral, vector)
        last = scanned
        if width > 1:
            last = put(linear.extract, (scanned,), LaneAttributes(width - 1))
        if total is None:
            results.append(scanned)
            total = last
        else:
            results.append(put(op, (splat(total, width), scanned)))
            total = put(op, (total, last))
    return results


def _scan_lanes(context: Context, op: Op, neutral: Node, vector: Node) -> Node:
    """Scan the lanes of one vector."""
    put, width = context.emitter.put, linear.lanes_of(vector)
    nothing = context.emitter.splat(neutral, width)
    distance = 1
    while distance < width:
        lanes = tuple(range(width - distance))
        moved = ShuffleAttributes((*(width,) * distance, *lanes))
        before = put(linear.shuffle, (vector, nothing), moved)
        vector = put(op, (before, vector))
        distance *= 2
    return vector

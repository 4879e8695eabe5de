"""dot by vectors: outer products of columns of a and rows of b, accumulated along the last axis.

Few of them are written out. Many are a loop: the operands are written to memory that is private to
the instance, from which each round reads a column, element by element, and a row.
"""

from __future__ import annotations

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.layout import pieces_of, static_shape
from tilegrad.codegen.loops import close_loop, open_loop
from tilegrad.ir.node import Node, intern
from tilegrad.ops import linear
from tilegrad.ops.affine import as_node
from tilegrad.ops.linear import (
    AddressAttributes,
    LaneAttributes,
    PositionAttributes,
    ReadAttributes,
    WriteAttributes,
)
from tilegrad.ops.memory import make_scratch

_MOST_WRITTEN_OUT = 256
"""So many vectors of products are written out."""
_ROUND = 32
"""A round of a loop has at least so many, if the depth can be divided so."""
_SCRATCH = 1 << 29
"""Identity of the memory of the first operand in a loop; others follow it."""


def lower_dot(context: Context, node: Node) -> Vectors:
    """Lower c + a·b, all three of one dtype."""
    a, b, c = node.sources
    (rows, depth), columns = static_shape(a), static_shape(b)[1]
    sums = list(context.broadcast(c, (rows, columns)))
    if depth > 1 and len(sums) * depth > _MOST_WRITTEN_OUT:
        return _loop(context, a, b, sums)
    left, right = _elements(context, a), context.value(b)
    count = len(sums) // rows
    for k in range(depth):
        row = right[k * count : (k + 1) * count]
        sums = _add_products(context, sums, left[k::depth], row)
    return sums


def _add_products(context: Context, sums: Vectors, column: Vectors, row: Vectors) -> Vectors:
    """Return the sums with the outer product of a column and a row added."""
    emitter = context.emitter
    result: Vectors = []
    for place, total in enumerate(sums):
        part = row[place % len(row)]
        factor = emitter.splat(column[place // len(row)], linear.lanes_of(part))
        result.append(emitter.put(linear.multiply_add, (factor, part, total)))
    return result


def _elements(context: Context, node: Node) -> list[Node]:
    """Return every element of a tile as a scalar."""
    elements: Vectors = []
    for vector in context.value(node):
        lanes = range(linear.lanes_of(vector))
        put = context.emitter.put
        found = [put(linear.extract, (vector,), LaneAttributes(lane)) for lane in lanes]
        elements += found if vector.shape else [vector]
    return elements


def _loop(context: Context, a: Node, b: Node, sums: Vectors) -> Vectors:
    """Add the products in a loop over the depth."""
    (rows, depth), columns = static_shape(a), static_shape(b)[1]
    emitter, size = context.emitter, a.dtype.itemsize
    vectors = [*context.value(a), *context.value(b), *sums]
    region = max(emitter.depth_of.get(vector, 0) for vector in vectors)
    deeper = emitter.regions[region + 1 :]
    del emitter.regions[region + 1 :]
    left, right = _write(context, a), _write(context, b)
    step = 1
    while depth % (2 * step) == 0 and len(sums) * step < _ROUND:
        step *= 2
    number = -2 - emitter.next_order()
    bounds = (as_node(0), as_node(depth), as_node(step))
    begin = open_loop(context, (*bounds, *sums), number, True)
    position = emitter.put(linear.loop_position, (begin,))
    left, right = (
        emitter.put(linear.address, (base, position), AddressAttributes(stride * size, 0))
        for base, stride in ((left, 1), (right, columns))
    )
    carried = range(len(sums))
    sums = [emitter.put(linear.loop_carry, (begin,), PositionAttributes(i)) for i in carried]

    def read(base: Node, place: int, lanes: int) -> Node:
        attributes = ReadAttributes(a.dtype, lanes, emitter.next_order())
        return emitter.put_here(
            linear.read, (emitter.offset_address(base, place * size),), attributes
        )

    for k in range(step):
        column = [read(left, row * depth + k, 0) for row in range(rows)]
        row_of_b = [
            read(right, k * columns + piece.start, piece.width if piece.width > 1 else 0)
            for piece in pieces_of((rows, columns), context.lanes)
        ]
        sums = _add_products(context, sums, column, row_of_b)
    end = close_loop(context, begin, tuple(sums), number)
    emitter.regions.extend(deeper)
    return [emitter.put(linear.loop_value, (end,), PositionAttributes(i)) for i in carried]


def _write(context: Context, node: Node) -> Node:
    """Write a tile to memory of its own, row by row; return the address."""
    emitter = context.emitter
    rows, columns = static_shape(node)
    identity = _SCRATCH + emitter.next_order()
    address = context.scalar(make_scratch(identity, node.dtype, rows * columns))
    place = 0
    for vector in context.value(node):
        to = emitter.offset_address(address, place * node.dtype.itemsize)
        attributes = WriteAttributes(emitter.next_order())
        emitter.put_at(emitter.depth, intern(linear.write, (to, vector), attributes))
        place += max(linear.lanes_of(vector), 1)
    return address

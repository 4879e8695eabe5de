"""expand, reshape and permute: whole vectors where possible, else lanes through shuffles."""

from __future__ import annotations

import itertools
import math

import numpy

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.index import is_index
from tilegrad.codegen.interleave import find_interleaved, interleave
from tilegrad.codegen.lanes import Origin, assemble, through_bytes, transpose
from tilegrad.codegen.layout import StaticShape, pieces_of, static_shape
from tilegrad.codegen.spread import materialise_index, places_of
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import movement


def lower_expand(context: Context, node: Node) -> Vectors:
    """Lower expand: vectors repeated, scalars splat."""
    if is_index(node) and node not in context.forms.find(node).tiles:
        return materialise_index(context, node, static_shape(node))
    return context.broadcast(node.sources[0], static_shape(node))


def lower_reshape(context: Context, node: Node) -> Vectors:
    """Lower reshape: each vector put together from the lanes that come to lie in it."""
    if is_index(node) and node not in context.forms.find(node).tiles:
        return materialise_index(context, node, static_shape(node))
    combs = find_interleaved(node, context.lanes)
    if combs is not None:
        root, count, firsts = combs

        def comb(vectors: Vectors) -> Vectors:
            return interleave(context, vectors, count, firsts, static_shape(node))

        return through_bytes(context, context.value(root), comb)
    (source,) = node.sources
    shape = static_shape(source)
    elements = numpy.arange(math.prod(shape))

    def move(vectors: Vectors) -> Vectors:
        return _place(context, vectors, shape, static_shape(node), elements.tolist())

    return through_bytes(context, context.value(source), move)


def lower_permute(context: Context, node: Node) -> Vectors:
    """Lower permute: vectors in another order, or transposed where the last axis changes."""
    if is_index(node) and node not in context.forms.find(node).tiles:
        return materialise_index(context, node, static_shape(node))
    (source,) = node.sources
    shape, order = static_shape(source), attributes_of(node, movement.PermuteAttributes).order
    last = len(shape) - 1
    if last < 0 or order[last] == last or 1 in (shape[last], shape[order[last]]):
        elements = numpy.arange(math.prod(shape)).reshape(shape).transpose(order).reshape(-1)

        def move(vectors: Vectors) -> Vectors:
            return _place(context, vectors, shape, static_shape(node), elements.tolist())
    else:

        def move(vectors: Vectors) -> Vectors:
            return _transpose(context, vectors, shape, order)

    return through_bytes(context, context.value(source), move)


def _place(
    context: Context, vectors: Vectors, before: StaticShape, after: StaticShape, elements: list[int]
) -> Vectors:
    """Return the vectors of a tile whose elements, in order, are those elements of another."""
    origins = _origins(before, context.lanes)
    columns = after[-1] if after else 1
    results = []
    for row, piece in places_of(after, context.lanes):
        start = row * columns + piece.start
        wanted = [origins[element] for element in elements[start : start + piece.width]]
        results.append(assemble(context, vectors, wanted))
    return results


def _origins(shape: StaticShape, lanes: int) -> list[Origin]:
    """Return vector and lane of each element of a tile in row-major order."""
    rows = math.prod(shape[:-1])
    pieces = pieces_of(shape, lanes)
    return [
        (row * len(pieces) + number, lane)
        for row in range(rows)
        for number, piece in enumerate(pieces)
        for lane in range(piece.width)
    ]


def _transpose(
    context: Context, vectors: Vectors, shape: StaticShape, order: tuple[int, ...]
) -> Vectors:
    """Permute a tile so that another axis comes last: matrices of that axis and the last."""
    last, axis = len(shape) - 1, order[-1]
    pieces = pieces_of(shape, context.lanes)
    new_pieces = pieces_of((shape[axis],), context.lanes)
    rows = numpy.arange(math.prod(shape[:-1])).reshape(shape[:-1])
    found: dict[tuple[tuple[int, ...], int], Node] = {}
    others = [range(size) if i not in (axis, last) else range(1) for i, size in enumerate(shape)]
    for position in itertools.product(*others):
        for number, piece in enumerate(pieces):
            for new_number, new_piece in enumerate(new_pieces):
                block = []
                for i in range(new_piece.start, new_piece.start + new_piece.width):
                    row = int(rows[(*position[:axis], i, *position[axis + 1 : last])])
                    block.append(vectors[row * len(pieces) + number])
                for i, column in enumerate(transpose(context, block, piece.width)):
                    place = (*position[:last], piece.start + i)
                    found[place, new_number] = column
    result_rows = itertools.product(*(range(shape[i]) for i in order[:-1]))
    results: Vectors = []
    for result_row in result_rows:
        place = [0] * len(shape)
        for i, coordinate in zip(order[:-1], result_row, strict=True):
            place[i] = coordinate
        results += [found[tuple(place), number] for number in range(len(new_pieces))]
    return results

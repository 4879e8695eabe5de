"""expand, reshape and permute: whole vectors where possible, else lanes through shuffles."""

from __future__ import annotations

import numpy

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.index import is_index
from tilegrad.codegen.layout import StaticShape, pieces_of, static_shape
from tilegrad.codegen.spread import materialise_index, places_of
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import linear, movement
from tilegrad.ops.linear import LaneAttributes, ShuffleAttributes

Origin = tuple[int, int]
"""Number of a vector of the source, and a lane of it."""


def lower_expand(context: Context, node: Node) -> Vectors:
    """Lower expand: vectors repeated, scalars splat."""
    if is_index(node) and node not in context.forms.find(node).tiles:
        return materialise_index(context, node, static_shape(node))
    return context.broadcast(node.sources[0], static_shape(node))


def lower_rearrangement(context: Context, node: Node) -> Vectors:
    """Lower reshape and permute."""
    if is_index(node) and node not in context.forms.find(node).tiles:
        return materialise_index(context, node, static_shape(node))
    (source,) = node.sources
    shape = static_shape(source)
    elements = numpy.arange(_size(shape)).reshape(shape)
    if node.op is movement.permute:
        elements = elements.transpose(attributes_of(node, movement.PermuteAttributes).order)
    elements = elements.reshape(-1)
    origins = _origins(shape, context.lanes)
    vectors = context.value(source)
    results = []
    columns = static_shape(node)[-1] if node.shape else 1
    for row, piece in places_of(static_shape(node), context.lanes):
        start = row * columns + piece.start
        wanted = [origins[element] for element in elements[start : start + piece.width]]
        results.append(_assemble(context, vectors, wanted))
    return results


def _size(shape: StaticShape) -> int:
    return int(numpy.prod(shape, dtype=numpy.int64))


def _origins(shape: StaticShape, lanes: int) -> list[Origin]:
    """Return vector and lane of each element of a tile in row-major order."""
    rows = _size(shape[:-1])
    pieces = pieces_of(shape, lanes)
    return [
        (row * len(pieces) + number, lane)
        for row in range(rows)
        for number, piece in enumerate(pieces)
        for lane in range(piece.width)
    ]


def _assemble(context: Context, vectors: Vectors, wanted: list[Origin]) -> Node:
    """Return the vector of the wanted lanes."""
    put = context.emitter.put
    if len(wanted) == 1:
        ((number, lane),) = wanted
        vector = vectors[number]
        return put(linear.extract, (vector,), LaneAttributes(lane)) if vector.shape else vector
    numbers = list(dict.fromkeys(number for number, _ in wanted))
    is_whole = len(numbers) == 1 and linear.lanes_of(vectors[numbers[0]]) == len(wanted)
    if is_whole and [lane for _, lane in wanted] == list(range(len(wanted))):
        return vectors[numbers[0]]
    parts = [_spread_lanes(context, vectors, number, wanted) for number in numbers]
    return _merge(context, parts, numbers, wanted)


def _spread_lanes(context: Context, vectors: Vectors, number: int, wanted: list[Origin]) -> Node:
    """Return one source's lanes at their places in the result; other lanes are arbitrary."""
    vector = vectors[number]
    if not vector.shape:
        return context.emitter.splat(vector, len(wanted))
    lanes = tuple(lane if origin == number else 0 for origin, lane in wanted)
    return context.emitter.put(linear.shuffle, (vector, vector), ShuffleAttributes(lanes))


def _merge(context: Context, parts: list[Node], numbers: list[int], wanted: list[Origin]) -> Node:
    """Merge vectors in pairs, each lane from the part that holds it."""
    owners = [numbers.index(number) for number, _ in wanted]
    width = len(wanted)
    while len(parts) > 1:
        merged = []
        for first in range(0, len(parts) - 1, 2):
            pick = (lane + width * (owner == first + 1) for lane, owner in enumerate(owners))
            sources = (parts[first], parts[first + 1])
            merged.append(
                context.emitter.put(linear.shuffle, sources, ShuffleAttributes(tuple(pick)))
            )
        parts = merged + parts[len(merged) * 2 :]
        owners = [owner // 2 for owner in owners]
    return parts[0]

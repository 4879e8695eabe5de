"""How an index tile spreads over the vectors of a layout: a scalar base and a pattern of lanes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy

from tilegrad.codegen.context import Context
from tilegrad.codegen.index import Array, IndexForm
from tilegrad.codegen.layout import Piece, StaticShape, count_rows, pieces_of
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import arithmetic, linear
from tilegrad.ops.affine import as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.leaves import ConstantAttributes, constant_op, value_of

_INT32 = 1 << 31

Rows = list[list[int]]


class Term(NamedTuple):
    """An atom of an index with its multipliers.

    Attributes:
        atom: a scalar index, or an index tile that is known only when the program runs.
        multiplier: the multiplier of every element, None if they differ.
        rows: the multipliers, row by row, if they differ.
        varies: whether they differ within a row.
    """

    atom: Node
    multiplier: int | None
    rows: Rows
    varies: bool

    def at(self, row: int, piece: Piece) -> list[int]:
        """Return the multipliers of one vector."""
        if self.multiplier is not None:
            return [self.multiplier] * piece.width
        return self.rows[row][piece.start : piece.start + piece.width]


@dataclass(frozen=True, slots=True)
class Spread:
    """An index tile over (rows, columns): static + Σ scalar terms + Σ tile terms.

    Attributes:
        static: integers, row by row.
        scalars: terms of scalar atoms.
        tiles: terms of atoms that are tiles, with the vectors of each.
        stride: step of the static part along every row, None if it is not the same everywhere.
        places: the (row, piece) of each vector.
        is_uniform: whether every element has the same scalar terms.
        has_fixed_lanes: whether the differences between the lanes of a vector are known when
            compiling.
    """

    static: Rows
    scalars: list[Term]
    tiles: list[tuple[Term, list[Node]]]
    stride: int | None
    places: list[tuple[int, Piece]]
    is_uniform: bool
    has_fixed_lanes: bool

    def values(self, row: int, piece: Piece) -> list[int]:
        """Return the static part of one vector."""
        return self.static[row][piece.start : piece.start + piece.width]

    def lanes(self, row: int, piece: Piece) -> list[int]:
        """Return the static part of one vector, relative to its first lane."""
        values = self.values(row, piece)
        first = values[0]
        return [value - first for value in values] if first else values

    def base_terms(self, row: int, piece: Piece) -> dict[Node, int]:
        """Return the scalar atoms of a vector's first lane with their multipliers."""
        found = {}
        for term in self.scalars:
            multiplier = term.multiplier
            if multiplier is None:
                multiplier = term.rows[row][piece.start]
            if multiplier:
                found[term.atom] = multiplier
        return found


def spread_index(context: Context, node: Node, shape: StaticShape) -> Spread:
    """Return how an index tile, broadcast to ``shape``, spreads over vectors."""
    key = (node, shape)
    found = context.spreads.get(key)
    if found is None:
        found = spread_form(context, context.forms.find(node), shape)
        if not found.tiles:
            context.spreads[key] = found
    return found


def spread_form(context: Context, form: IndexForm, shape: StaticShape) -> Spread:
    """Return how the form of an index tile, broadcast to ``shape``, spreads over vectors."""
    static = _as_matrix(form.static, shape)
    scalars = [_make_term(atom, array, shape) for atom, array in form.scalars.items()]
    tiles = [
        (_make_term(atom, array, shape), context.broadcast(atom, shape))
        for atom, array in form.tiles.items()
    ]
    return Spread(
        static.tolist(),
        scalars,
        tiles,
        _find_stride(static),
        places_of(shape, context.lanes),
        is_uniform=all(term.multiplier is not None for term in scalars),
        has_fixed_lanes=not tiles and not any(term.varies for term in scalars),
    )


def places_of(shape: StaticShape, lanes: int) -> list[tuple[int, Piece]]:
    """Return the row and piece of each vector of a tile."""
    pieces = pieces_of(shape, lanes)
    return [(row, piece) for row in range(count_rows(shape)) for piece in pieces]


def _as_matrix(array: Array, shape: StaticShape) -> Array:
    columns = shape[-1] if shape else 1
    if array.shape != shape:
        array = numpy.broadcast_to(array, shape)
    return array.reshape(count_rows(shape), columns)


def _make_term(atom: Node, array: Array, shape: StaticShape) -> Term:
    if array.size == 1:
        return Term(atom, int(array.flat[0]), [], False)
    matrix = _as_matrix(array, shape)
    varies = bool((matrix != matrix[:, :1]).any())
    if not varies and bool((matrix == matrix[0, 0]).all()):
        return Term(atom, int(matrix[0, 0]), [], False)
    return Term(atom, None, matrix.tolist(), varies)


def _find_stride(static: Array) -> int | None:
    if static.shape[1] == 1:
        return 0
    first = int(static[0, 1] - static[0, 0])
    return first if (static[:, 1:] - static[:, :-1] == first).all() else None


def stride_of(lanes: list[int]) -> int | None:
    """Return the constant step from lane to lane, or None; the first of ``lanes`` is 0."""
    if len(lanes) == 1:
        return 0
    step = lanes[1]
    return step if all(lane == step * i for i, lane in enumerate(lanes)) else None


def resolve_terms(
    context: Context, terms: dict[Node, int], constant: int
) -> tuple[list[tuple[Node, int]], int]:
    """Return the instructions of atoms with their multipliers, and the sum of the known rest."""
    parts = []
    for atom, multiplier in terms.items():
        value = context.scalar(atom)
        if value.op is constant_op:
            constant += int(value_of(value)) * multiplier
        else:
            parts.append((value, multiplier))
    depth_of = context.emitter.depth_of
    parts.sort(key=lambda part: depth_of.get(part[0], 0))
    return parts, constant


def sum_terms(context: Context, terms: dict[Node, int], constant: int = 0) -> Node:
    """Return the scalar constant + Σ multiplier · atom, outer loops' atoms first."""
    emitter = context.emitter
    parts, constant = resolve_terms(context, terms, constant)
    total: Node | None = None
    for value, multiplier in parts:
        scaled = emitter.scale(value, multiplier)
        total = scaled if total is None else emitter.add(total, scaled)
    if total is None:
        return as_node(constant)
    return emitter.add(total, as_node(constant)) if constant else total


def index_dtype(node: Node) -> DType:
    """Return the dtype in which an index tile is held in vectors."""
    low, high = bounds(node)
    return dtypes.int32 if low >= -_INT32 and high < _INT32 else dtypes.int64


def constant_lanes(values: list[int], dtype: DType) -> Node:
    """Return a constant vector (a scalar for one lane) of an integer dtype."""
    mask = (1 << dtype.bits) - 1
    bits = tuple([value & mask for value in values])
    if len(bits) > 1:
        return linear.make_vector(dtype, bits)
    return constant_op(attributes=ConstantAttributes(dtype, bits[0]))


def lane_offsets(context: Context, spread: Spread, number: int, dtype: DType) -> Node | None:
    """Return all lanes of a vector of an index tile relative to its scalar base, None for zeros.

    The base is the sum of ``base_terms`` and of the first lane of the static part.
    """
    emitter = context.emitter
    row, piece = spread.places[number]
    parts = []
    lanes = spread.lanes(row, piece)
    if any(lanes):
        parts.append(constant_lanes(lanes, dtype))
    for term in spread.scalars:
        if not term.varies:
            continue
        factors = term.at(row, piece)
        scalar = emitter.cast(context.scalar(term.atom), dtype)
        factor = constant_lanes([value - factors[0] for value in factors], dtype)
        parts.append(emitter.put(arithmetic.multiply, (emitter.splat(scalar, piece.width), factor)))
    for term, vectors in spread.tiles:
        part = emitter.cast(vectors[number], dtype)
        if term.multiplier != 1:
            factor = constant_lanes(term.at(row, piece), dtype)
            part = emitter.put(arithmetic.multiply, (part, factor))
        parts.append(part)
    if not parts:
        return None
    return functools.reduce(lambda one, other: emitter.put(arithmetic.add, (one, other)), parts)


def offsets_dtype(spread: Spread) -> DType:
    """Return the integer dtype that holds every relative offset."""
    if any(term.varies for term in spread.scalars):
        return dtypes.int64
    extent: float = 0
    for row in spread.static:
        extent = max(extent, max(row) - min(row))
    for term, _ in spread.tiles:
        low, high = bounds(term.atom)
        rows = term.rows if term.multiplier is None else [[term.multiplier]]
        factor = max(abs(value) for row in rows for value in row)
        extent += max(abs(low), abs(high)) * factor
    return dtypes.int32 if extent < _INT32 else dtypes.int64


def materialise_index(context: Context, node: Node, shape: StaticShape) -> list[Node]:
    """Return an index tile as vectors of its ``index_dtype``."""
    emitter = context.emitter
    dtype = index_dtype(node)
    spread = spread_index(context, node, shape)
    vectors = []
    for number, (row, piece) in enumerate(spread.places):
        first = spread.static[row][piece.start]
        base = emitter.cast(sum_terms(context, spread.base_terms(row, piece), first), dtype)
        base = emitter.splat(base, piece.width)
        lanes = lane_offsets(context, spread, number, dtype)
        if lanes is None:
            vectors.append(base)
        elif is_zero(base):
            vectors.append(lanes)
        else:
            vectors.append(emitter.put(arithmetic.add, (base, lanes)))
    return vectors


def is_zero(node: Node) -> bool:
    """Whether a vector or scalar is the constant 0."""
    if node.op is linear.vector:
        return not any(attributes_of(node, linear.VectorAttributes).bits)
    return node.op is constant_op and not attributes_of(node, ConstantAttributes).bits

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
from tilegrad.ops import arithmetic, linear
from tilegrad.ops.affine import as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.leaves import ConstantAttributes, constant_op

_INT32 = 1 << 31


class Term(NamedTuple):
    """An atom of an index times multipliers, an array of rows by columns.

    ``is_uniform`` says whether all multipliers are equal, ``varies`` whether they differ in a row.
    """

    atom: Node
    multipliers: Array
    is_uniform: bool
    varies: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """An index tile over (rows, columns): static + Σ scalar terms + Σ tile terms.

    Attributes:
        static: integers, rows by columns.
        scalars: terms of scalar atoms.
        tiles: terms of atoms that are tiles, with the vectors of each.
        stride: step of the static part along every row, None if it is not the same everywhere.
        places: the (row, piece) of each vector.
    """

    static: Array
    scalars: list[Term]
    tiles: list[tuple[Term, list[Node]]]
    stride: int | None
    places: list[tuple[int, Piece]]

    @property
    def is_uniform(self) -> bool:
        """Whether every element has the same scalar terms."""
        return all(term.is_uniform for term in self.scalars)

    @property
    def has_fixed_lanes(self) -> bool:
        """Whether the differences between the lanes of a vector are known when compiling."""
        return not self.tiles and not any(term.varies for term in self.scalars)

    def lanes(self, row: int, piece: Piece) -> Array:
        """Return the static part of one vector, relative to its first lane."""
        values = self.static[row, piece.start : piece.start + piece.width]
        return values - values[0]

    def base_terms(self, row: int, piece: Piece) -> dict[Node, int]:
        """Return the scalar atoms of a vector's first lane with their multipliers."""
        return {
            term.atom: multiplier
            for term in self.scalars
            if (multiplier := int(term.multipliers[row, piece.start]))
        }


def spread_index(context: Context, node: Node, shape: StaticShape) -> Spread:
    """Return how an index tile, broadcast to ``shape``, spreads over vectors."""
    return spread_form(context, context.forms.find(node), shape)


def spread_form(context: Context, form: IndexForm, shape: StaticShape) -> Spread:
    """Return how the form of an index tile, broadcast to ``shape``, spreads over vectors."""
    static = _as_matrix(form.static, shape)
    scalars = [_make_term(atom, array, shape) for atom, array in form.scalars.items()]
    tiles = [
        (_make_term(atom, array, shape), context.broadcast(atom, shape))
        for atom, array in form.tiles.items()
    ]
    return Spread(static, scalars, tiles, _find_stride(static), places_of(shape, context.lanes))


def places_of(shape: StaticShape, lanes: int) -> list[tuple[int, Piece]]:
    """Return the row and piece of each vector of a tile."""
    pieces = pieces_of(shape, lanes)
    return [(row, piece) for row in range(count_rows(shape)) for piece in pieces]


def _as_matrix(array: Array, shape: StaticShape) -> Array:
    columns = shape[-1] if shape else 1
    return numpy.broadcast_to(array, shape).reshape(count_rows(shape), columns)


def _make_term(atom: Node, array: Array, shape: StaticShape) -> Term:
    matrix = _as_matrix(array, shape)
    if array.size == 1:
        return Term(atom, matrix, True, False)
    varies = bool((matrix != matrix[:, :1]).any())
    return Term(atom, matrix, bool((matrix == matrix[0, 0]).all()), varies)


def _find_stride(static: Array) -> int | None:
    if static.shape[1] == 1:
        return 0
    steps = static[:, 1:] - static[:, :-1]
    first = int(steps[0, 0])
    return first if (steps == first).all() else None


def stride_of(lanes: Array) -> int | None:
    """Return the constant step from lane to lane, or None."""
    if len(lanes) == 1:
        return 0
    steps = numpy.diff(lanes)
    first = int(steps[0])
    return first if (steps == first).all() else None


def sum_terms(context: Context, terms: dict[Node, int], constant: int = 0) -> Node:
    """Return the scalar constant + Σ multiplier · atom, outer loops' atoms first."""
    emitter = context.emitter
    parts = [(context.scalar(atom), multiplier) for atom, multiplier in terms.items()]
    parts.sort(key=lambda part: emitter.depth_of.get(part[0], 0))
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


def constant_lanes(values: Array, dtype: DType) -> Node:
    """Return a constant vector (a scalar for one lane) of an integer dtype."""
    mask = (1 << dtype.bits) - 1
    bits = [int(value) & mask for value in values]
    vector = linear.make_vector(dtype, bits)
    return vector if len(bits) > 1 else constant_op(attributes=ConstantAttributes(dtype, bits[0]))


def lane_offsets(context: Context, spread: Spread, number: int, dtype: DType) -> Node:
    """Return all lanes of a vector of an index tile relative to its scalar base.

    The base is the sum of ``base_terms`` and of the first lane of the static part.
    """
    emitter = context.emitter
    row, piece = spread.places[number]
    columns = slice(piece.start, piece.start + piece.width)
    parts = []
    lanes = spread.lanes(row, piece)
    if lanes.any():
        parts.append(constant_lanes(lanes, dtype))
    for term in spread.scalars:
        if not term.varies:
            continue
        factors = term.multipliers[row, columns]
        scalar = emitter.cast(context.scalar(term.atom), dtype)
        factor = constant_lanes(factors - factors[0], dtype)
        parts.append(emitter.put(arithmetic.multiply, (emitter.splat(scalar, piece.width), factor)))
    for term, vectors in spread.tiles:
        part = emitter.cast(vectors[number], dtype)
        factors = term.multipliers[row, columns]
        if (factors != 1).any():
            part = emitter.put(arithmetic.multiply, (part, constant_lanes(factors, dtype)))
        parts.append(part)
    if not parts:
        return constant_lanes(lanes, dtype)
    return functools.reduce(lambda one, other: emitter.put(arithmetic.add, (one, other)), parts)


def offsets_dtype(spread: Spread) -> DType:
    """Return the integer dtype that holds every relative offset."""
    if any(term.varies for term in spread.scalars):
        return dtypes.int64
    extent = float(numpy.ptp(spread.static))
    for term, _ in spread.tiles:
        low, high = bounds(term.atom)
        factor = float(numpy.abs(term.multipliers).max())
        extent += max(abs(low), abs(high)) * factor
    return dtypes.int32 if extent < _INT32 else dtypes.int64


def materialise_index(context: Context, node: Node, shape: StaticShape) -> list[Node]:
    """Return an index tile as vectors of its ``index_dtype``."""
    emitter = context.emitter
    dtype = index_dtype(node)
    spread = spread_index(context, node, shape)
    vectors = []
    for number, (row, piece) in enumerate(spread.places):
        first = int(spread.static[row, piece.start])
        base = emitter.cast(sum_terms(context, spread.base_terms(row, piece), first), dtype)
        if piece.width == 1 and not spread.tiles:
            vectors.append(base)
            continue
        lanes = lane_offsets(context, spread, number, dtype)
        vectors.append(emitter.put(arithmetic.add, (emitter.splat(base, piece.width), lanes)))
    return vectors

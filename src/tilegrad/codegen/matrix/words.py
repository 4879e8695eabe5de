"""Operands of matrix products as words of 32 bits, read from memory as they are where possible."""

from __future__ import annotations

import itertools
from typing import Self

import numpy

from tilegrad.codegen.access import order_depth
from tilegrad.codegen.context import Context
from tilegrad.codegen.index import Array, IndexForm
from tilegrad.codegen.lanes import Origin, assemble
from tilegrad.codegen.layout import Piece, cut_axis, pieces_of, static_shape
from tilegrad.codegen.matrix.registers import LARGEST_VECTOR, matrix_of
from tilegrad.codegen.movement import trace_movement
from tilegrad.codegen.spread import Spread, resolve_terms, spread_form, sum_terms
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import linear, matrix, memory
from tilegrad.ops.affine import as_node
from tilegrad.ops.linear import AddressAttributes, LaneAttributes, ReadAttributes
from tilegrad.ops.matrix import MatrixAttributes, ReinterpretAttributes


class Words:
    """A matrix of words.

    Args:
        context: the state of lowering.
        root: the tile that the elements come from.
        places: the number of each element in that tile, an array (rows, columns, group).
    """

    def __init__(self, context: Context, root: Node, places: Array) -> None:
        self._context = context
        self._root = root
        self._places = places
        self.rows, self.columns, self._group = places.shape
        self._spread = self._find_spread()
        self._depth: int | None = None
        self._scalars: dict[tuple[int, int], Node] = {}
        if self._spread is not None:
            # Memory that the program writes is read after the effect that the load names.
            if attributes_of(root, memory.LoadAttributes).has_after:
                context.value(root.sources[-1])
            self._depth = order_depth(context, root)

    @classmethod
    def left(cls, context: Context, node: Node, group: int) -> Self:
        """Return the words of a[M, K]: word (m, k) is a[m, group·k], a[m, group·k + 1], ..."""
        root, places = trace_movement(node)
        rows, depth = static_shape(node)
        return cls(context, root, places.reshape(rows, depth // group, group))

    @classmethod
    def right(cls, context: Context, node: Node, group: int) -> Self:
        """Return the words of b[K, N]: word (k, n) is b[group·k, n], b[group·k + 1, n], ..."""
        root, places = trace_movement(node)
        depth, columns = static_shape(node)
        split = places.reshape(depth // group, group, columns)
        return cls(context, root, split.transpose(0, 2, 1))

    def _find_spread(self) -> Spread | None:
        """Return how the first elements of all words lie in memory, None unless words do."""
        root = self._root
        if root.op is not memory.load or attributes_of(root, memory.LoadAttributes).has_mask:
            return None
        form = self._context.forms.find(root.sources[1])
        if form.tiles:
            return None
        shape = static_shape(root)
        static = _pick(form.static, shape, self._places)
        scalars = {atom: _pick(array, shape, self._places) for atom, array in form.scalars.items()}
        if (numpy.diff(static, axis=2) != 1).any():
            return None
        if any(numpy.diff(array, axis=2).any() for array in scalars.values()):
            return None
        first = IndexForm(static[..., 0], {a: x[..., 0] for a, x in scalars.items()}, {})
        return spread_form(self._context, first, (self.rows, self.columns))

    def _is_consecutive(self, row: int, start: int, count: int) -> bool:
        """Whether words of a row follow each other in memory."""
        spread = self._spread
        if spread is None or any(term.varies for term in spread.scalars):
            return False
        found = spread.static[row][start : start + count]
        return found == list(range(found[0], found[0] + count * self._group, self._group))

    def _address(self, row: int, column: int) -> Node:
        spread, context = self._spread, self._context
        if spread is None:
            raise ValueError("the words are not in memory")
        pointer = self._root.sources[0]
        size = pointer.dtype.itemsize
        offset = sum_terms(context, spread.base_terms(row, Piece(column, 1)))
        address = context.emitter.put(
            linear.address, (context.scalar(pointer), offset), AddressAttributes(size, 0)
        )
        return context.emitter.offset_address(address, spread.static[row][column] * size)

    def _read(self, row: int, piece: Piece) -> Node:
        count, itemsize = piece.width * self._group, self._root.dtype.itemsize
        ahead = attributes_of(self._root, memory.LoadAttributes).ahead * itemsize
        is_line = count * itemsize >= linear.LINE_BYTES
        attributes = ReadAttributes(self._root.dtype, count, 0, ahead if is_line else 0)
        address = self._address(row, piece.start)
        read = self._context.emitter.put_below(self._depth, linear.read, (address,), attributes)
        return self._as_words(read, piece.width)

    def _as_words(self, vector: Node, width: int) -> Node:
        attributes = ReinterpretAttributes(dtypes.uint32, width if width > 1 else 0)
        return self._context.emitter.put(matrix.reinterpret, (vector,), attributes)

    def vector(self, row: int, piece: Piece) -> Node:
        """Return consecutive words of a row (a scalar if it is only one)."""
        if self._is_consecutive(row, *piece):
            return self._read(row, piece)
        context = self._context
        vectors, shape = context.value(self._root), static_shape(self._root)
        places = self._places[row, piece.start : piece.start + piece.width].reshape(-1)
        wanted = [_locate(int(place), shape, context.lanes) for place in places]
        return self._as_words(assemble(context, vectors, wanted), piece.width)

    def scalar(self, row: int, column: int) -> Node:
        """Return one word."""
        if self._spread is not None:
            return self._read(row, Piece(column, 1))
        if (row, column) not in self._scalars:
            put = self._context.emitter.put
            for piece in cut_axis(self.columns, LARGEST_VECTOR):
                words = self.vector(row, piece)
                for lane in range(piece.width):
                    is_one = piece.width == 1
                    word = words if is_one else put(linear.extract, (words,), LaneAttributes(lane))
                    self._scalars[row, piece.start + lane] = word
        return self._scalars[row, column]

    def matrix(self, rows: Piece, columns: Piece) -> Node:
        """Return a part of the words in a tile register."""
        step = self._find_step(rows, columns)
        attributes = MatrixAttributes(dtypes.uint32, rows.width, columns.width)
        if step is None:
            vectors = [
                [
                    self.vector(row, Piece(columns.start + piece.start, piece.width))
                    for piece in cut_axis(columns.width, LARGEST_VECTOR)
                ]
                for row in range(rows.start, rows.start + rows.width)
            ]
            return matrix_of(self._context, vectors, attributes)
        sources = (self._address(rows.start, columns.start), step)
        put = self._context.emitter.put_below
        return put(self._depth, matrix.read_matrix, sources, attributes)

    def _find_step(self, rows: Piece, columns: Piece) -> Node | None:
        """Return the bytes from row to row, None if there is no such number."""
        span = range(rows.start, rows.start + rows.width)
        if not all(self._is_consecutive(row, *columns) for row in span):
            return None
        if rows.width == 1:
            return as_node(columns.width * matrix.WORD_BYTES)
        spread = self._spread
        if spread is None:
            return None
        column = columns.start
        steps = {spread.static[row + 1][column] - spread.static[row][column] for row in span[:-1]}
        terms: dict[Node, int] = {}
        for term in spread.scalars:
            factors = [term.at(row, Piece(column, 1))[0] for row in span]
            differences = {after - before for before, after in itertools.pairwise(factors)}
            if len(differences) != 1:
                return None
            terms[term.atom] = differences.pop()
        if len(steps) != 1:
            return None
        terms = {atom: factor for atom, factor in terms.items() if factor}
        size = self._root.dtype.itemsize
        parts, known = resolve_terms(self._context, terms, steps.pop())
        if not parts:
            return as_node(known * size)
        return self._context.emitter.scale(sum_terms(self._context, terms, known), size)


def _pick(array: Array, shape: tuple[int, ...], places: Array) -> Array:
    return numpy.broadcast_to(array, shape).reshape(-1)[places]


def _locate(place: int, shape: tuple[int, ...], lanes: int) -> Origin:
    """Return vector and lane of an element of a tile."""
    pieces = pieces_of(shape, lanes)
    row, column = divmod(place, shape[-1])
    number = min(column // lanes, len(pieces) - 1)
    while not pieces[number].start <= column < pieces[number].start + pieces[number].width:
        number += 1 if column >= pieces[number].start else -1
    return row * len(pieces) + number, column - pieces[number].start

"""The tile program of a stream: a block of rows for each instance, in steps of a tile.

An instance keeps the factors of its rows and the totals so far in memory of its own. For every tile
of steps it computes the products (register tiles, the step's factor laid out so that steps are
neighbours), then walks the rows: elementwise work, maxima and sums along the tile; and then adds
the products with the columns to their totals, rescaled where the maximum has grown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import comparison, exponential, kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.arithmetic import maximum
from tilegrad.ops.build import Builder, full, lanes
from tilegrad.ops.build import combine as combine_lanes
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import reshape_to
from tilegrad.ops.program import Program, Slot
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.facts import constant_extent, find_free
from tilegrad.tile.lower import combine, identity_of
from tilegrad.tile.reach import find_limits, range_of
from tilegrad.tile.stream import Product, Stream, Total
from tilegrad.tile.target import TileTarget

ROWS = 48
"""Rows of an instance."""
STEPS = 128
"""Steps of a tile."""
SQUARE = 16
"""Side of the tiles in which factors are laid out anew."""


class Sizes(NamedTuple):
    """Sizes of the tiles of one stream.

    Attributes:
        rows: of an instance.
        steps: of a tile of the matrix.
        lanes: elements of a vector.
        block: rows and vectors of the register tile of a product.
        update: the same of the register tile of a total with columns.
    """

    rows: int
    steps: int
    lanes: int
    block: tuple[int, int]
    update: tuple[int, int]


def choose_sizes(stream: Stream, target: TileTarget) -> Sizes:
    """Return sizes that fit the registers and the extents."""
    width = target.vector_bytes // stream.dtype.itemsize
    rows = min(ROWS, constant_extent(stream.rows) or ROWS)
    steps = min(STEPS, constant_extent(stream.steps) or STEPS)
    block = (12, 2) if target.registers >= 32 else (6, 2)
    extent = 1 if stream.columns is None else constant_extent(stream.columns) or width
    vectors = min(4 if target.registers >= 32 else 2, math.ceil(extent / width))
    update = max(1, (block[0] * block[1]) // vectors)
    return Sizes(rows, steps, width, block, (update, vectors))


@dataclass(eq=False, slots=True)
class _Held:
    """Scratch memory of an instance.

    Attributes:
        rows: for each product, the rows' factor, [rows, length].
        panels: for each product, the steps' factor, [length, steps].
        matrices: for each product and each total with columns, a tile, [rows, steps].
        totals: for each total, [rows] or [rows, columns].
        sums: for each total without columns, that of this tile, [rows].
        exponents: for each exponent, a tile, [rows, steps].
        maxima: for each exponent, the greatest so far, [rows].
        shifts: for each exponent, what is subtracted from it, [rows].
        scales: for each exponent, by what totals so far are rescaled in this tile, [rows].
        parts: the maxima of this tile, [rows].
    """

    parts: Node

    rows: dict[Product, Node] = field(default_factory=dict)
    panels: dict[Product, Node] = field(default_factory=dict)
    matrices: dict[Node, Node] = field(default_factory=dict)
    totals: dict[Node, Node] = field(default_factory=dict)
    sums: dict[Node, Node] = field(default_factory=dict)
    exponents: dict[Node, Node] = field(default_factory=dict)
    maxima: dict[Node, Node] = field(default_factory=dict)
    shifts: dict[Node, Node] = field(default_factory=dict)
    scales: dict[Node, Node] = field(default_factory=dict)


def derive_stream(
    stream: Stream, slots: Sequence[Slot], target: TileTarget, name: str
) -> Program | None:
    """Return the program of a stream, or None if its sizes do not allow it."""
    lengths = [constant_extent(product.axis) for product in stream.products]
    columns = 1 if stream.columns is None else constant_extent(stream.columns)
    if columns is None or None in lengths:
        return None
    return _Writer(stream, choose_sizes(stream, target), columns).write(slots, name)


class _Writer:
    def __init__(self, stream: Stream, sizes: Sizes, columns: int) -> None:
        self.stream = stream
        self.sizes = sizes
        self.columns = columns
        self.places: dict[Node, Node] = {}
        exponents = {total.exponent for total in stream.totals}
        self.maxima = {
            total
            for total in stream.totals
            if total.kind == "maximum" and total.weight in exponents
        }
        self.totals = [total for total in stream.totals if total not in self.maxima]

    def write(self, slots: Sequence[Slot], name: str) -> Program:
        """Return the program."""
        self.build = build = Builder(name)
        stream, sizes = self.stream, self.sizes
        build.declare(slots)
        for axis in stream.others:
            self.places[axis] = build.instance(kernel.extent_of(axis))
        extent = kernel.extent_of(stream.rows)
        blocks = symbolic.floor_divide(symbolic.add(extent, sizes.rows - 1), sizes.rows)
        self.first = symbolic.multiply(build.instance(blocks), sizes.rows)
        self.count = symbolic.minimum(sizes.rows, symbolic.subtract(extent, self.first))
        self._hold()
        self._begin()
        self._walk_steps()
        self._end()
        return build.program()

    # --- memory of the instance ---

    def _hold(self) -> None:
        build, stream, sizes = self.build, self.stream, self.sizes
        self.held = held = _Held(build.scratch(stream.dtype, sizes.rows))
        for product in stream.products:
            length = _length(product)
            held.rows[product] = build.scratch(stream.dtype, sizes.rows * length)
            held.panels[product] = build.scratch(stream.dtype, sizes.steps * length)
            held.matrices[product.node] = build.scratch(stream.dtype, sizes.rows * sizes.steps)
        for total in self.totals:
            width = 1 if total.columns is None else self.columns
            held.totals[total.node] = build.scratch(stream.dtype, sizes.rows * width)
            if total.columns is not None:
                size = sizes.rows * sizes.steps
                held.matrices[total.node] = build.scratch(stream.dtype, size)
            else:
                held.sums[total.node] = build.scratch(stream.dtype, sizes.rows)
            exponent = total.exponent
            if exponent is not None and exponent not in held.maxima:
                held.exponents[exponent] = build.scratch(stream.dtype, sizes.rows * sizes.steps)
                for one in (held.maxima, held.shifts, held.scales):
                    one[exponent] = build.scratch(stream.dtype, sizes.rows)

    def _begin(self) -> None:
        """Lay out the rows' factors and set the totals to what changes nothing."""
        stream, sizes = self.stream, self.sizes
        for exponent in self.held.maxima:
            self._fill(self.held.maxima[exponent], sizes.rows, -math.inf)
        for total in self.totals:
            size = sizes.rows * (1 if total.columns is None else self.columns)
            start = 0.0 if total.kind == "add" else float(identity_of(total.kind, stream.dtype))
            self._fill(self.held.totals[total.node], size, start)
        for product in stream.products:
            length = _length(product)
            with self.build.loop(0, self.count) as loop:
                for start, size in _pieces(length, 4 * sizes.lanes):
                    place = symbolic.add(start, lanes(size))
                    value = self._value(
                        product.row, {stream.rows: self._row(loop.index), product.axis: place}
                    )
                    offset = symbolic.add(symbolic.multiply(loop.index, length), place)
                    self.build.store(self.held.rows[product], offset, value)

    def _fill(self, pointer: Node, size: int, value: float) -> None:
        width = 4 * self.sizes.lanes
        full_size = size - size % width
        filled = constant(value, self.stream.dtype)
        if full_size:
            with self.build.loop(0, full_size, width) as loop:
                tile_ = full((width,), value, self.stream.dtype)
                self.build.store(pointer, loop.index + lanes(width), tile_)
        if size > full_size:
            rest = size - full_size
            tile_ = full((rest,), value, self.stream.dtype) if rest > 1 else filled
            offset = symbolic.add(full_size, lanes(rest)) if rest > 1 else full_size
            self.build.store(pointer, offset, tile_)

    def _row(self, index: Index) -> Node:
        return as_node(symbolic.add(self.first, index))

    def _value(self, expression: Node, places: Mapping[Node, Index]) -> Node:
        """Return an expression with positions or tiles for its axes and reductions."""
        mapping = self.places | {node: as_node(place) for node, place in places.items()}
        (result,) = substitute([expression], mapping)
        return result

    # --- the walk along the steps ---

    def _walk_steps(self) -> None:
        """Visit the steps that count, in whole tiles and a rest at the end."""
        size, extent = self.sizes.steps, kernel.extent_of(self.stream.steps)
        limits = find_limits(self.stream)
        start, stop = range_of(limits, self.stream, self.first, self.count)
        start, stop = (as_index(self._value(as_node(bound), {})) for bound in (start, stop))
        start = symbolic.multiply(symbolic.floor_divide(start, size), size)
        whole = symbolic.multiply(symbolic.floor_divide(extent, size), size)
        with self.build.loop(start, symbolic.minimum(whole, stop), size) as loop:
            self._step(loop.index, size, None)
        if isinstance(extent, int) and extent % size == 0:
            return
        with self.build.loop(symbolic.maximum(start, whole), stop, size) as loop:
            if isinstance(extent, int):
                self._step(loop.index, extent % size, None)
            else:
                self._step(loop.index, size, extent)

    def _step(self, first: Index, count: int, limit: Index | None) -> None:
        """Write one tile of steps; ``limit`` masks those that are not below it."""
        for product in self.stream.products:
            self._lay_out(product, first, count, limit)
            self._multiply(product, count)
        self._visit_rows(first, count, limit)
        for total in self.totals:
            if total.columns is not None:
                self._update(total, total.columns, (first, count, limit))

    def _lay_out(self, product: Product, first: Index, count: int, limit: Index | None) -> None:
        """Copy a tile of the steps' factor so that steps are neighbours."""
        panel, width = self.held.panels[product], self.sizes.steps
        for along, length in _tiles(self.build, _length(product), SQUARE):
            for across, size in _tiles(self.build, count, SQUARE):
                place = symbolic.add(along, lanes(length, 2, 0))
                step = symbolic.add(across, lanes(size, 2, 1))
                at = symbolic.add(first, step)
                value = self._masked(
                    product.step, {product.axis: place, self.stream.steps: at}, at, limit
                )
                offset = symbolic.add(symbolic.multiply(place, width), step)
                self.build.store(panel, offset, value)

    def _masked(
        self, expression: Node, places: Mapping[Node, Index], at: Index, limit: Index | None
    ) -> Node:
        """Return an expression's tile; loads beyond the last step give zero."""
        value = self._value(expression, places)
        if limit is None:
            return value
        mask = symbolic.as_condition(symbolic.less(at, limit))
        guarded = {node: _guard(node, mask) for node in find_free(value) if node.op is memory.load}
        (result,) = substitute([value], guarded)
        return result

    def _multiply(self, product: Product, count: int) -> None:
        """Compute a tile of the matrix: rows' factor times steps' factor, in register tiles."""
        rows, vectors = self.sizes.block
        held, length, width = self.held, _length(product), self.sizes.steps
        left, panel = held.rows[product], held.panels[product]
        for step, size in _tiles(self.build, count, vectors * self.sizes.lanes):
            for row, high in _tiles(self.build, self.sizes.rows, rows):
                down = symbolic.add(row, lanes(high, 2, 0)) if high > 1 else row
                across = symbolic.add(step, lanes(size, 2, 1)) if size > 1 else step
                start = full((high, size), 0.0, self.stream.dtype)
                with self.build.loop(0, length, total=start) as loop:
                    at = symbolic.add(symbolic.multiply(down, length), loop.index)
                    first = _as_matrix(self.build.load(left, at), (high, 1))
                    at = symbolic.add(symbolic.multiply(loop.index, width), across)
                    second = _as_matrix(self.build.load(panel, at), (1, size))
                    loop["total"] = tile.dot(first, second, loop["total"])
                offset = symbolic.add(symbolic.multiply(down, width), across)
                self.build.store(held.matrices[product.node], offset, loop["total"])

    def _visit_rows(self, first: Index, count: int, limit: Index | None) -> None:
        """Do the elementwise work of each row, and combine what has no columns."""
        held, build, rows = self.held, self.build, self.sizes.rows
        inside = lanes(count) if count > 1 else 0
        at = symbolic.add(first, inside)
        mask = None if limit is None else symbolic.as_condition(symbolic.less(at, limit))
        for exponent, maxima in held.maxima.items():
            with build.loop(0, self.count) as loop:
                value = self._value(exponent, self._at(loop.index, at, inside))
                if mask is not None:
                    value = comparison.where(mask, value, constant(-math.inf, value.dtype))
                place = self._place(loop.index, inside)
                build.store(held.exponents[exponent], place, value)
                build.store(held.parts, loop.index, _combine(value, "maximum"))
            self._advance(maxima, held.scales[exponent], held.shifts[exponent])
        with build.loop(0, self.count) as loop:
            known = self._at(loop.index, at, inside)
            place = self._place(loop.index, inside)
            shifted = {
                exponent: exponential.exp(
                    build.load(held.exponents[exponent], place)
                    - build.load(held.shifts[exponent], loop.index)
                )
                for exponent in held.maxima
            }
            for total in self.totals:
                weight = self._weigh(total, known, shifted, mask)
                if total.columns is not None:
                    build.store(held.matrices[total.node], place, weight)
                else:
                    build.store(held.sums[total.node], loop.index, _combine(weight, total.kind))
        for total in self.totals:
            if total.columns is None:
                row = lanes(rows) if rows > 1 else 0
                so_far = build.load(held.totals[total.node], row)
                if total.exponent is not None:
                    so_far = so_far * build.load(held.scales[total.exponent], row)
                added = build.load(held.sums[total.node], row)
                build.store(held.totals[total.node], row, combine(total.kind, so_far, added))

    def _at(self, index: Index, at: Index, inside: Index) -> dict[Node, Index]:
        """Return what stands for the row, the steps and the products at one row of the tile."""
        known: dict[Node, Index] = {
            self.stream.rows: self._row(index),
            self.stream.steps: as_node(at),
        }
        place = self._place(index, inside)
        for product in self.stream.products:
            known[product.node] = self.build.load(self.held.matrices[product.node], place)
        return known

    def _place(self, index: Index, inside: Index) -> Index:
        return symbolic.add(symbolic.multiply(index, self.sizes.steps), inside)

    def _weigh(
        self,
        total: Total,
        known: Mapping[Node, Index],
        shifted: Mapping[Node, Node],
        mask: Node | None,
    ) -> Node:
        """Return what a total combines of a row; what changes nothing where it is masked."""
        weight = self._value(total.weight, known)
        if total.exponent is not None:
            weight = shifted[total.exponent] * weight
        if mask is None:
            return weight
        nothing = constant(identity_of(total.kind, weight.dtype), weight.dtype)
        return comparison.where(mask, weight, nothing)

    def _advance(self, maxima: Node, scales: Node, shifts: Node) -> None:
        """Note all rows' maxima so far, and what follows for totals and exponentials."""
        build, dtype = self.build, self.stream.dtype
        row = lanes(self.sizes.rows) if self.sizes.rows > 1 else 0
        least = constant(-math.inf, dtype)
        before = build.load(maxima, row)
        after = maximum(before, build.load(self.held.parts, row))
        # Where all is -∞ so far, the differences would be NaN.
        shift = comparison.where(comparison.equal(after, least), constant(0.0, dtype), after)
        build.store(scales, row, exponential.exp(before - shift))
        build.store(shifts, row, shift)
        build.store(maxima, row, after)

    def _update(self, total: Total, columns: Node, steps: tuple[Index, int, Index | None]) -> None:
        """Add the products of a tile of the matrix with the columns to their totals."""
        first, count, limit = steps
        rows, vectors = self.sizes.update
        held, build, width = self.held, self.build, self.sizes.steps
        matrix, sums = held.matrices[total.node], held.totals[total.node]
        stop: Index = count
        if limit is not None:
            stop = symbolic.minimum(count, symbolic.subtract(limit, first))
        for column, size in _tiles(build, self.columns, vectors * self.sizes.lanes):
            for row, high in _tiles(build, self.sizes.rows, rows):
                down = symbolic.add(row, lanes(high, 2, 0)) if high > 1 else row
                across = symbolic.add(column, lanes(size, 2, 1)) if size > 1 else column
                place = symbolic.add(symbolic.multiply(down, self.columns), across)
                start = _as_matrix(build.load(sums, place), (high, size))
                if total.exponent is not None:
                    scale = build.load(held.scales[total.exponent], down)
                    start = start * _as_matrix(scale, (high, 1))
                with build.loop(0, stop, total=start) as loop:
                    at = symbolic.add(symbolic.multiply(down, width), loop.index)
                    left = _as_matrix(build.load(matrix, at), (high, 1))
                    step = {self.stream.steps: symbolic.add(first, loop.index)}
                    places = step | self._column(across)
                    right = _as_matrix(self._value(columns, places), (1, size))
                    loop["total"] = tile.dot(left, right, loop["total"])
                build.store(sums, place, loop["total"])

    def _column(self, column: Index) -> dict[Node, Index]:
        return {} if self.stream.columns is None else {self.stream.columns: column}

    # --- the results ---

    def _end(self) -> None:
        stream = self.stream
        for store in stream.program.sources:
            pointer, offset, value = store.sources
            has_columns = stream.columns is not None and stream.columns in find_free(offset)[offset]
            pieces = list(_pieces(self.columns, 4 * self.sizes.lanes)) if has_columns else [(0, 1)]
            with self.build.loop(0, self.count) as loop:
                for start, size in pieces:
                    column = symbolic.add(start, lanes(size)) if size > 1 else start
                    places: dict[Node, Index] = {stream.rows: self._row(loop.index)}
                    places |= self._column(column)
                    known = places | {
                        total.node: self._result(total, loop.index, column)
                        for total in stream.totals
                        if has_columns or total.columns is None
                    }
                    self.build.store(
                        pointer, self._value(offset, places), self._value(value, known)
                    )

    def _result(self, total: Total, index: Index, column: Index) -> Node:
        if total in self.maxima:
            return self.build.load(self.held.maxima[total.weight], index)
        if total.columns is None:
            return self.build.load(self.held.totals[total.node], index)
        at = symbolic.add(symbolic.multiply(index, self.columns), column)
        return self.build.load(self.held.totals[total.node], at)


def _combine(value: Node, kind: str) -> Node:
    return combine_lanes(value, kind) if value.shape else value


def _length(product: Product) -> int:
    return constant_extent(product.axis) or 1


def _guard(load: Node, mask: Node) -> Node:
    pointer, offset, *rest = load.sources
    condition = symbolic.as_condition(symbolic.logical_and(mask, *rest))
    return memory.make_load(pointer, offset, condition)


def _as_matrix(value: Node, shape: tuple[int, int]) -> Node:
    return value if value.shape == shape else reshape_to(value, shape)


def _pieces(extent: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the starts and sizes of consecutive tiles."""
    for start in range(0, extent, size):
        yield start, min(size, extent - start)


def _tiles(build: Builder, extent: int, size: int) -> Iterator[tuple[Index, int]]:
    """Yield start and size of a loop's tile, for the body to be written within, and of the rest."""
    whole = extent - extent % size
    if whole == size:
        yield 0, size
    elif whole:
        with build.loop(0, whole, size) as loop:
            yield loop.index, size
    if extent % size:
        yield whole, extent % size

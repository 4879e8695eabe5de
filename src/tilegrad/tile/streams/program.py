"""The tile program of a stream: blocks of rows, in steps of a tile.

An instance keeps the factors of its rows and the totals so far in memory of its own. For every tile
of steps it lays out the steps' factors, so that steps are neighbours. Then, for one band of rows
after the other, so that what is computed stays in the nearest cache, it computes the products
(register tiles), walks the rows: elementwise work, maxima and sums along the tile; and adds the
products with the columns to their totals, rescaled where the maximum has grown. If there are totals
across, an instance walks all blocks of rows; else each block is an instance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, symbolic
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.combining import identity
from tilegrad.ops.kernel import find_free
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program, Slot
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import constant_extent
from tilegrad.tile.streams.reach import Limits, find_limits, range_of
from tilegrad.tile.streams.rows import visit_rows
from tilegrad.tile.streams.sizes import (
    Band,
    Sizes,
    Tile,
    choose_sizes,
    count_steps,
    hold,
    length_of,
)
from tilegrad.tile.streams.stream import Stream, Total, may_be_stale
from tilegrad.tile.streams.tiles import Context, lay_out, multiply, update, update_across
from tilegrad.tile.streams.units import give_units
from tilegrad.tile.target import TileTarget


def derive_stream(
    stream: Stream, slots: Sequence[Slot], target: TileTarget, name: str, decider: Decider
) -> Program | None:
    """Return the program of a stream, or None if its sizes do not allow it."""
    lengths = [constant_extent(product.axis) for product in stream.products]
    columns = 1 if stream.columns is None else constant_extent(stream.columns)
    is_across = any(total.is_across for total in stream.totals)
    if columns is None or None in lengths:
        return None
    if is_across and constant_extent(stream.steps) is None:
        return None
    stream = give_units(stream, target.units)
    limits = find_limits(stream)
    sizes = choose_sizes(stream, limits, target, columns, decider)
    return _Writer(stream, limits, sizes, slots, name).write()


class _Writer:
    def __init__(
        self, stream: Stream, limits: Limits, sizes: Sizes, slots: Sequence[Slot], name: str
    ) -> None:
        self.stream = stream
        self.limits = limits
        self.sizes = sizes
        self.build = Builder(name)
        self.build.declare(slots)
        self._may_be_stale = any(limits) and may_be_stale(stream)
        self.held = hold(self.build, stream, sizes)
        self.context = Context(self.build, stream, sizes, self.held, self._value)
        self.places = {axis: self.build.instance(kernel.extent_of(axis)) for axis in stream.others}
        self.first: Index = 0
        self.count: Index = sizes.rows

    def write(self) -> Program:
        """Return the program."""
        build, size = self.build, self.sizes.rows
        across = [total for total in self.stream.totals if total.is_across]
        extent = kernel.extent_of(self.stream.rows)
        if not across:
            blocks = symbolic.floor_divide(symbolic.add(extent, size - 1), size)
            block: Index = build.instance(blocks)
            if self.limits.stops:  # the last rows may have the most steps: they are begun first
                block = symbolic.subtract(symbolic.subtract(blocks, 1), block)
            self._clear_products()
            self._visit_block(symbolic.multiply(block, size))
            return build.program()
        self._clear_products()
        for total in across:
            self._fill(total, count_steps(self.stream, self.sizes) * self.sizes.columns, 0.0)
        with build.loop(0, extent, size) as loop:
            self._visit_block(loop.index)
        self.first, self.count = 0, kernel.extent_of(self.stream.steps)
        self._store(is_across=True)
        return build.program()

    def _visit_block(self, first: Index) -> None:
        extent = kernel.extent_of(self.stream.rows)
        self.first = first
        self.count = symbolic.minimum(self.sizes.rows, symbolic.subtract(extent, first))
        self._begin()
        self._walk_steps()
        self._store(is_across=False)

    def _begin(self) -> None:
        """Lay out the rows' factors and set the totals to what changes nothing."""
        stream, sizes, build = self.stream, self.sizes, self.build
        for pointer in self.held.maxima.values():
            self._fill_memory(pointer, sizes.rows, -math.inf)
        for total in stream.totals:
            if total in self.held.sums or (total.columns is not None and not total.is_across):
                size = sizes.rows * (1 if total.columns is None else sizes.columns)
                start = 0.0 if total.kind == "add" else identity(total.kind, stream.dtype)
                self._fill(total, size, float(start))
        for product in stream.products:
            length = length_of(product)
            with build.loop(0, self.count) as loop:
                for start, size in _pieces(length, 4 * sizes.lanes):
                    place = symbolic.add(start, lanes(size))
                    row = symbolic.add(self.first, loop.index)
                    value = self._value(product.row, {stream.rows: row, product.axis: place})
                    offset = symbolic.add(symbolic.multiply(loop.index, length), place)
                    build.store(self.held.rows[product], offset, value)

    def _clear_products(self) -> None:
        """Put numbers where products that no total needs are not computed, and yet looked at."""
        if self._may_be_stale:
            for tile in self.held.products.values():
                self._fill_memory(tile, self.sizes.band * self.sizes.steps, 0.0)

    def _fill(self, total: Total, size: int, value: float) -> None:
        self._fill_memory(self.held.totals[total], size, value)

    def _fill_memory(self, pointer: Node, size: int, value: float) -> None:
        width = 4 * self.sizes.lanes
        whole = size - size % width
        if whole:
            with self.build.loop(0, whole, width) as loop:
                tile = filled(value, self.stream.dtype, (width,))
                self.build.store(pointer, loop.index + lanes(width), tile)
        if size > whole:
            tile = filled(value, self.stream.dtype, (size - whole,))
            self.build.store(pointer, symbolic.add(whole, lanes(size - whole)), tile)

    def _value(self, expression: Node, places: Mapping[Node, Index]) -> Node:
        """Return an expression with positions or tiles for its axes and reductions."""
        mapping = self.places | {node: as_node(place) for node, place in places.items()}
        (result,) = substitute([expression], mapping)
        return result

    # --- the walk along the steps ---

    def _walk_steps(self) -> None:
        """Visit the steps that count, in whole tiles and a rest at the end."""
        size, extent = self.sizes.steps, kernel.extent_of(self.stream.steps)
        start, stop = self._range(self.first, self.count)
        start = symbolic.multiply(symbolic.floor_divide(start, size), size)
        whole = symbolic.multiply(symbolic.floor_divide(extent, size), size)
        with self.build.loop(start, symbolic.minimum(whole, stop), size) as loop:
            self._step(Tile(loop.index, size, None))
        if isinstance(extent, int) and extent % size == 0:
            return
        with self.build.loop(symbolic.maximum(start, whole), stop, size) as loop:
            if isinstance(extent, int):
                self._step(Tile(loop.index, extent % size, None))
            else:
                self._step(Tile(loop.index, size, extent))

    def _range(self, first: Index, count: Index) -> tuple[Index, Index]:
        """Return from which step up to which one ``count`` rows from ``first`` on need them."""
        start, stop = range_of(self.limits, self.stream, first, count)
        return as_index(self._value(as_node(start), {})), as_index(self._value(as_node(stop), {}))

    def _step(self, at: Tile) -> None:
        """Write one tile of steps."""
        build, sizes = self.build, self.sizes
        for product in self.stream.products:
            lay_out(self.context, product, at)
        if sizes.band == sizes.rows:
            self._visit_band(at, Band(0, self.count, self.first))
            return
        with build.loop(0, self.count, sizes.band) as loop:
            count = symbolic.minimum(sizes.band, symbolic.subtract(self.count, loop.index))
            band = Band(loop.index, count, symbolic.add(self.first, loop.index))
            if not any(self.limits):
                self._visit_band(at, band)
                return
            start, stop = self._range(band.row, band.count)
            end = symbolic.add(at.first, at.count)
            is_met = symbolic.logical_and(symbolic.less(at.first, stop), symbolic.less(start, end))
            with build.when(symbolic.as_condition(is_met)):
                self._visit_band(at, band)

    def _visit_band(self, at: Tile, band: Band) -> None:
        """Write a band of rows of a tile of steps."""
        steps = self._steps_of(at, band)
        needed = steps if self._may_be_stale else (0, at.count)
        for product in self.stream.products:
            multiply(self.context, product, at, band, needed)
        visit_rows(self.context, at, band)
        for total in self.stream.totals:
            if total.columns is not None:
                add = update_across if total.is_across else update
                add(self.context, total, total.columns, at, band, steps)

    def _steps_of(self, at: Tile, band: Band) -> tuple[Index, Index]:
        """Return from which step of a tile up to which one any row of a band has one to add."""
        start, stop = self._range(band.row, band.count)
        first: Index = 0
        end: Index = at.count
        if self.limits.starts:
            first = symbolic.maximum(0, symbolic.subtract(start, at.first))
        if self.limits.stops:
            end = symbolic.minimum(end, symbolic.subtract(stop, at.first))
        if at.limit is not None:
            end = symbolic.minimum(end, symbolic.subtract(at.limit, at.first))
        return first, end

    # --- the results ---

    def _store(self, *, is_across: bool) -> None:
        """Store the results of the rows of a block, or those of all steps."""
        stream, build = self.stream, self.build
        across = {total.node for total in stream.totals if total.is_across}
        for store in stream.program.sources:
            pointer, offset, value = store.sources
            free = find_free(value)
            if any(node in across for node in free) != is_across:
                continue
            axis = stream.columns
            has_columns = axis is not None and axis in find_free(offset)[offset]
            width = self.sizes.columns if has_columns else 1
            with build.loop(0, self.count) as loop:
                for start, size in _pieces(width, 4 * self.sizes.lanes):
                    column = symbolic.add(start, lanes(size)) if size > 1 else start
                    places: dict[Node, Index] = {stream.rows: symbolic.add(self.first, loop.index)}
                    if axis is not None:
                        places[axis] = column
                    known = places | {
                        total.node: self._result(total, loop.index, column)
                        for total in stream.totals
                        if total.node in free
                    }
                    build.store(pointer, self._value(offset, places), self._value(value, known))

    def _result(self, total: Total, index: Index, column: Index) -> Node:
        if total.columns is None:
            return self.build.load(self.held.totals[total], index)
        at = symbolic.add(symbolic.multiply(index, self.sizes.columns), column)
        return self.build.load(self.held.totals[total], at)


def _pieces(extent: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the starts and sizes of consecutive tiles."""
    for start in range(0, extent, size):
        yield start, min(size, extent - start)

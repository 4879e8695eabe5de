"""The tile program of a staged contraction.

An instance has a block of rows and a block of lanes. For each block of the sum it packs the panels
of its lanes, then, for each tile of rows, one panel of rows; the innermost loop multiplies a panel
of rows with each panel of lanes. If the sum is cut, partial results lie in scratch between blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index, as_index
from tilegrad.ops.build import lanes
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program, Slot
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.facts import Facts
from tilegrad.tile.lower import Lowering, identity_of
from tilegrad.tile.narrow import RAISE
from tilegrad.tile.packing import Packer, Panels
from tilegrad.tile.schedule import Schedule
from tilegrad.tile.staging import Side, Staging

ROWS, LANES, PARTIAL, CORRECTION = 0, 1, 2, 3
"""Identities of the scratch memories; also the tile dimensions of rows and lanes."""


class _Lowering(Lowering):
    """Lowers expressions around the contraction, whose tile is given."""

    def __init__(self, facts: Facts, reduction: Node) -> None:
        super().__init__(facts, Schedule(2, {}, (), (), 1))
        self.reduction = reduction
        self.result: Node | None = None

    def reduce(self, node: Node, environment: Environment) -> Node:
        if node is self.reduction and self.result is not None:
            return self.result
        return super().reduce(node, environment)


class StagedDerivation:
    """Writes the program.

    Args:
        facts: of the kernel.
        staging: how it is staged.
    """

    def __init__(self, facts: Facts, staging: Staging) -> None:
        self.facts = facts
        self.staging = staging
        self.lowering = _Lowering(facts, staging.reduction)
        rows, columns, sums = staging.rows, staging.lanes, staging.sums
        self.row_panels = Panels(rows, sums, ROWS, 1)
        self.lane_panels = Panels(columns, sums, LANES, columns.tiles)
        self.row_packer = Packer(self.lowering, self.row_panels)
        self.lane_packer = Packer(self.lowering, self.lane_panels)
        size = rows.tiles * rows.width * columns.tiles * columns.width
        dtype = staging.reduction.dtype
        self.partial = memory.make_scratch(PARTIAL, dtype, size)
        self.correction = memory.make_scratch(CORRECTION, dtype, columns.tiles * columns.width)

    def program(self, slots: Sequence[Slot], name: str) -> Program:
        """Return the program."""
        rows, columns, sums = self.staging.rows, self.staging.lanes, self.staging.sums
        sizes: list[Index] = [kernel.extent_of(axis) for axis in self.staging.batch]
        at = Environment({})
        for number, axis in enumerate(self.staging.batch):
            index = tile.make_program_index(number) if sizes[number] != 1 else 0
            at = at.bind(axis, Position(index))
        row_range = _block_range(rows, len(sizes))
        lane_range = _block_range(columns, len(sizes) + 1)
        sizes += [rows.blocks, columns.blocks]
        if sums.is_single:
            effects = self._sum_block(0, sums.size, at, (row_range, lane_range), None)
        else:
            start = self._clear(row_range, lane_range)
            loop = self._sum_blocks(at, (row_range, lane_range), start)
            effects = [start, loop, *self._finish(at, (row_range, lane_range), loop)]
        return Program(tile.make_program(name, sizes, effects), tuple(slots))

    # --- blocks of the sum ---

    def _sum_blocks(self, at: Environment, ranges: tuple[Range, Range], start: Node) -> Node:
        """Return the loops over all blocks of the sum, each added to the partial results."""
        sums = self.staging.sums
        indices: list[Node] = []
        for axis in sums.outer:
            _, index = self.lowering.new_loop(0, kernel.extent_of(axis))
            indices.append(index)
            at = at.bind(axis, Position(index))
        extent = sums.extents[0]
        if sums.size >= extent:
            effects = self._sum_block(0, extent, at, ranges, start)
        else:
            _, first = self.lowering.new_loop(0, extent)
            count: Index = sums.size
            if extent % sums.size:
                count = symbolic.minimum(sums.size, symbolic.subtract(extent, first))
            effects = self._sum_block(first, count, at, ranges, start)
            effects = [tile.make_loop(first, sums.size, (), effects)]
        for index in reversed(indices):
            effects = [tile.make_loop(index, 1, (), effects)]
        (loop,) = effects
        return loop

    def _sum_block(
        self,
        first: Index,
        count: Index,
        at: Environment,
        ranges: tuple[Range, Range],
        start: Node | None,
    ) -> list[Node]:
        """Return the effects of one block: panels, then all tiles of the instance."""
        packed = self._pack_lanes(first, count, at, ranges[1])
        _, row = self.lowering.new_loop(*ranges[0])
        bases = _bases(self.staging.rows, row)
        fill = tile.block(*self.row_packer.fill(0, bases, first, count, at))
        _, lane = self.lowering.new_loop(*ranges[1])
        length = symbolic.multiply(count, self.staging.sums.per_value)
        place = self._partial_place(row, lane, ranges)
        total = self._multiply(
            length, symbolic.subtract(lane, ranges[1][0]), (fill, packed), (place, start)
        )
        if start is None:
            effects = self._stores(total, at, row, lane)
        else:
            effects = [memory.make_store(self.partial, place, total)]
        inside = [fill, tile.make_loop(lane, 1, (), effects)]
        return [packed, tile.make_loop(row, 1, (), inside)]

    def _pack_lanes(self, first: Index, count: Index, at: Environment, lane_range: Range) -> Node:
        _, lane = self.lowering.new_loop(*lane_range)
        panel = symbolic.subtract(lane, lane_range[0])
        bases = _bases(self.staging.lanes, lane)
        effects = self.lane_packer.fill(panel, bases, first, count, at)
        if self.staging.is_raised:
            length = symbolic.multiply(count, self.staging.sums.per_value)
            packed = tile.block(*effects)
            effects = [packed, self._correct(panel, length, packed)]
        return tile.make_loop(lane, 1, (), effects)

    def _correct(self, panel: Index, length: Index, packed: Node) -> Node:
        """Return the store of what sums are too large by, one number for each lane of a panel."""
        depth, dtype = self.staging.depth, self.staging.reduction.dtype
        number, term = self.lowering.new_loop(0, length)
        raised = filled(RAISE, self.staging.rows.value.dtype, (1, depth))
        nothing = filled(0, dtype, (1, self.staging.lanes.width))
        carry = tile.make_carry(number, 0, nothing)
        words = self.lane_panels.right(panel, term, depth, packed)
        loop = tile.make_loop(term, depth, [(carry, tile.dot(raised, words, carry))])
        (total,) = tile.make_loop_results(loop)
        return memory.make_store(self.correction, self._correction_place(panel), total)

    def _correction_place(self, panel: Index) -> Index:
        width = self.staging.lanes.width
        return symbolic.add(symbolic.multiply(panel, width), _lanes(width, LANES))

    def _multiply(
        self,
        length: Index,
        panel: Index,
        after: tuple[Node, Node],
        partial: tuple[Index, Node | None],
    ) -> Node:
        """Return a tile of the product over one block, added to its partial result."""
        rows, columns = self.row_panels, self.lane_panels
        dtype = self.staging.reduction.dtype
        number, term = self.lowering.new_loop(0, length)
        place, start = partial
        if start is None:
            shape = (rows.side.width, columns.side.width)
            first = filled(identity_of("add", dtype), dtype, shape)
        else:
            first = memory.make_load(self.partial, place, after=start)
        if self.staging.is_raised:
            place = self._correction_place(panel)
            first = first - memory.make_load(self.correction, place, after=after[1])
        carry = tile.make_carry(number, 0, first)
        row = rows.left(0, term, self.staging.depth, after[0])
        column = columns.right(panel, term, self.staging.depth, after[1])
        loop = tile.make_loop(term, self.staging.depth, [(carry, tile.dot(row, column, carry))])
        (result,) = tile.make_loop_results(loop)
        return result

    # --- partial results ---

    def _partial_place(self, row: Index, lane: Index, ranges: tuple[Range, Range]) -> Index:
        rows, columns = self.staging.rows, self.staging.lanes
        tile_number = symbolic.add(
            symbolic.multiply(symbolic.subtract(row, ranges[0][0]), columns.tiles),
            symbolic.subtract(lane, ranges[1][0]),
        )
        return symbolic.add(
            symbolic.multiply(tile_number, rows.width * columns.width),
            symbolic.multiply(_lanes(rows.width, ROWS), columns.width),
            _lanes(columns.width, LANES),
        )

    def _clear(self, row_range: Range, lane_range: Range) -> Node:
        """Return the effect that sets all partial results to nothing."""
        dtype = self.staging.reduction.dtype
        shape = (self.staging.rows.width, self.staging.lanes.width)
        nothing = filled(identity_of("add", dtype), dtype, shape)
        _, row = self.lowering.new_loop(*row_range)
        _, lane = self.lowering.new_loop(*lane_range)
        place = self._partial_place(row, lane, (row_range, lane_range))
        store = memory.make_store(self.partial, place, nothing)
        return tile.make_loop(row, 1, (), [tile.make_loop(lane, 1, (), [store])])

    def _finish(self, at: Environment, ranges: tuple[Range, Range], loop: Node) -> list[Node]:
        """Return the effects that store the results once all blocks are added up."""
        _, row = self.lowering.new_loop(*ranges[0])
        _, lane = self.lowering.new_loop(*ranges[1])
        total = memory.make_load(self.partial, self._partial_place(row, lane, ranges), after=loop)
        stores = self._stores(total, at, row, lane)
        return [tile.make_loop(row, 1, (), [tile.make_loop(lane, 1, (), stores)])]

    # --- results ---

    def _stores(self, total: Node, at: Environment, row: Index, lane: Index) -> list[Node]:
        """Return the kernel's stores for a tile of the contraction's results."""
        self.lowering.result = total
        self.lowering.reductions.clear()
        at = _bind_tile(at, self.staging.rows, row, ROWS)
        at = _bind_tile(at, self.staging.lanes, lane, LANES)
        effects = []
        for store in self.facts.stores:
            pointer, offset, value = store.sources
            mask = self.lowering.condition(self.facts.free[store], at)
            effects.append(
                memory.make_store(
                    pointer,
                    as_index(self.lowering.value(offset, at)),
                    self.lowering.value(value, at),
                    mask if isinstance(mask, Node) else None,
                )
            )
        return effects


Range = tuple[Index, Index]
"""First tile of a side in an instance, and the first that is not."""


def _lanes(count: int, dimension: int) -> Index:
    return lanes(count, 2, dimension) if count > 1 else 0


def _block_range(side: Side, grid_axis: int) -> Range:
    """Return the tiles of a side that an instance has."""
    if side.blocks == 1:
        return 0, side.total
    start = symbolic.multiply(tile.make_program_index(grid_axis), side.tiles)
    stop = symbolic.add(start, side.tiles)
    return start, stop if side.total % side.tiles == 0 else symbolic.minimum(stop, side.total)


def _bases(side: Side, number: Index) -> list[Index]:
    """Return the first value of each axis of a tile; the last tiles overlap those before them."""
    bases: list[Index] = []
    for extent, size, count in reversed(
        list(zip(side.extents, side.sizes, side.counts, strict=True))
    ):
        place = symbolic.modulo(number, count) if len(bases) < len(side.axes) - 1 else number
        number = symbolic.floor_divide(number, count)
        base = symbolic.multiply(place, size)
        if extent % size:
            base = symbolic.minimum(base, extent - size)
        bases.insert(0, base if count > 1 else 0)
    return bases


def _bind_tile(at: Environment, side: Side, number: Index, dimension: int) -> Environment:
    """Bind the axes of a side to the positions of a tile that runs along one dimension."""
    inner = 1
    parts = list(zip(side.axes, side.sizes, side.extents, _bases(side, number), strict=True))
    element = _lanes(side.width, dimension)
    for place, (axis, size, extent, base) in reversed(list(enumerate(parts))):
        if size == 1:
            at = at.bind(axis, Position(base))
            continue
        digit = symbolic.floor_divide(element, inner)
        if any(other > 1 for other in side.sizes[:place]):
            digit = symbolic.modulo(digit, size)
        inner *= size
        value = symbolic.add(base, digit)
        condition = symbolic.less(value, extent) if side.is_padded else True
        at = at.bind(axis, Position(value, dimension, side.width, condition))
    return at

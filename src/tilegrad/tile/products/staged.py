"""The tile program of a staged contraction.

An instance has a block of rows and a block of lanes. For each block of the sum it packs the panels
of its lanes, then, for each tile of rows, one panel of rows; the innermost loop multiplies a panel
of rows with each panel of lanes. If the sum is cut, partial results lie in scratch between blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index, as_index
from tilegrad.ops.combining import identity
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program, Slot
from tilegrad.tile.choices.schedule import Schedule
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.facts import Facts
from tilegrad.tile.lower import Lowering
from tilegrad.tile.products.blocks import loop_over_blocks
from tilegrad.tile.products.correction import Correction, find_next_tile
from tilegrad.tile.products.kept_panels import KeptPanels
from tilegrad.tile.products.packing import Panels, find_ahead
from tilegrad.tile.products.staging import PanelOrder, Side, Staging, SumBlocks
from tilegrad.tile.products.supply import InPlace, Read, Supply
from tilegrad.tile.products.terms import Block, make_levels, span, term_of
from tilegrad.tile.products.tiling import Part, Range, bind_tile
from tilegrad.tile.products.windows import WindowPanel

ROWS, LANES, PARTIAL, CORRECTION = 0, 1, 2, 3
"""Identities of the scratch memories; also the tile dimensions of rows and lanes."""
FINISHED = 16
"""So many results of each row are finished at a time, where sums lie in memory."""


NOTHING_KEPT: Mapping[int, Node] = MappingProxyType({})


class _Lowering(Lowering):
    """Lowers expressions around the contraction, whose tile is given."""

    def __init__(self, facts: Facts, reduction: Node, ahead: Mapping[Node, int]) -> None:
        super().__init__(facts, Schedule(2, {}, (), (), 1), {None: ahead})
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
        kept: the parameters in which panels are kept, by the dimension of their side.
    """

    def __init__(
        self, facts: Facts, staging: Staging, kept: Mapping[int, Node] = NOTHING_KEPT
    ) -> None:
        self.facts = facts
        self.staging = staging
        ahead = {
            load: count
            for number, side in enumerate((staging.rows, staging.lanes))
            if number not in kept
            for load, count in find_ahead(facts, side, staging.sums).items()
        }
        self.lowering = _Lowering(facts, staging.reduction, ahead)
        rows, columns, sums = staging.rows, staging.lanes, staging.sums
        self.rows, self.lanes = (
            KeptPanels(self.lowering, staging, dimension, kept[dimension])
            if dimension in kept
            else _supply(self.lowering, side, sums, dimension, count)
            for dimension, side, count in (
                (ROWS, rows, rows.together),
                (LANES, columns, columns.tiles),
            )
        )
        flat = make_levels(sums, [[sums.cut, *sums.inner]])
        # Terms that are multiplied several at a time are neighbours in panels.
        self.levels = self.rows.levels or self.lanes.levels or flat
        size = rows.tiles * rows.width * columns.tiles * columns.width
        dtype = staging.reduction.dtype
        self.partial = memory.make_scratch(PARTIAL, dtype, size)
        is_raised = staging.is_raised
        self.correction = Correction(self.lowering, staging, CORRECTION) if is_raised else None
        self.corrected = self.rows
        if is_raised and rows.order is PanelOrder.PLACE:
            asking = _Lowering(facts, staging.reduction, find_next_tile(facts, rows))
            self.corrected = InPlace(asking, rows, sums, ROWS)

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
            effects = self._sum_block(Block(0, sums.size), at, (row_range, lane_range), None)
        else:
            start = self._clear(row_range, lane_range)
            loop = self._sum_blocks(at, (row_range, lane_range), start)
            effects = [start, loop, *self._finish(at, (row_range, lane_range), loop)]
        return Program(tile.make_program(name, sizes, effects), tuple(slots))

    # --- blocks of the sum ---

    def _sum_blocks(self, at: Environment, ranges: tuple[Range, Range], start: Node) -> Node:
        """Return the loops over all blocks of the sum, each added to the partial results."""
        (loop,) = loop_over_blocks(
            self.lowering,
            self.staging.sums,
            at,
            lambda block, at: self._sum_block(block, at, ranges, start),
        )
        return loop

    def _sum_block(
        self, block: Block, at: Environment, ranges: tuple[Range, Range], start: Node | None
    ) -> list[Node]:
        """Return the effects of one block: panels, then all tiles of the instance."""
        prepared = self.lanes.fill(ranges[1], block, at)
        first, group = self._group_rows(ranges[0])
        filled = self.rows.fill(group, block, at)
        row = first if self.staging.rows.together == 1 else self.lowering.new_loop(*group)[1]
        _, lane = self.lowering.new_loop(*ranges[1])
        place = self._partial_place(row, lane, ranges)
        depth = self.staging.depth

        def read_rows(rows: Supply, steps: tuple[Index, ...], count: int) -> Node:
            term, panel = term_of(self.levels, steps), symbolic.subtract(row, first)
            return rows.read(Read(row, panel, steps, term, count, block, at, filled))

        def multiply(steps: tuple[Index, ...], total: Node) -> Node:
            term, panel = term_of(self.levels, steps), symbolic.subtract(lane, ranges[1][0])
            right = self.lanes.read(Read(lane, panel, steps, term, depth, block, at, prepared))
            return tile.dot(read_rows(self.rows, steps, depth), right, total)

        corrected: Node | None = None
        if self.correction is not None:
            (level,) = self.levels
            corrected = self.correction.store(
                level.length(block), lambda term, count: read_rows(self.corrected, (term,), count)
            )
        total = self._begin(None if start is None else (place, start), corrected)
        total = self._add_terms(total, (), block, multiply)
        if start is None:
            effects = self._stores(total, at, row, lane)
        else:
            effects = [memory.make_store(self.partial, place, total)]
        inside = [*_known(corrected), tile.make_loop(lane, 1, (), effects)]
        if row is not first:
            inside = [tile.make_loop(row, 1, (), inside)]
        step = self.staging.rows.together
        return [*_known(prepared), tile.make_loop(first, step, (), [*_known(filled), *inside])]

    def _begin(self, partial: tuple[Index, Node] | None, corrected: Node | None) -> Node:
        """Return the sums that a tile begins a block of the sum with.

        Args:
            partial: where those of the blocks before are, and after which effect; None at first.
            corrected: the effect that stores the correction, if there is one.
        """
        total = self._nothing()
        if partial is not None:
            place, start = partial
            total = memory.make_load(self.partial, place, after=start)
        if self.correction is None or corrected is None:
            return total
        return total + self.correction.load(corrected)

    def _group_rows(self, rows: Range) -> tuple[Node, Range]:
        """Return the index of the loop over tiles of rows, and those that a round packs."""
        _, first = self.lowering.new_loop(*rows)
        together = self.staging.rows.together
        stop = symbolic.add(first, together)
        return first, (first, stop if together == 1 else symbolic.minimum(stop, rows[1]))

    def _add_terms(
        self,
        total: Node,
        steps: tuple[Index, ...],
        block: Block,
        multiply: Callable[[tuple[Index, ...], Node], Node],
    ) -> Node:
        """Return a tile with all terms of a block added, by a loop for each level."""
        if len(steps) == len(self.levels):
            return multiply(steps, total)
        length = self.levels[len(steps)].length(block)
        depth = self.staging.depth
        if length == depth:
            return self._add_terms(total, (*steps, 0), block, multiply)
        number, step = self.lowering.new_loop(0, length)
        carry = tile.make_carry(number, 0, total)
        following = self._add_terms(carry, (*steps, step), block, multiply)
        (result,) = tile.make_loop_results(tile.make_loop(step, depth, [(carry, following)]))
        return result

    # --- partial results ---

    def _partial_place(
        self, row: Index, lane: Index, ranges: tuple[Range, Range], part: Part | None = None
    ) -> Index:
        rows, columns = self.staging.rows, self.staging.lanes
        start, size = part or (0, columns.width)
        tile_number = symbolic.add(
            symbolic.multiply(symbolic.subtract(row, ranges[0][0]), columns.tiles),
            symbolic.subtract(lane, ranges[1][0]),
        )
        return symbolic.add(
            symbolic.multiply(tile_number, rows.width * columns.width),
            symbolic.multiply(span(0, rows.width, ROWS), columns.width),
            span(start, size, LANES),
        )

    def _nothing(self) -> Node:
        """Return a tile of empty sums."""
        dtype = self.staging.reduction.dtype
        shape = (self.staging.rows.width, self.staging.lanes.width)
        return filled(identity("add", dtype), dtype, shape)

    def _clear(self, row_range: Range, lane_range: Range) -> Node:
        """Return the effect that sets all partial results to nothing."""
        _, row = self.lowering.new_loop(*row_range)
        _, lane = self.lowering.new_loop(*lane_range)
        place = self._partial_place(row, lane, (row_range, lane_range))
        store = memory.make_store(self.partial, place, self._nothing())
        return tile.make_loop(row, 1, (), [tile.make_loop(lane, 1, (), [store])])

    def _finish(self, at: Environment, ranges: tuple[Range, Range], loop: Node) -> list[Node]:
        """Return the effects that store the results once all blocks are added up.

        Unlike sums in registers, those in memory need not be taken all at once: it is less code.
        """
        _, row = self.lowering.new_loop(*ranges[0])
        _, lane = self.lowering.new_loop(*ranges[1])
        columns, part = self.staging.lanes, None
        is_run = sum(size > 1 for size in columns.sizes) == 1
        if is_run and columns.width > FINISHED and columns.width % FINISHED == 0:
            part = self.lowering.new_loop(0, columns.width)[1], FINISHED
        place = self._partial_place(row, lane, ranges, part)
        total = memory.make_load(self.partial, place, after=loop)
        effects = self._stores(total, at, row, lane, part)
        if part is not None:
            effects = [tile.make_loop(part[0], FINISHED, (), effects)]
        return [tile.make_loop(row, 1, (), [tile.make_loop(lane, 1, (), effects)])]

    # --- results ---

    def _stores(
        self, total: Node, at: Environment, row: Index, lane: Index, part: Part | None = None
    ) -> list[Node]:
        """Return the kernel's stores for a tile of the contraction's results, or part of it."""
        self.lowering.result = total
        self.lowering.reductions.clear()
        at = bind_tile(at, self.staging.rows, row, ROWS)
        at = bind_tile(at, self.staging.lanes, lane, LANES, part)
        effects = []
        for store in self.facts.stores:
            pointer, offset, value = store.sources
            condition = self.lowering.condition(self.facts.free[store], at)
            effects.append(
                memory.make_store(
                    pointer,
                    as_index(self.lowering.value(offset, at)),
                    self.lowering.value(value, at),
                    symbolic.as_mask(condition),
                )
            )
        return effects


def _supply(lowering: Lowering, side: Side, sums: SumBlocks, dimension: int, count: int) -> Supply:
    """Return how a side is read; in panels, with room for so many."""
    if side.order is PanelOrder.PLACE:
        return InPlace(lowering, side, sums, dimension)
    if side.windows:
        return WindowPanel(lowering, side, sums, dimension)
    return Panels(lowering, side, sums, dimension, count)


def _known(effect: Node | None) -> list[Node]:
    return [] if effect is None else [effect]


def _block_range(side: Side, grid_axis: int) -> Range:
    """Return the tiles of a side that an instance has."""
    if side.blocks == 1:
        return 0, side.total
    start = symbolic.multiply(tile.make_program_index(grid_axis), side.tiles)
    stop = symbolic.add(start, side.tiles)
    return start, stop if side.total % side.tiles == 0 else symbolic.minimum(stop, side.total)

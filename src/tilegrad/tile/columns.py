"""Reductions down the columns of wide rows: rows are read whole, as they lie in memory.

Where the lanes run along an axis of the results, to keep a strip of columns in registers means to
read a short piece of each row, which memory is slow at. Here an instance takes some rows at a time
and goes along them; what its columns have come to so far lies in scratch memory, small enough for
the core's own caches.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index
from tilegrad.ops.combining import identity
from tilegrad.ops.kernel import kind_of
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program, Slot
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.choices.schedule import Schedule, Tile
from tilegrad.tile.decisions import Decider, list_near
from tilegrad.tile.derivation import Derivation
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.lower import Accumulator, Lowering
from tilegrad.tile.split import PartLowering, derive_split

LEAST_ROW, LONGEST_ROW = 512, 8192
"""Rows of so many bytes are reduced by themselves, where results take pieces of memory ..."""
RUN = 1 << 15
"""... as many at a time as make a run of so many bytes."""
ROW_TILE = 64
"""So many elements of such a row are reduced at a time: a few vectors, a chain for each."""


class ColumnLowering(Lowering):
    """Lowers reductions by what scratch memory holds for each column of an instance.

    Args:
        facts: of the kernel.
        schedule: with the axis of the columns.
        columns: that axis.
    """

    def __init__(self, facts: Facts, schedule: Schedule, columns: Node) -> None:
        super().__init__(facts, schedule)
        self.columns = columns
        outer = facts.regions[None].nodes
        self.group = [node for node in outer if node.op is kernel.reduce_over]
        self.totals = {
            node: memory.make_scratch(number, node.dtype, schedule.chunk)
            for number, node in enumerate(self.group)
        }
        is_nested = any(facts.regions[node].level for node in self.group)
        self.rows = 1 if is_nested else schedule.rows
        self.first: Index = 0
        self.filled: Node | None = None

    def reduce_group(self, group: list[Node], environment: Environment) -> list[Node]:
        """Return what scratch memory has for each reduction; those inside a row are computed."""
        if any(node not in self.totals for node in group):
            return super().reduce_group(group, environment)
        place, mask = self._place(environment)
        return [memory.make_load(self.totals[node], place, mask, self.filled) for node in group]

    def fill(
        self, derivation: Derivation, environment: Environment, rows: tuple[Index, Index]
    ) -> list[Node]:
        """Return the effects that combine the columns of an instance.

        Args:
            derivation: knows which columns the instance has.
            environment: positions of the axes of the results, but for the columns.
            rows: bounds of the first axis that is reduced.
        """
        self.first = derivation.bounds.get(self.columns, (0, 0))[0]
        cleared = derivation.walk(self.columns, environment, self._clear)
        self.filled = cleared[-1]
        axes = self.group[0].sources[1:]
        return [*cleared, *self._walk_rows(derivation, axes, rows, environment)]

    def _walk_rows(
        self,
        derivation: Derivation,
        axes: Sequence[Node],
        bounds: tuple[Index, Index],
        environment: Environment,
    ) -> list[Node]:
        """Return the loops over the reduced axes; the innermost takes several rows at a time."""
        (axis, *rest), (start, stop) = axes, bounds
        if rest:
            _, index = self.new_loop(start, stop)
            inner = environment.bind(axis, Position(index))
            body = self._walk_rows(derivation, rest, (0, kernel.extent_of(rest[0])), inner)
            self.filled = tile.make_loop(index, 1, (), body)
            return [self.filled]
        each = symbolic.floor_divide(symbolic.subtract(stop, start), self.rows)
        middle = symbolic.add(start, symbolic.multiply(each, self.rows))
        effects = self._combine_rows(derivation, environment, axis, (start, each, self.rows))
        rest = symbolic.subtract(stop, middle)
        return effects + self._combine_rows(derivation, environment, axis, (middle, rest, 1))

    def _combine_rows(
        self,
        derivation: Derivation,
        environment: Environment,
        axis: Node,
        rows: tuple[Index, Index, int],
    ) -> list[Node]:
        """Return the loop over rows along the columns.

        The rows that are combined at a time are far from each other, so that memory is read in as
        many long runs.

        Args:
            derivation: knows which columns the instance has.
            environment: positions of the other axes.
            axis: of the rows.
            rows: the first, how many rounds there are, and how many rows to combine in each.
        """
        start, rounds, count = rows
        if rounds == 0:
            return []
        _, index = self.new_loop(start, symbolic.add(start, rounds))
        places = [
            Position(symbolic.add(index, symbolic.multiply(rounds, number)))
            for number in range(count)
        ]

        def combine(inner: Environment) -> list[Node]:
            return self._combine([inner.bind(axis, place) for place in places])

        body = derivation.walk(self.columns, environment, combine)
        self.filled = tile.make_loop(index, 1, (), body)
        return [self.filled]

    def _place(self, environment: Environment) -> tuple[Index, Node | None]:
        """Return where the columns of a tile are in scratch memory, and which of them exist."""
        position = environment.positions[self.columns]
        return symbolic.subtract(position.value, self.first), symbolic.as_mask(position.condition)

    def _clear(self, environment: Environment) -> list[Node]:
        place, mask = self._place(environment)
        shape = (environment.positions[self.columns].size,)
        return [
            memory.make_store(
                total,
                place,
                filled(identity(kind_of(node), node.dtype), node.dtype, shape),
                mask,
            )
            for node, total in self.totals.items()
        ]

    def _combine(self, rows: Sequence[Environment]) -> list[Node]:
        """Return the effects that add one tile of several rows to what its columns have."""
        place, mask = self._place(rows[0])
        effects = []
        for node, total in self.totals.items():
            value = memory.make_load(total, place, mask, self.filled)
            for row in rows:
                value = self.add_in(Accumulator(node, value, is_rest=False), row).value
            effects.append(memory.make_store(total, place, value, mask))
        return effects


def nest_rows(facts: Facts, decider: Decider) -> tuple[Facts, Schedule] | None:
    """Return a reduction over short rows and more as one of rows that are reduced by themselves.

    Where an axis of the results lies between those that are reduced, each result would take a
    short run of memory here and there. The rows of several results make a longer one.

    Returns:
        The nested reductions and their schedule, None if this is no such kernel.
    """
    reductions = [region for region in facts.regions.values() if region.reduction is not None]
    if len(reductions) != 1 or len(reductions[0].loads) != 1 or len(facts.stores) != 1:
        return None
    (region,), (store,) = reductions, facts.stores
    (load,), (*outer, row), reduction = region.loads, region.own, region.reduction
    length = constant_extent(row)
    nbytes = (length or 0) * load.dtype.itemsize
    if not outer or not LEAST_ROW <= nbytes <= LONGEST_ROW or reduction is None:
        return None
    between = [axis for axis in facts.outputs if facts.stride(load, axis) == length]
    is_whole = facts.free[store] == facts.free[reduction] == frozenset(facts.outputs)
    if facts.stride(load, row) != 1 or not between or not is_whole or len(load.sources) > 2:
        return None
    if decider.take("nested rows", ("nested", "flat")) == "flat":
        return None
    attributes = reduction.attributes
    inner = kernel.reduce_over(reduction.sources[0], row, attributes=attributes)
    nested = kernel.reduce_over(inner, *outer, attributes=attributes)
    (root,) = substitute([facts.program], {reduction: nested})
    (columns,) = between
    others = tuple(axis for axis in facts.outputs if axis is not columns)
    chunk = decider.take("chunk", list_near(max(1, RUN // nbytes), 1, (8 * RUN) // nbytes))
    tiles = {row: Tile(0, min(ROW_TILE, length or ROW_TILE))}
    grid = (*others, columns)
    return Facts(root), Schedule(1, tiles, grid, (columns,), 1, columns, chunk, columns)


def derive_columns(
    facts: Facts, schedule: Schedule, columns: Node, slots: Sequence[Slot], name: str
) -> Program:
    """Return the program of a kernel whose instances each own some of the columns."""
    if schedule.parts > 1:
        return derive_split(facts, schedule, slots, name, _fill_parts)
    lowering = ColumnLowering(facts, schedule, columns)
    derivation = Derivation(facts, schedule, lowering)
    grid, environment = derivation.instance()
    rows: tuple[Index, Index] = (0, kernel.extent_of(lowering.group[0].sources[1]))
    effects = lowering.fill(derivation, environment, rows)
    effects += derivation.effects(list(facts.stores), (columns,), environment)
    return Program(tile.make_program(name, grid, effects), tuple(slots))


def _fill_parts(
    facts: Facts, schedule: Schedule, parts: PartLowering
) -> tuple[list[Index], list[Node]]:
    """Return the grid and the effects that fill workspaces with what parts of the rows come to."""
    columns = schedule.loops[-1]
    lowering = ColumnLowering(facts, schedule, columns)
    derivation = Derivation(facts, schedule, lowering)
    sizes, environment = derivation.instance()
    part = tile.make_program_index(len(sizes))
    extent = kernel.extent_of(lowering.group[0].sources[1])
    first, end = (
        symbolic.floor_divide(symbolic.multiply(edge, extent), schedule.parts)
        for edge in (part, symbolic.add(part, 1))
    )
    effects = lowering.fill(derivation, environment, (first, end))

    def keep(inner: Environment) -> list[Node]:
        mask = symbolic.as_mask(inner.positions[columns].condition)
        offset = parts.offset(part, inner)
        return [
            memory.make_store(parts.workspaces[node], offset, lowering.reduce(node, inner), mask)
            for node in lowering.group
        ]

    effects += derivation.walk(columns, environment, keep)
    parts.loops = lowering.loops  # their numbers are taken
    return [*sizes, schedule.parts], effects

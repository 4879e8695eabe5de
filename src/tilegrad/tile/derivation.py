"""What an instance of a derived program does: loops over the axes of its results, and stores."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index, as_index
from tilegrad.ops.bounds import bounds
from tilegrad.ops.build import lanes
from tilegrad.ops.movement import reshape_to
from tilegrad.ops.program import Program, Slot
from tilegrad.tile.choices.joined_rows import JoinedRows
from tilegrad.tile.choices.schedule import Schedule
from tilegrad.tile.environment import Environment, Position, tile_position
from tilegrad.tile.facts import Facts
from tilegrad.tile.lower import Lowering
from tilegrad.tile.memory.whole_lines import find_row, walk_row


class Derivation:
    """Writes the effects of a program instance.

    Args:
        facts: of the kernel.
        schedule: how it is done.
        lowering: computes the values.
        uncached: pointers through which results are written past the caches.
    """

    def __init__(
        self,
        facts: Facts,
        schedule: Schedule,
        lowering: Lowering | None = None,
        uncached: Collection[Node] = (),
    ) -> None:
        self.facts = facts
        self.schedule = schedule
        self.uncached = uncached
        self.lowering = lowering or Lowering(facts, schedule)
        self.loaded_slots = {
            load.sources[0] for region in facts.regions.values() for load in region.loads
        }
        self.is_in_place = not self.loaded_slots.isdisjoint(facts.stored_slots)
        self.bounds: dict[Node, tuple[Index, Index]] = {}

    def program(self, slots: Sequence[Slot], name: str) -> Program:
        """Return the program whose instances cover the grid."""
        grid, environment = self.instance()
        late = [store for store in self.facts.stores if self._is_late(store)]
        early = [store for store in self.facts.stores if store not in late]
        effects = self.effects(early, self.schedule.loops, environment)
        finish = self._finish(late) if late else []
        return Program(tile.make_program(name, grid, effects, finish), tuple(slots))

    def _is_late(self, store: Node) -> bool:
        """Whether a store overwrites what instances or iterations beside its own still read."""
        is_common = self.facts.free[store] != frozenset(self.facts.outputs)
        return is_common and store.sources[0] in self.loaded_slots

    def _finish(self, stores: list[Node]) -> list[Node]:
        loops = tuple(dict.fromkeys((*self.schedule.grid, *self.schedule.loops)))
        whole = self.schedule._replace(grid=(), loops=loops)
        self.lowering.reductions.clear()
        finish = Derivation(self.facts, whole, self.lowering)
        return finish.effects(stores, whole.loops, Environment({}))

    def instance(self) -> tuple[list[Index], Environment]:
        """Return the grid's sizes and the positions of its axes in one instance."""
        sizes: list[Index] = []
        environment = Environment({})
        for number, axis in enumerate(self.schedule.grid):
            extent = kernel.extent_of(axis)
            at = self.schedule.tiles.get(axis)
            size = 1 if at is None else at.size
            if axis is self.schedule.chunked or axis in self.schedule.cuts:
                chunk = self.schedule.chunk if axis is self.schedule.chunked else size
                sizes.append(self._bound_chunk(axis, number, extent, chunk))
                continue
            blocks = symbolic.floor_divide(symbolic.add(extent, size - 1), size)
            sizes.append(blocks)
            index: Index = 0 if blocks == 1 else tile.make_program_index(number)
            environment = environment.bind(axis, self._grid_position(axis, index, extent, size))
        return sizes, environment

    def _bound_chunk(self, axis: Node, number: int, extent: Index, chunk: int) -> Index:
        """Let an instance walk one chunk of an axis; return the number of chunks."""
        start = symbolic.multiply(tile.make_program_index(number), chunk)
        stop = symbolic.add(start, chunk)
        if not isinstance(extent, int) or extent % chunk:
            stop = symbolic.minimum(extent, stop)
        self.bounds[axis] = (start, stop)
        return symbolic.floor_divide(symbolic.add(extent, chunk - 1), chunk)

    def _grid_position(self, axis: Node, index: Index, extent: Index, size: int) -> Position:
        at = self.schedule.tiles.get(axis)
        if at is None:
            return Position(index)
        base = symbolic.multiply(index, size)
        rank = self.schedule.rank
        if isinstance(extent, int) and extent % size == 0:
            return tile_position(base, at.dimension, size, rank)
        if isinstance(extent, int) and extent > size and not self.is_in_place:
            # The last tile overlaps the one before: it writes the same values once more.
            last = symbolic.minimum(base, extent - size)
            return tile_position(last, at.dimension, size, rank)
        return tile_position(base, at.dimension, size, rank, extent)

    def effects(
        self, stores: list[Node], loops: Sequence[Node], environment: Environment
    ) -> list[Node]:
        """Return the stores, within loops over those of the remaining axes that they depend on."""
        if not loops:
            return [self._store(store, environment) for store in stores]
        axis, rest = loops[0], loops[1:]
        inside = [store for store in stores if axis in self.facts.free[store]]
        outside = [store for store in stores if axis not in self.facts.free[store]]
        result = self.effects(outside, rest, environment) if outside else []
        if inside:
            result += self.lowering.before(axis, environment)
            result += self._walk_stores(axis, inside, rest, environment)
        return result

    def _walk_stores(
        self, axis: Node, stores: list[Node], rest: Sequence[Node], environment: Environment
    ) -> list[Node]:
        """Return the effects of stores for all tiles of an axis, the outermost of their loops."""
        large = [store for store in stores if store.sources[0] in self.uncached]
        is_row = axis in self.schedule.tiles and self.schedule.rank == 1 and not rest
        if large and is_row and axis not in self.bounds:
            row = find_row(self.facts, self.lowering, large, axis, environment)
            if row is not None:
                size = self.schedule.tiles[axis].size
                return walk_row(
                    row,
                    size,
                    self.lowering,
                    lambda at: self.effects(stores, (), environment.bind(axis, at)),
                )
        return self.walk(axis, environment, lambda at: self.effects(stores, rest, at))

    def walk(
        self, axis: Node, environment: Environment, inside: Callable[[Environment], list[Node]]
    ) -> list[Node]:
        """Return the effects of ``inside`` for all tiles of an axis, as far as the instance goes.

        Args:
            axis: the axis.
            environment: positions of the axes around.
            inside: gives the effects where the axis has a position too.
        """
        extent = kernel.extent_of(axis)
        start, stop = self.bounds.get(axis, (0, extent))
        effects: list[Node] = []
        for edge in self.schedule.cuts.get(axis, ()):
            piece = start, symbolic.minimum(stop, edge)
            effects += self._walk_piece(axis, piece, environment, inside)
            start = symbolic.maximum(start, edge)
        return [*effects, *self._walk_piece(axis, (start, stop), environment, inside)]

    def _walk_piece(
        self,
        axis: Node,
        piece: tuple[Index, Index],
        environment: Environment,
        inside: Callable[[Environment], list[Node]],
    ) -> list[Node]:
        """Return the effects for a piece of an axis, none if its bounds are out of order."""
        at = self.schedule.tiles.get(axis)
        size = 1 if at is None else at.size
        rank = self.schedule.rank

        def position(base: Index, count: int, limit: Index | None = None) -> Position:
            if at is None:
                return Position(base)
            return tile_position(base, at.dimension, count, rank, limit)

        start, stop = piece
        length = symbolic.subtract(stop, start)
        if length == size:
            return inside(environment.bind(axis, position(start, size)))
        full = symbolic.multiply(symbolic.floor_divide(length, size), size)
        end = symbolic.add(start, full)
        if axis in self.schedule.cuts:
            # Of all tiles it is known then that they end before the cut.
            end = symbolic.subtract(stop, size - 1)
        # Patterns are known in tiles that begin at multiples of their period.
        unit = 1 if axis in self.schedule.cuts else math.gcd(self.facts.period(axis), size)
        result: list[Node] = []
        if bounds(start)[0] < bounds(end)[1]:
            first, last = (symbolic.floor_divide(place, unit) for place in (start, end))
            _, index = self.lowering.new_loop(first, last)
            body = inside(environment.bind(axis, position(symbolic.multiply(index, unit), size)))
            result.append(tile.make_loop(index, size // unit, (), body))
        if isinstance(length, int):
            rest = length % size
            if rest:
                last = position(symbolic.subtract(stop, rest), rest)
                result += inside(environment.bind(axis, last))
        elif full != length:
            base = symbolic.maximum(start, symbolic.add(start, full))
            _, index = self.lowering.new_loop(base, stop)
            body = inside(environment.bind(axis, position(index, size, stop)))
            result.append(tile.make_loop(index, size, (), body))
        return result

    def _store(self, store: Node, environment: Environment) -> Node:
        pointer, offset, value = store.sources
        if self.schedule.joined is not None and pointer in self.uncached:
            return self._store_joined(store, self.schedule.joined, environment)
        axes = self.facts.free[store]
        conditions = [environment.positions[axis].condition for axis in axes]
        conditions += [
            symbolic.equal(position.value, 0)
            for axis, position in environment.positions.items()
            if axis not in axes and axis in self.schedule.grid
        ]
        return memory.make_store(
            pointer,
            as_index(self.lowering.value(offset, environment)),
            self.lowering.value(value, environment),
            symbolic.as_mask(symbolic.logical_and(*conditions)),
            is_uncached=pointer in self.uncached,
        )

    def _store_joined(self, store: Node, rows: JoinedRows, environment: Environment) -> Node:
        """Return the effect that writes a tile of rows as one run, past the caches."""
        pointer, offset, value = store.sources
        at_first = environment
        for dimension, axis in enumerate((rows.axis, rows.lane)):
            position = environment.positions[axis]
            inside = lanes(position.size, self.schedule.rank, dimension)
            at_first = at_first.bind(axis, Position(symbolic.subtract(position.value, inside)))
        start = as_index(self.lowering.value(offset, at_first))
        size = rows.count * rows.length
        return memory.make_store(
            pointer,
            symbolic.add(start, lanes(size, 1, 0)),
            reshape_to(self.lowering.value(value, environment), (size,)),
            is_uncached=True,
        )

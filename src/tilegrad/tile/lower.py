"""Lowering: a kernel and its schedule become a tile program, by substitution.

Every axis is given a position: the base of the present tile plus its lanes. With these in an
environment, each expression of the kernel is a tile expression and reductions become loops that
carry accumulators. What does not depend on a loop ends up outside of it by itself, since a tile
program is a graph. Extents that are no multiple of a tile are finished by a smaller tile where the
extent is known, by a mask where it is symbolic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, comparison, kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.build import combine as combine_lanes
from tilegrad.ops.combining import combining_op, identity
from tilegrad.ops.elementwise import zero
from tilegrad.ops.kernel import kind_of
from tilegrad.ops.movement import filled
from tilegrad.ops.symbolic import Condition
from tilegrad.rewrite.graph import rebuild
from tilegrad.tile.choices.ahead import NO_AHEAD, Ahead
from tilegrad.tile.choices.cuts import fold_condition, known
from tilegrad.tile.choices.schedule import Schedule
from tilegrad.tile.environment import Environment, Position, tile_position
from tilegrad.tile.facts import Facts

UNROLLED_ROUNDS = 4
"""A loop over single values is unrolled by the largest factor up to this that divides it."""


def combine(kind: str, first: Node, second: Node) -> Node:
    """Return two partial results of a reduction as one."""
    return combining_op(kind, first.dtype)(first, second)


@dataclass(eq=False, slots=True)
class Accumulator:
    """A partial result: of which reduction, over full tiles or over the rest of an axis."""

    reduction: Node
    value: Node
    is_rest: bool


class Lowering:
    """Lowers the expressions of one kernel.

    Args:
        facts: of the kernel.
        schedule: how to cut it up.
        ahead: which loads ask for what comes later.
    """

    def __init__(self, facts: Facts, schedule: Schedule, ahead: Ahead = NO_AHEAD) -> None:
        self.facts = facts
        self.schedule = schedule
        self.ahead = ahead
        self.loops = 0
        self.reductions: dict[object, Node] = {}
        self.performed: list[Node] = []
        self.reduced: Node | None = None

    def new_loop(self, start: Index, stop: Index) -> tuple[int, Node]:
        """Return the number and the index of a new loop."""
        number = self.loops
        self.loops += 1
        return number, tile.make_loop_index(number, start, stop)

    def value(self, expression: Node, environment: Environment) -> Node:
        """Return the tile of an expression whose free axes all have positions."""
        done: dict[Node, Node] = {}
        order = sort_topologically(
            [expression], is_leaf=lambda node: node.op in (kernel.axis, kernel.reduce_over)
        )
        for node in order:
            if node.op is kernel.axis:
                done[node] = as_node(environment.positions[node].value)
            elif node.op is kernel.reduce_over:
                done[node] = self.reduce(node, environment)
            elif node.op is memory.load:
                done[node] = self._load(node, done, environment)
            elif (known_value := self.read_known(node, environment)) is not None:
                done[node] = known_value
            else:
                built = rebuild(node, tuple(done[source] for source in node.sources))
                done[node] = fold_condition(built)
        return done[expression]

    def before(self, axis: Node, environment: Environment) -> list[Node]:
        """Return what is to be performed before the tiles along an axis of the results."""
        del axis, environment
        return []

    def read_known(self, node: Node, environment: Environment) -> Node | None:
        """Return the tile of an expression that is in memory already, None if it is not."""
        del node, environment
        return None

    def note_loop(self, loop: Node) -> None:
        """Take note of the loop of a reduction."""

    def note_terms(self, accumulators: list[Accumulator], environment: Environment) -> None:
        """Take note of the place of the terms that accumulators are about to get."""

    def _load(self, node: Node, done: dict[Node, Node], environment: Environment) -> Node:
        pointer, offset, *guard = (done[source] for source in node.sources)
        axes = self.facts.free[node]
        condition = self.condition(axes, environment)
        conditions = [one if known(one) is None else known(one) is True for one in guard]
        mask = symbolic.logical_and(condition, *conditions)
        if mask is False:
            return zero(node.dtype)
        ahead = self.ahead.get(self.reduced, {}).get(node, 0)
        return memory.make_load(pointer, offset, symbolic.as_mask(mask), ahead=ahead)

    def condition(self, axes: frozenset[Node], environment: Environment) -> Condition:
        """Return where the tiles of some axes lie within their extents."""
        return symbolic.logical_and(*(environment.positions[axis].condition for axis in axes))

    def reduce(self, node: Node, environment: Environment) -> Node:
        """Return the tile of a reduction; those beside it over the same axes share its loops."""
        key = (node, environment.key(self.facts.free[node]))
        if key not in self.reductions:
            group = self._find_group(node)
            results = self.reduce_group(group, environment)
            for member, result in zip(group, results, strict=True):
                self.reductions[member, environment.key(self.facts.free[member])] = result
        return self.reductions[key]

    def _find_group(self, node: Node) -> list[Node]:
        level = self.facts.regions[node].level
        return [
            other
            for other, region in self.facts.regions.items()
            if other is not None
            and other.sources[1:] == node.sources[1:]
            and self.facts.free[other] == self.facts.free[node]
            and region.level == level
        ]

    def reduce_group(self, group: list[Node], environment: Environment) -> list[Node]:
        """Return the results of reductions over the same axes, in one nest of loops."""
        accumulators = self.start(group, environment)
        accumulators = self.accumulate(group[0].sources[1:], accumulators, environment)
        return self.end(group, accumulators)

    def start(self, group: Sequence[Node], environment: Environment) -> list[Accumulator]:
        """Return the accumulators of reductions over the same axes, before the first element."""
        result = []
        for is_rest in (False, True):
            inner = environment
            is_needed = not is_rest
            for axis in group[0].sources[1:]:
                size, rest = self.sizes(axis)
                is_needed |= is_rest and rest > 0
                used = rest if is_rest and rest else size
                inner = inner.bind(axis, self.at(axis, 0, used))
            if not is_needed:
                continue
            for node in group:
                body = node.sources[0]
                axes = self.facts.free[body] | frozenset(node.sources[1:])  # also if it is constant
                shape = inner.shape(axes, self.schedule.rank)
                first = filled(identity(kind_of(node), node.dtype), node.dtype, shape)
                result.append(Accumulator(node, first, is_rest))
        return result

    def end(self, group: Sequence[Node], accumulators: Sequence[Accumulator]) -> list[Node]:
        """Return the results of reductions from their accumulators."""
        tiled = [axis for axis in group[0].sources[1:] if axis in self.schedule.tiles]
        results = []
        for node in group:
            kind = kind_of(node)
            parts = []
            for accumulator in accumulators:
                if accumulator.reduction is node:
                    value = accumulator.value
                    for axis in tiled:
                        dimension = self.schedule.tiles[axis].dimension
                        if value.shape[dimension] != 1:
                            value = combine_lanes(value, kind, dimension)
                    parts.append(value)
            result = parts[0]
            for part in parts[1:]:
                result = combine(kind, result, part)
            results.append(result)
        return results

    def sizes(self, axis: Node) -> tuple[int, int]:
        """Return the size of an axis's tiles and of the rest at its end (0 if none)."""
        size = self.schedule.tiles[axis].size if axis in self.schedule.tiles else 1
        extent = kernel.extent_of(axis)
        return size, extent % size if isinstance(extent, int) else 0

    def at(self, axis: Node, base: Index, size: int, *, is_masked: bool = False) -> Position:
        """Return the position of an axis's tile that starts at ``base``."""
        if axis not in self.schedule.tiles:
            return Position(base)
        dimension = self.schedule.tiles[axis].dimension
        limit = kernel.extent_of(axis) if is_masked else None
        return tile_position(base, dimension, size, self.schedule.rank, limit)

    def accumulate(
        self,
        axes: Sequence[Node],
        accumulators: list[Accumulator],
        environment: Environment,
    ) -> list[Accumulator]:
        """Return the accumulators after all values of the axes.

        Args:
            axes: axes that are still to be walked, outermost first.
            accumulators: what has been combined so far.
            environment: positions of all other axes.
        """
        if not axes:
            around, self.reduced = self.reduced, accumulators[0].reduction
            self.note_terms(accumulators, environment)
            added = [self.add_in(accumulator, environment) for accumulator in accumulators]
            self.reduced = around
            return added
        axis, rest_axes = axes[0], axes[1:]
        size, rest = self.sizes(axis)
        extent = kernel.extent_of(axis)
        full = [accumulator for accumulator in accumulators if not accumulator.is_rest]
        others = [accumulator for accumulator in accumulators if accumulator.is_rest]
        if rest or (size > 1 and not isinstance(extent, int)):
            stop_full = symbolic.multiply(symbolic.floor_divide(extent, size), size)
        else:
            stop_full, full, others = extent, accumulators, accumulators[:0]
        full = self.walk(axis, (0, stop_full), rest_axes, full, environment)
        if rest:
            inner = environment.bind(axis, self.at(axis, stop_full, rest))
            others = self.accumulate(rest_axes, others, inner)
        elif size > 1 and not isinstance(extent, int):
            inner = environment.bind(axis, self.at(axis, stop_full, size, is_masked=True))
            full = self.accumulate(rest_axes, full, inner)
        return [*full, *others]

    def walk(
        self,
        axis: Node,
        bounds: tuple[Index, Index],
        rest_axes: Sequence[Node],
        accumulators: list[Accumulator],
        environment: Environment,
    ) -> list[Accumulator]:
        """Return the accumulators after the full tiles of an axis within bounds."""
        start, stop = bounds
        size, _ = self.sizes(axis)
        length = symbolic.subtract(stop, start)
        if isinstance(length, int) and length <= 0:
            return accumulators
        is_nested = any(self.facts.regions[one.reduction].level for one in accumulators)
        unrolled = self._unrolling(length, size, is_innermost=not rest_axes and not is_nested)
        if length == size * unrolled:
            return self._rounds(axis, start, unrolled, rest_axes, accumulators, environment)
        number, index = self.new_loop(start, stop)
        carries = [
            tile.make_carry(number, place, accumulator.value)
            for place, accumulator in enumerate(accumulators)
        ]
        inside = [
            Accumulator(accumulator.reduction, carry, accumulator.is_rest)
            for accumulator, carry in zip(accumulators, carries, strict=True)
        ]
        around = self.performed
        self.performed = performed = list[Node]()
        inside = self._rounds(axis, index, unrolled, rest_axes, inside, environment)
        pairs = [(carry, after.value) for carry, after in zip(carries, inside, strict=True)]
        loop = tile.make_loop(index, size * unrolled, pairs, performed)
        self.performed = around
        self.note_loop(loop)
        results = tile.make_loop_results(loop)
        return [
            Accumulator(after.reduction, result, after.is_rest)
            for after, result in zip(inside, results, strict=True)
        ]

    def _unrolling(self, length: Index, size: int, *, is_innermost: bool) -> int:
        if not isinstance(length, int):
            return 1
        if length <= size * UNROLLED_ROUNDS and (size == 1 or length == size):
            return max(1, length // size)
        if size > 1 or not is_innermost:
            return 1
        return max(n for n in range(1, UNROLLED_ROUNDS + 1) if length % n == 0)

    def _rounds(
        self,
        axis: Node,
        base: Index,
        count: int,
        rest_axes: Sequence[Node],
        accumulators: list[Accumulator],
        environment: Environment,
    ) -> list[Accumulator]:
        size, _ = self.sizes(axis)
        for number in range(count):
            at = self.at(axis, symbolic.add(base, number * size), size)
            accumulators = self.accumulate(rest_axes, accumulators, environment.bind(axis, at))
        return accumulators

    def add_in(self, accumulator: Accumulator, environment: Environment) -> Accumulator:
        """Return an accumulator with the terms of one more tile."""
        node = accumulator.reduction
        kind, body = kind_of(node), node.sources[0]
        condition = self.condition(frozenset(node.sources[1:]), environment)
        guards, term = comparison.split_guards(body)
        if kind == "add" and term.op is arithmetic.multiply and condition is True:
            first, second = (self.value(source, environment) for source in term.sources)
            value = _multiply_add(first, second, accumulator.value)
            for guard in guards:
                value = comparison.where(self.value(guard, environment), value, accumulator.value)
        else:
            value = self.value(body, environment)
            if isinstance(condition, Node):
                nothing = filled(identity(kind, node.dtype), node.dtype, ())
                value = comparison.where(condition, value, nothing)
            # Whether the first one is NaN is asked apart: better of what has not to be waited for.
            value = combine(kind, value, accumulator.value)
        return Accumulator(node, value, accumulator.is_rest)


def _multiply_add(first: Node, second: Node, total: Node) -> Node:
    """Return total + first · second: a ``dot`` where the tiles are a column and a row."""
    if not total.dtype.is_float:
        return total + first * second
    if len(total.shape) == 2:
        for left, right in ((first, second), (second, first)):
            rows, columns = total.shape
            is_outer = left.shape == (rows, 1) and right.shape == (1, columns)
            if is_outer and rows != 1 and columns != 1:
                return tile.dot(left, right, total)
    return arithmetic.fused_multiply_add(first, second, total)

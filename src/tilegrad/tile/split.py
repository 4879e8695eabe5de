"""Reductions to few results: every instance reduces a part, a finish block puts the parts together.

The number of parts depends on the sizes alone, never on the number of threads, so the result is the
same on every machine with the same tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index
from tilegrad.ops.combining import identity
from tilegrad.ops.kernel import kind_of
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program, Slot
from tilegrad.tile.choices.ahead import NO_AHEAD, Ahead
from tilegrad.tile.choices.schedule import Schedule
from tilegrad.tile.derivation import Derivation
from tilegrad.tile.environment import Environment
from tilegrad.tile.facts import Facts
from tilegrad.tile.lower import Accumulator, Lowering, combine


class PartLowering(Lowering):
    """Lowers reductions whose parts lie in workspaces.

    Args:
        facts: of the kernel.
        schedule: with the number of parts.
        workspaces: for each reduction that is cut up, the memory of its partial results.
        ahead: which loads ask for what comes later.
    """

    def __init__(
        self, facts: Facts, schedule: Schedule, workspaces: dict[Node, Node], ahead: Ahead
    ) -> None:
        super().__init__(facts, schedule, ahead)
        self.workspaces = workspaces
        strides: Index = 1
        self.strides: dict[Node, Index] = {}
        for axis in reversed(facts.outputs):
            self.strides[axis] = strides
            strides = symbolic.multiply(strides, kernel.extent_of(axis))
        self.results = strides

    def offset(self, part: Index, environment: Environment) -> Index:
        """Return where the partial results of a part lie in a workspace."""
        terms = [
            symbolic.multiply(environment.positions[axis].value, stride)
            for axis, stride in self.strides.items()
        ]
        return symbolic.add(symbolic.multiply(part, self.results), *terms)

    def walk_part(self, group: list[Node], part: Index, environment: Environment) -> list[Node]:
        """Return the partial results of one part of the first axis."""
        axis, *rest_axes = group[0].sources[1:]
        size, rest = self.sizes(axis)
        accumulators = self.start(group, environment)
        if rest:
            accumulators = [other for other in accumulators if not other.is_rest]
        blocks = symbolic.floor_divide(kernel.extent_of(axis), size)
        first, end = (
            symbolic.multiply(
                symbolic.floor_divide(symbolic.multiply(edge, blocks), self.schedule.parts), size
            )
            for edge in (part, symbolic.add(part, 1))
        )
        walked = self.walk(axis, (first, end), rest_axes, accumulators, environment)
        return self.end(group, walked)

    def reduce_group(self, group: list[Node], environment: Environment) -> list[Node]:
        """Return the results of reductions, put together from their parts where they have some."""
        if not all(node in self.workspaces for node in group):
            return super().reduce_group(group, environment)
        totals = self._add_parts(group, environment)
        rests = self._rests(group, environment)
        if not rests:
            return totals
        return [
            combine(kind_of(node), total, rest)
            for node, total, rest in zip(group, totals, self.end(group, rests), strict=True)
        ]

    def _add_parts(self, group: list[Node], environment: Environment) -> list[Node]:
        number, index = self.new_loop(0, self.schedule.parts)
        offset = self.offset(index, environment)
        mask = symbolic.as_mask(self.condition(frozenset(self.strides), environment))
        pairs = []
        for place, node in enumerate(group):
            value = memory.make_load(self.workspaces[node], offset, mask)
            kind = kind_of(node)
            first = filled(identity(kind, node.dtype), node.dtype, value.shape)
            carry = tile.make_carry(number, place, first)
            pairs.append((carry, combine(kind, carry, value)))
        return list(tile.make_loop_results(tile.make_loop(index, 1, pairs)))

    def _rests(self, group: list[Node], environment: Environment) -> list[Accumulator]:
        axis, *rest_axes = group[0].sources[1:]
        size, rest = self.sizes(axis)
        if not rest:
            return []
        extent = kernel.extent_of(axis)
        accumulators = [other for other in self.start(group, environment) if other.is_rest]
        base = symbolic.multiply(symbolic.floor_divide(extent, size), size)
        inner = environment.bind(axis, self.at(axis, base, rest))
        return self.accumulate(rest_axes, accumulators, inner)


Fill = Callable[[Facts, Schedule, PartLowering], tuple[list[Index], list[Node]]]
"""Gives the grid, the parts last, and the effects that fill the workspaces."""


def derive_split(
    facts: Facts,
    schedule: Schedule,
    slots: Sequence[Slot],
    name: str,
    fill: Fill,
    ahead: Ahead = NO_AHEAD,
) -> Program:
    """Return the program of a kernel with few results and much to reduce."""
    outer = [node for node in facts.regions[None].nodes if node.op is kernel.reduce_over]
    lowering = PartLowering(facts, schedule, {}, ahead)
    slots = list(slots)
    workspaces: dict[Node, Node] = {}
    for node in outer:
        workspaces[node] = memory.make_parameter(len(slots), node.dtype)
        slots.append(
            Slot("workspace", node.dtype, symbolic.multiply(schedule.parts, lowering.results))
        )
    lowering.workspaces = workspaces
    grid, effects = fill(facts, schedule, lowering)
    lowering.reductions.clear()
    loops = tuple(dict.fromkeys((*schedule.grid, *schedule.loops)))
    whole = schedule._replace(grid=(), loops=loops)
    finish = Derivation(facts, whole, lowering)
    finishing = finish.effects(list(facts.stores), whole.loops, Environment({}))
    program = tile.make_program(name, grid, effects, finishing)
    return Program(program, tuple(slots))


def fill_parts(
    facts: Facts, schedule: Schedule, lowering: PartLowering
) -> tuple[list[Index], list[Node]]:
    """Return the grid and the effects that fill the workspaces, part by part of the reductions."""
    derivation = Derivation(facts, schedule, lowering)
    sizes, environment = derivation.instance()
    part = tile.make_program_index(len(sizes))
    groups: dict[tuple[Node, ...], list[Node]] = {}
    for node in lowering.workspaces:
        groups.setdefault(node.sources[1:], []).append(node)
    offset = lowering.offset(part, environment)
    mask = symbolic.as_mask(lowering.condition(frozenset(lowering.strides), environment))
    effects = [
        memory.make_store(lowering.workspaces[node], offset, value, mask)
        for group in groups.values()
        for node, value in zip(group, lowering.walk_part(group, part, environment), strict=True)
    ]
    return [*sizes, schedule.parts], effects

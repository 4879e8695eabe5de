"""A plan: the launches that compute a graph and their memory, for any buffers of its shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tilegrad.base.trace import Trace
from tilegrad.engine.memory_plan import Arena, Lifetime, count_alive, plan_arena
from tilegrad.engine.programs import Derived, Programs
from tilegrad.engine.sizes import evaluate_index
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Shape
from tilegrad.ops import graph, symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.bounds import bounds
from tilegrad.ops.graph import CallAttributes
from tilegrad.ops.program import Slot
from tilegrad.ops.scatter_sources import stored_sources
from tilegrad.schedule.empty import is_empty
from tilegrad.schedule.express import ExpressedKernel, target_of
from tilegrad.schedule.order import LEAST_FREED, Item
from tilegrad.schedule.passes import schedule_graph
from tilegrad.schedule.roots import resolve_alias


class Place(NamedTuple):
    """Where a tensor's memory is: which buffer given, result made or temporary of the plan.

    Of a captured step it may also be a packed copy.
    """

    kind: Literal["given", "made", "temporary", "packed"]
    number: int


class Step(NamedTuple):
    """One launch.

    Attributes:
        program: what runs.
        places: the memory behind each pointer slot; None for slots that are scalars.
    """

    program: Derived
    places: tuple[Place | None, ...]

    @property
    def is_symbolic(self) -> bool:
        """Whether its sizes differ from run to run."""
        return any(not isinstance(slot.size, int) for slot in self.program.program.slots)

    @property
    def moved_bytes(self) -> int:
        """Bytes behind its pointers, those of symbolic size left out."""
        return sum(
            slot.size * slot.dtype.itemsize
            for slot in self.program.program.slots
            if slot.role != "scalar" and isinstance(slot.size, int)
        )


class Made(NamedTuple):
    """A buffer that a plan makes."""

    dtype: DType
    size: Index


class Result(NamedTuple):
    """Where a wanted node ends up."""

    place: Place
    shape: Shape


@dataclass(slots=True)
class Plan:
    """What to launch, in which memory.

    Attributes:
        groups: launches; those of one group are independent of each other.
        made: buffers to allocate for results.
        temporaries: sizes and dtypes of the buffers that live only inside.
        arena: where these lie.
        results: for each wanted node, its place.
        overwritten: numbers of the given buffers that are written in place.
        hopes: numbers of the given buffers of which a plan makes more use if they are constant.
    """

    groups: list[list[Step]]
    made: list[Made]
    temporaries: list[Made]
    lifetimes: list[Lifetime]
    arena: Arena
    results: list[Result]
    overwritten: frozenset[int]
    hopes: frozenset[int]

    @property
    def kernels(self) -> int:
        """How many kernels are launched: launches of one kernel in one group are one."""
        return sum(len({step.program.program.root for step in group}) for group in self.groups)

    @property
    def moved_bytes(self) -> int:
        """Bytes that the launches read and write if each touches every buffer once.

        Buffers of symbolic size are left out.
        """
        return sum(step.moved_bytes for group in self.groups for step in group)

    @property
    def is_symbolic(self) -> bool:
        """Whether sizes differ from run to run."""
        made = (*self.made, *self.temporaries)
        return any(not isinstance(one.size, int) for one in made) or any(
            step.is_symbolic for group in self.groups for step in group
        )

    def place_temporaries(self, symbols: Mapping[str, int] | None = None) -> Arena:
        """Return where the temporaries lie.

        Args:
            symbols: their values; without them there is room for whatever their bounds allow.
        """
        if all(isinstance(made.size, int) for made in self.temporaries):
            return self.arena
        return plan_arena(self.measure_lifetimes(symbols))

    def measure_lifetimes(self, symbols: Mapping[str, int] | None = None) -> list[Lifetime]:
        """Return the sizes and lives of the temporaries; ``symbols`` as above."""
        return [
            life._replace(nbytes=_count(made.size, symbols) * made.dtype.itemsize)
            for made, life in zip(self.temporaries, self.lifetimes, strict=True)
        ]


def make_plan(
    nodes: Sequence[Node],
    buffers: Sequence[Node],
    programs: Programs,
    trace: Trace,
    constants: Collection[int] = (),
    begin: Callable[[Node], None] | None = None,
) -> Plan:
    """Schedule a graph.

    Args:
        nodes: what is wanted, simplified.
        buffers: the buffer nodes of the graph, in the order of its key.
        programs: where derived programs are kept.
        trace: is told of the decisions.
        constants: numbers of the buffers that are known to hold the same at each run.
        begin: is told of each tile program as soon as it is made.
    """
    known = {buffers[number] for number in constants}

    def note(kernel: ExpressedKernel) -> None:  # so that the compiler need not wait for order
        program = programs.derive(kernel).program
        if begin is not None:
            begin(program.root)

    nodes, items, hopes = schedule_graph(nodes, known, trace, note)
    return _Planner(nodes, buffers, programs, begin).plan(items, hopes)


@dataclass(slots=True)
class _Planner:
    nodes: Sequence[Node]
    buffers: Sequence[Node]
    programs: Programs
    begin: Callable[[Node], None] | None
    places: dict[Node, Place] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    temporaries: list[Made] = field(default_factory=list)

    def plan(self, items: Iterable[Item], hopes: AbstractSet[Node]) -> Plan:
        for number, node in enumerate(self.buffers):
            self.places[node] = Place("given", number)
        wanted = {resolve_alias(node) for node in self.nodes}
        steps: list[Step] = []
        copies: list[Step] = []
        for item in items:
            for node in item.writes:
                self._place(node, wanted, item)
            made = self._steps(item)
            steps += made
            if self.begin is not None:
                for step in made:
                    self.begin(step.program.program.root)
            copies += [self._copy(node) for node in item.copied_back]
        for node in self.nodes:
            if is_empty(node):
                self._place_empty(node)
        groups = self._split_peaks(group_steps([*steps, *copies]))
        results = [self._result(node) for node in self.nodes]
        lifetimes = self._lifetimes(groups)
        overwritten = frozenset(
            self.places[target_of(node)].number
            for node in map(resolve_alias, self.nodes)
            if node.op.name == "assign"
        )
        return Plan(
            groups,
            self.made,
            self.temporaries,
            lifetimes,
            plan_arena(lifetimes),
            results,
            overwritten,
            frozenset(self.places[node].number for node in hopes),
        )

    def _place(self, node: Node, wanted: set[Node], item: Item) -> None:
        if node in self.places:
            return
        if node.op.name == "assign" and node not in item.copied_back:
            self._put(node, self.places[target_of(node)], item)
            return
        made = Made(node.dtype, symbolic.multiply_all(node.shape))
        is_result = node in wanted and node.op.name != "assign"
        pool = self.made if is_result else self.temporaries
        self._put(node, Place("made" if is_result else "temporary", len(pool)), item)
        pool.append(made)

    def _put(self, node: Node, place: Place, item: Item) -> None:
        self.places[node] = place
        if item.kernel is None and node.op.name == "assign":  # a kernel's result, updated in place
            self.places[node.sources[1]] = place

    def _place_empty(self, node: Node) -> None:
        home = target_of(node)
        if home not in self.places:
            self.places[home] = Place("made", len(self.made))
            self.made.append(Made(node.dtype, 0))

    def _temporary(self, slot: Slot) -> Place:
        place = Place("temporary", len(self.temporaries))
        self.temporaries.append(Made(slot.dtype, slot.size))
        return place

    def _steps(self, item: Item) -> list[Step]:
        if item.kernel is None:
            return self._opaque_steps(item)
        derived = self.programs.derive(item.kernel)
        nodes = item.kernel.parameters
        return [self._step(derived, [self.places[node] for node in nodes])]

    def _step(self, derived: Derived, known: Sequence[Place]) -> Step:
        others = derived.program.slots[len(known) :]
        places = [self._temporary(slot) if slot.role == "workspace" else None for slot in others]
        return Step(derived, (*known, *places))

    def _opaque_steps(self, item: Item) -> list[Step]:
        node = item.root.node
        derived = self.programs.build(node)
        inputs = iter([self.places[resolve_alias(source)] for source in stored_sources(node)])
        outputs = iter([self.places.get(result) for result in _results_of(node)])
        places: list[Place | None] = []
        copies: list[Step] = []
        for slot in derived.program.slots:
            if slot.role == "input":
                places.append(next(inputs))
            elif slot.role == "update":
                before, after = next(inputs), next(outputs) or self._temporary(slot)
                if before != after:
                    copy = self.programs.copy(slot.dtype, slot.size)
                    copies.append(self._step(copy, [after, before]))
                places.append(after)
            elif slot.role == "output":
                places.append(next(outputs) or self._temporary(slot))
            else:
                places.append(self._temporary(slot) if slot.role == "workspace" else None)
        return [*copies, Step(derived, tuple(places))]

    def _copy(self, node: Node) -> Step:
        """Return the launch that puts an assignment's value where it belongs."""
        target = self.places[target_of(node)]
        derived = self.programs.copy(node.dtype, symbolic.multiply_all(node.shape))
        return self._step(derived, [target, self.places[node]])

    def _result(self, node: Node) -> Result:
        home = resolve_alias(node)
        return Result(self.places[target_of(home)], node.shape)

    def _split_peaks(self, groups: list[list[Step]]) -> list[list[Step]]:
        """Run the launches of a group one by one where most memory is needed, if that takes less.

        What one of them lets go of need not wait for the others then.
        """
        alive = self._count_alive(groups)
        while True:
            most = max(alive, default=0)
            peak = alive.index(most) if alive else 0
            if most < LEAST_FREED or len(groups[peak]) == 1:
                return groups
            split = [*groups[:peak], *([step] for step in groups[peak]), *groups[peak + 1 :]]
            after = self._count_alive(split)
            if most - max(after) < LEAST_FREED:
                return groups
            groups, alive = split, after

    def _count_alive(self, groups: Sequence[Sequence[Step]]) -> list[int]:
        """Return the bytes that temporaries and what is made take in each group."""
        lives = find_lives(groups, "made")
        made = [
            Lifetime(_fixed_bytes(made), lives.get(number, (0, 0))[0], len(groups) - 1)
            for number, made in enumerate(self.made)
        ]
        return count_alive([*self._lifetimes(groups), *made], len(groups))

    def _lifetimes(self, groups: Sequence[Sequence[Step]]) -> list[Lifetime]:
        lives = find_lives(groups, "temporary")
        return [
            Lifetime(_fixed_bytes(made), *lives.get(number, (0, 0)))
            for number, made in enumerate(self.temporaries)
        ]


def _fixed_bytes(made: Made) -> int:
    return made.size * made.dtype.itemsize if isinstance(made.size, int) else 0


def find_lives(groups: Sequence[Sequence[Step]], kind: str) -> dict[int, tuple[int, int]]:
    """Return, for each buffer of a kind of places, the first and the last group that uses it."""
    lives: dict[int, tuple[int, int]] = {}
    for number, group in enumerate(groups):
        for step in group:
            for place in step.places:
                if place is not None and place.kind == kind:
                    first, _ = lives.get(place.number, (number, number))
                    lives[place.number] = first, number
    return lives


def _count(size: Index, symbols: Mapping[str, int] | None) -> int:
    if isinstance(size, int):
        return size
    return int(bounds(size)[1]) if symbols is None else evaluate_index(size, symbols)


def _results_of(node: Node) -> list[Node]:
    """Return what an op with a kernel of its own stores: itself, or the results of a call."""
    if not isinstance(node.attributes, CallAttributes):
        return [node]
    count = len(node.attributes.results)
    return [intern(graph.result, (node,), graph.ResultAttributes(i)) for i in range(count)]


def group_steps(steps: Sequence[Step]) -> list[list[Step]]:
    """Put consecutive launches that do not depend on each other into one group."""
    groups: list[list[Step]] = []
    written: set[Place] = set()
    read: set[Place] = set()
    for step in steps:
        outputs, inputs = split_places(step)
        is_dependent = (outputs | inputs) & written or outputs & read
        if is_dependent or not groups:
            groups.append([])
            written, read = set(), set()
        groups[-1].append(step)
        written |= outputs
        read |= inputs
    return groups


def split_places(step: Step) -> tuple[set[Place], set[Place]]:
    """Return the places that a launch writes and those that it reads only."""
    outputs: set[Place] = set()
    inputs: set[Place] = set()
    for slot, place in zip(step.program.program.slots, step.places, strict=True):
        if place is not None:
            (inputs if slot.role == "input" else outputs).add(place)
    return outputs, inputs

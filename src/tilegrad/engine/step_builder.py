"""Building a captured step from what ran: memory, packed copies, and one recording."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tilegrad.base.errors import CaptureError
from tilegrad.engine.captured_step import CapturedStep, Dynamic, Result
from tilegrad.engine.launches import Launched
from tilegrad.engine.packs import Pack, is_constant
from tilegrad.engine.plan import Place, Plan, Step
from tilegrad.engine.reads import find_following
from tilegrad.engine.scratch import Scratch, ScratchUse
from tilegrad.engine.sizes import evaluate_index
from tilegrad.engine.step_memory import plan_step
from tilegrad.engine.storage import memory_of
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops.leaves import Storage
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.device import Launch, Recording

if TYPE_CHECKING:
    from tilegrad.engine.compiled import CompiledExecutor
    from tilegrad.engine.programs import PackedDerived


class Ran(NamedTuple):
    """A plan that ran while a step was captured.

    Attributes:
        nodes: what it computes.
        plan: the plan.
        given: the storages that it was given.
        made: the storages that it made.
    """

    nodes: Sequence[Node]
    plan: Plan
    given: tuple[Storage, ...]
    made: tuple[Storage, ...]


class Output(NamedTuple):
    """A result of a captured step.

    Attributes:
        storage: where it was during capture: made by the step, one of its inputs, or outside.
        shape: its shape, of the capture's sizes.
    """

    storage: Storage
    shape: Shape


class _Packed(NamedTuple):
    """What reads panels and what packs them, and the storages that these are packed from."""

    packed: PackedDerived
    storages: Sequence[Storage]


class StepBuilder:
    """Builds the step that repeats what ran; see ``Capture.build``."""

    def __init__(
        self,
        executor: CompiledExecutor,
        ran: Sequence[Ran],
        inputs: Sequence[Storage],
        outputs: Sequence[Output],
        symbols: Mapping[str, int],
    ) -> None:
        self.executor = executor
        self.ran = ran
        self.symbols = dict(symbols)
        self.outputs = outputs
        self.inputs = inputs
        made = {storage for entry in ran for storage in entry.made}
        # What each replay makes anew: results that are no inputs, nor outside.
        results = dict.fromkeys(output.storage for output in outputs)
        self.anew = [one for one in results if one in made and one not in inputs]
        self.replaced = {*inputs, *self.anew}
        # Of each launch, by slot: storages, and where temporaries lie.
        self.storages: list[list[Storage | None]] = []
        self.offsets: list[list[int | None]] = []
        # Offsets of what was realised within the step and nobody looks at.
        self.passing: Mapping[Storage, int] = {}
        self.groups: list[list[Launch]] = []
        self.keep: list[object] = []
        self.launches: list[Launched] = []
        self.packs: list[Pack] = []
        written = self._overwritten()
        self.constants = {
            storage
            for entry in ran
            for storage in entry.given
            if storage not in made and storage not in written and storage not in inputs
            if is_constant(storage)
        }
        self.ran = [self._use_constants(entry) for entry in ran]

    def build(self, is_read: Callable[[Collection[Storage]], bool]) -> CapturedStep:
        """Return the step.

        Args:
            is_read: tells whether anyone still looks at one of some storages.

        Raises:
            CaptureError: a replay could not repeat what ran.
        """
        self._refuse_frozen_sizes()
        made = {
            storage: made
            for entry in self.ran
            for storage, made in zip(entry.made, entry.plan.made, strict=True)
        }
        kept = {storage for storage in made if storage not in self.replaced}
        placed = plan_step([one.plan for one in self.ran], [one.made for one in self.ran], kept)
        allocator = self.executor.device.allocator
        allocator.trim()  # of what the calls before needed, no replay does
        if placed.kept and is_read(placed.kept.keys()):
            # Others look there: no other step may write.
            scratch = Scratch(allocator, self.executor.moves)
            arena = scratch.take(placed.nbytes)
            placed.move_kept(arena)
        else:
            scratch = self.executor.scratch
            arena = scratch.take(placed.nbytes)
            self.passing = placed.kept
            kept.difference_update(placed.kept)
        with self.executor.trace.span("pack") as span:
            wanted = self._compile_packed()
            for entry, offsets in zip(self.ran, placed.temporaries, strict=True):
                self._add(entry, arena, offsets, wanted)
            packed = sum(pack.memory.nbytes for pack in self.packs)
            span.count(copies=len(self.packs), bytes=packed)
        recording = self.executor.device.queue.record(self.groups, keep=self.keep)
        launches = [launch for group in self.groups for launch in group]
        for number, slot, distance in find_following(launches, [one.step for one in self.launches]):
            recording.arguments[recording.place_of(number, slot)] = distance
        apart = kept.difference(placed.kept)
        total = placed.nbytes + packed + sum(memory_of(storage).nbytes for storage in apart)
        overwritten = self._overwritten().union(kept)
        changed = [number for number, storage in enumerate(self.inputs) if storage in overwritten]
        outside = list(self._used().difference(self.replaced))
        allocator.trim()
        return CapturedStep(
            executor=self.executor,
            recording=recording,
            launches=self.launches,
            inputs=len(self.inputs),
            made=[made[storage] for storage in self.anew],
            patches=self._find_arguments(recording, [*self.inputs, *self.anew]),
            results=self._results(),
            dynamic=self._find_dynamic(recording),
            symbols=self.symbols,
            kernels=sum(entry.plan.kernels for entry in self.ran),
            arena_bytes=total,
            overwritten=overwritten.difference(self.inputs),
            overwritten_inputs=changed,
            outside=outside,
            outside_patches=self._find_arguments(recording, outside),
            packs=self.packs,
            scratch=ScratchUse(scratch, arena, self._find_temporaries(recording)),
        )

    def _use_constants(self, entry: Ran) -> Ran:
        """Return what ran as it is planned where it is known what is constant."""
        known = frozenset(n for n in entry.plan.hopes if entry.given[n] in self.constants)
        if not known:
            return entry
        plan = self.executor.plan(entry.nodes, known)
        storages = {
            new.place.number: entry.made[old.place.number]
            for new, old in zip(plan.results, entry.plan.results, strict=True)
            if new.place.kind == "made"
        }
        made = tuple(storages[number] for number in sorted(storages))
        return entry._replace(plan=plan, made=made)

    def _refuse_frozen_sizes(self) -> None:
        """Refuse a tensor of symbolic size that was realised within the step and then used.

        What was computed from it knows only the size that it had during the capture.
        """
        frozen: set[Storage] = set()
        for entry in self.ran:
            for storage in entry.given:
                if storage in frozen:
                    raise CaptureError(
                        "a captured function computes with a tensor of symbolic size that it has "
                        "realised itself",
                        expected="such a tensor to be lazy, or the last thing that is made of it",
                        mend="do not realise it before it has been used",
                    )
            for place, shape in entry.plan.results:
                if place.kind == "made" and any(isinstance(size, Node) for size in shape):
                    frozen.add(entry.made[place.number])

    def _used(self) -> set[Storage]:
        """Return the storages that the launches use."""
        return {one for storages in self.storages for one in storages if one is not None}

    def _find_arguments(
        self, recording: Recording, wanted: Sequence[Storage]
    ) -> list[tuple[int, int]]:
        """Return which arguments of a recording are addresses of storages, and of which of them."""
        numbers = {storage: number for number, storage in enumerate(wanted)}
        return [
            (recording.place_of(launch, slot), numbers[storage])
            for launch, storages in enumerate(self.storages)
            for slot, storage in enumerate(storages)
            if storage in numbers
        ]

    def _find_temporaries(self, recording: Recording) -> list[tuple[int, int]]:
        """Return which arguments of a recording are temporary memory, and where in it they lie."""
        return [
            (recording.place_of(launch, slot), offset)
            for launch, offsets in enumerate(self.offsets)
            for slot, offset in enumerate(offsets)
            if offset is not None
        ]

    def _find_dynamic(self, recording: Recording) -> list[Dynamic]:
        """Return the launches that depend on symbolic sizes."""
        return [
            Dynamic(number, step, [recording.place_of(number, i) for i in range(len(step.places))])
            for number, (step, _) in enumerate(self.launches)
            if step.is_symbolic
        ]

    def _results(self) -> list[Result]:
        """Return where replays find the results; see ``Result``."""
        numbers = {storage: number for number, storage in enumerate((*self.inputs, *self.anew))}
        return [
            Result(numbers.get(storage, storage), self._find_shape(storage, shape))
            for storage, shape in self.outputs
        ]

    def _find_shape(self, storage: Storage, shape: Shape) -> Shape:
        """Return the shape that a result has whatever the symbols are."""
        for entry in reversed(self.ran):
            for place, wanted in entry.plan.results:
                homes = entry.given if place.kind == "given" else entry.made
                if homes[place.number] is storage:
                    sizes = tuple(evaluate_index(size, self.symbols) for size in wanted)
                    if sizes == shape:
                        return wanted
        return shape

    def _overwritten(self) -> frozenset[Storage]:
        return frozenset(
            entry.given[number] for entry in self.ran for number in entry.plan.overwritten
        )

    def _add(
        self,
        entry: Ran,
        arena: Buffer,
        offsets: Sequence[int],
        wanted: Iterator[_Packed | None],
    ) -> None:
        memory: dict[Place, Buffer] = {}
        owners: dict[Place, Storage] = {}
        lying: dict[Place, int] = {}
        for kind, storages in (("given", entry.given), ("made", entry.made)):
            for number, storage in enumerate(storages):
                place = Place(kind, number)  # type: ignore[arg-type]
                if storage in self.passing:
                    lying[place] = self.passing[storage]
                else:
                    owners[place], memory[place] = storage, memory_of(storage)
        for number, offset in enumerate(offsets):
            lying[Place("temporary", number)] = offset
        constants = {place for place, storage in owners.items() if storage in self.constants}
        for place, offset in lying.items():
            memory[place] = arena.part(offset, 0)
        for steps in entry.plan.groups:
            group = []
            for planned in steps:
                step = self._pack(next(wanted), planned, memory)
                kernel = self.executor.library.get(step.program.program.root)
                constants.update(place for place in step.places if place and place.kind == "packed")
                group.append(self.executor.launch(step, kernel, memory, self.symbols, constants))
                self.storages.append(
                    [None if place is None else owners.get(place) for place in step.places]
                )
                self.offsets.append(
                    [None if place is None else lying.get(place) for place in step.places]
                )
                self.keep.append(kernel.binary)
                self.launches.append(Launched(step, kernel))
            self.groups.append(group)

    def _compile_packed(self) -> Iterator[_Packed | None]:
        """Compile what packs, what reads what is packed, and the others, several at a time.

        Returns:
            For each step of all that ran, in order, how it may have something packed before.
        """
        steps = [(one, step) for one in self.ran for group in one.plan.groups for step in group]
        wanted = [self._find_packed(entry, step) for entry, step in steps]
        programs = [
            derived.program.root
            for (_, step), one in zip(steps, wanted, strict=True)
            for derived in (one.packed[:2] if one else (step.program,))
        ]
        self.executor.library.get_all(programs)
        return iter(wanted)

    def _find_packed(self, entry: Ran, step: Step) -> _Packed | None:
        """Return how a step may have what is constant in it packed before, if that is any use."""
        constants = {
            slot: entry.given[place.number]
            for slot, place in enumerate(step.places)
            if place is not None and place.kind == "given"
            if entry.given[place.number] in self.constants
        }
        found = self.executor.programs.derive_packed(step.program, frozenset(constants))
        if found is None:
            return None
        return _Packed(found, [constants[slot] for slot in found.sources])

    def _pack(self, found: _Packed | None, step: Step, memory: dict[Place, Buffer]) -> Step:
        """Return a step with what is constant in it packed before, if that is any use."""
        if found is None:
            return step
        pack = self.executor.pack(found.packed.packing, found.storages)
        if pack is None:
            return step
        if pack not in self.packs:
            self.packs.append(pack)
        place = Place("packed", self.packs.index(pack))
        memory[place] = pack.memory
        return Step(found.packed.reading, (*step.places, place))

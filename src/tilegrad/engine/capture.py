"""Capture and replay: the launches of a whole step as one recording.

While a step is captured it runs as usual, and every plan that runs is noted. Afterwards all their
launches become one recording that a single native call replays. Memory that lives only inside the
step keeps its place from replay to replay; the step's inputs are patched in, its results get
memory of their own each time.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from tilegrad.base.errors import CaptureError
from tilegrad.engine.launches import Launched
from tilegrad.engine.packs import Pack, is_constant
from tilegrad.engine.plan import Place, Plan, Step
from tilegrad.engine.sizes import evaluate_index
from tilegrad.engine.step_memory import plan_step
from tilegrad.engine.storage import make_buffer_node, memory_of
from tilegrad.engine.tracked import Snapshot, Tracked
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops.leaves import Storage
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.device import Launch, Recording

if TYPE_CHECKING:
    from tilegrad.engine.compiled import CompiledExecutor
    from tilegrad.engine.library import Kernel
    from tilegrad.engine.programs import PackedDerived


NEVER = -(1 << 62)
"""Before all changes."""


class Ran(NamedTuple):
    """A plan that ran while a step was captured.

    Attributes:
        nodes: what it computes.
        plan: the plan.
        kernels: its kernels, by group and step.
        given: the storages that it was given.
        made: the storages that it made.
    """

    nodes: Sequence[Node]
    plan: Plan
    kernels: Sequence[Sequence[Kernel]]
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


class _Result(NamedTuple):
    """Where a replay finds a result.

    Attributes:
        dtype: of its elements.
        shape: its shape, perhaps symbolic.
        home: ``made`` anew by each replay, the memory of the ``given`` input or of the ``earlier``
            result of that number, or a storage outside.
        number: of the input or result.
        patches: for what is made, which arguments of the recording hold its address.
        size: how many elements it has, None if that depends on symbolic sizes.
    """

    dtype: DType
    shape: Shape
    home: Literal["made", "given", "earlier"] | Storage
    number: int = 0
    patches: Sequence[int] = ()
    size: int | None = None


class _Dynamic(NamedTuple):
    """A launch whose scalars or grid depend on symbolic sizes, and its arguments by slot."""

    number: int
    step: Step
    arguments: Sequence[int]


class _Packed(NamedTuple):
    """What reads panels and what packs them, and the storages that these are packed from."""

    packed: PackedDerived
    storages: Sequence[Storage]


@dataclass(eq=False, slots=True)
class CapturedStep:
    """A captured step, ready to replay.

    Attributes:
        executor: where it runs.
        recording: all launches.
        launches: what they are.
        inputs: for each input, which arguments of the recording hold its address.
        results: where each result is found.
        kernels: how many launches there are, alike ones in one group counted once.
        arena_bytes: size of the memory that the step keeps for itself.
        overwritten: storages that it writes in place, but for inputs, and those that it keeps.
        overwritten_inputs: numbers of the inputs that it writes in place.
        outside: storages that are neither inputs nor outputs, with the arguments of the recording
            that hold their addresses.
        packs: the packed copies that it reads.
        memory_changes: the session's count when the addresses were last looked at.
        pack_changes: how often packed copies had become stale when its own were looked at.
        seen: the session's count of changes when ``Session.protect`` last looked at the tensors, or
            ``NEVER``.
        owners: the tensors whose values replays change.
    """

    executor: CompiledExecutor
    recording: Recording
    launches: list[Launched]
    inputs: list[list[int]]
    results: list[_Result]
    dynamic: list[_Dynamic]
    symbols: dict[str, int]
    kernels: int
    arena_bytes: int
    overwritten: frozenset[Storage]
    overwritten_inputs: list[int]
    outside: dict[Storage, list[int]]
    packs: list[Pack]
    memory_changes: int = -1
    pack_changes: int = -1
    seen: int = NEVER
    owners: list[weakref.ref[Tracked]] = field(default_factory=list)
    keep: list[object] = field(default_factory=list)

    def replay(self, inputs: Sequence[Storage], symbols: Mapping[str, int]) -> list[Node]:
        """Run the step on other inputs of the same sizes; return its results.

        Args:
            inputs: one storage per input of the capture.
            symbols: values of the symbolic sizes.
        """
        packs = self.executor.packs
        if self.pack_changes != packs.changes:
            for pack in self.packs:
                pack.refresh(self.executor.device)
            self.pack_changes = packs.changes
        if symbols != self.symbols:
            self._set_symbols(symbols)
        arguments = self.recording.arguments
        for storage, patches in zip(inputs, self.inputs, strict=True):
            address = memory_of(storage).address
            for argument in patches:
                arguments[argument] = address
        results: list[Storage] = []
        nodes = []
        for result in self.results:
            shape, size = result.shape, result.size
            if size is None:
                sizes = tuple([evaluate_index(extent, symbols) for extent in shape])
                shape, size = sizes, math.prod(sizes)
            if result.home == "made":
                found, memory = self.executor.new_storage(result.dtype, size)
                for argument in result.patches:
                    arguments[argument] = memory.address
            elif isinstance(result.home, Storage):
                found = result.home
            else:
                found = (inputs if result.home == "given" else results)[result.number]
            results.append(found)
            nodes.append((found, shape))
        self.executor.run("replay", self.recording, self.launches, symbols)
        packs.note_written(self.overwritten)
        if self.overwritten_inputs:
            packs.note_written({inputs[number] for number in self.overwritten_inputs})
        return [make_buffer_node(storage, shape) for storage, shape in nodes]

    def note_results(self, count: int) -> None:
        """Count tensors just made of the results as seen, if no replay will overwrite them."""
        if all(result.home in ("made", "earlier") for result in self.results):
            self.seen += count

    def refresh_addresses(self) -> None:
        """Let the launches use the memory that the storages outside have now."""
        for storage, patches in self.outside.items():
            for argument in patches:
                self.recording.arguments[argument] = memory_of(storage).address

    def _set_symbols(self, symbols: Mapping[str, int]) -> None:
        sizes: dict[int, tuple[dict[int, int], int]] = {}  # those of equal programs are the same
        for number, step, arguments in self.dynamic:
            key = id(step.program.program)
            if key not in sizes:
                sizes[key] = self.executor.sizes_of(step, symbols)
            scalars, blocks = sizes[key]
            for slot, value in scalars.items():
                self.recording.arguments[arguments[slot]] = value
            self.recording.set_blocks(number, blocks)
        self.symbols = dict(symbols)


class Capture:
    """What is noted while a step is captured.

    Args:
        before: the tensors that were there before.

    Attributes:
        ran: the plans that ran.
        is_paused: whether what runs now is no part of the step.
    """

    def __init__(self, before: Iterable[Tracked]) -> None:
        self.ran: list[Ran] = []
        self.is_paused = False
        self._before = Snapshot(before)

    def is_bystander(self, tensor: Tracked) -> bool:
        """Whether a tensor was there before the step and has not been changed by it."""
        return self._before.has_unchanged(tensor)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let what runs in a ``with`` statement be no part of the step."""
        self.is_paused = True
        try:
            yield
        finally:
            self.is_paused = False

    def build(
        self,
        executor: CompiledExecutor,
        inputs: Sequence[Storage],
        outputs: Sequence[Output],
        symbols: Mapping[str, int],
    ) -> CapturedStep:
        """Return the step that repeats everything that ran.

        Args:
            executor: where it ran.
            inputs: storages that replays replace.
            outputs: results that replays give; all else that was made keeps its memory.
            symbols: values of the symbolic sizes during the capture.
        """
        return _Builder(executor, self.ran, inputs, outputs, symbols).build()


class _Builder:
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
        anew = (output.storage for output in outputs if output.storage in made)
        self.replaced = {*inputs, *anew}
        self.storages: list[list[Storage | None]] = []  # of each launch, by slot
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

    def build(self) -> CapturedStep:
        self._refuse_frozen_sizes()
        made = [storage for entry in self.ran for storage in entry.made]
        kept = {storage for storage in made if storage not in self.replaced}
        placed = plan_step([one.plan for one in self.ran], [one.made for one in self.ran], kept)
        allocator = self.executor.device.allocator
        allocator.trim()  # of what the calls before needed, no replay does
        arena = allocator.allocate(max(1, placed.nbytes))
        placed.move_kept(arena)
        with self.executor.trace.span("pack") as span:
            wanted = self._compile_packed()
            for entry, offsets in zip(self.ran, placed.temporaries, strict=True):
                self._add(entry, arena, offsets, wanted)
            packed = sum(pack.memory.nbytes for pack in self.packs)
            span.count(copies=len(self.packs), bytes=packed)
        recording = self.executor.device.queue.record(self.groups, keep=[*self.keep, arena])
        patches = self._find_arguments(recording)
        outside = {one: found for one, found in patches.items() if one not in self.replaced}
        apart = kept.difference(placed.kept)
        total = placed.nbytes + packed + sum(memory_of(storage).nbytes for storage in apart)
        overwritten = self._overwritten().union(kept)
        changed = [number for number, storage in enumerate(self.inputs) if storage in overwritten]
        allocator.trim()
        return CapturedStep(
            self.executor,
            recording,
            self.launches,
            [patches.get(storage, []) for storage in self.inputs],
            self._results(patches),
            self._find_dynamic(recording),
            self.symbols,
            sum(entry.plan.kernels for entry in self.ran),
            total,
            overwritten.difference(self.inputs),
            changed,
            outside,
            self.packs,
            keep=self.keep,
        )

    def _use_constants(self, entry: Ran) -> Ran:
        """Return what ran as it is planned where it is known what is constant."""
        known = frozenset(n for n in entry.plan.hopes if entry.given[n] in self.constants)
        if not known:
            return entry
        ready = self.executor.prepare(entry.nodes, known)
        storages = {
            new.place.number: entry.made[old.place.number]
            for new, old in zip(ready.plan.results, entry.plan.results, strict=True)
            if new.place.kind == "made"
        }
        made = tuple(storages[number] for number in sorted(storages))
        return Ran(entry.nodes, ready.plan, ready.kernels, entry.given, made)

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

    def _find_arguments(self, recording: Recording) -> dict[Storage, list[int]]:
        """Return for each storage which arguments of a recording hold its address."""
        found: dict[Storage, list[int]] = {}
        for launch, storages in enumerate(self.storages):
            for slot, storage in enumerate(storages):
                if storage is not None:
                    found.setdefault(storage, []).append(recording.place_of(launch, slot))
        return found

    def _find_dynamic(self, recording: Recording) -> list[_Dynamic]:
        """Return the launches that depend on symbolic sizes."""
        return [
            _Dynamic(number, step, [recording.place_of(number, i) for i in range(len(step.places))])
            for number, (step, _) in enumerate(self.launches)
            if step.is_symbolic
        ]

    def _results(self, patches: Mapping[Storage, Sequence[int]]) -> list[_Result]:
        results: list[_Result] = []
        numbers: dict[Storage, int] = {}
        for number, (storage, shape) in enumerate(self.outputs):
            wanted = self._find_shape(storage, shape)
            extents = [extent for extent in wanted if isinstance(extent, int)]
            size = math.prod(extents) if len(extents) == len(wanted) else None
            result = _Result(storage.dtype, wanted, storage, size=size)
            if storage in self.inputs:
                result = result._replace(home="given", number=self.inputs.index(storage))
            elif storage in numbers:
                result = result._replace(home="earlier", number=numbers[storage])
            elif storage in self.replaced:
                numbers[storage] = number
                result = result._replace(home="made", patches=patches.get(storage, ()))
            results.append(result)
        return results

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
        owners: dict[Place | None, Storage] = {}
        for kind, storages in (("given", entry.given), ("made", entry.made)):
            for number, storage in enumerate(storages):
                place = Place(kind, number)  # type: ignore[arg-type]
                owners[place] = storage
                memory[place] = memory_of(storage)
        for number, offset in enumerate(offsets):
            memory[Place("temporary", number)] = arena.part(offset, 0)
        for steps, kernels in zip(entry.plan.groups, entry.kernels, strict=True):
            group = []
            for planned, compiled in zip(steps, kernels, strict=True):
                step, kernel = self._pack(next(wanted), planned, compiled, memory)
                group.append(self.executor.launch(step, kernel, memory, self.symbols))
                self.storages.append(
                    [None if place is None else owners.get(place) for place in step.places]
                )
                self.keep.append(kernel.binary)
                self.launches.append(Launched(step, kernel))
            self.groups.append(group)

    def _compile_packed(self) -> Iterator[_Packed | None]:
        """Compile what packs, and what reads what is packed, several kernels at a time.

        Returns:
            For each step of all that ran, in order, how it may have something packed before.
        """
        wanted = [
            self._find_packed(entry, step)
            for entry in self.ran
            for step in itertools.chain.from_iterable(entry.plan.groups)
        ]
        both = [program for one in wanted if one for program in one.packed[:2]]
        self.executor.library.get_all(derived.program.root for derived in both)
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

    def _pack(
        self, found: _Packed | None, step: Step, kernel: Kernel, memory: dict[Place, Buffer]
    ) -> tuple[Step, Kernel]:
        """Return a step with what is constant in it packed before, if that is any use."""
        if found is None:
            return step, kernel
        pack = self.executor.pack(found.packed.packing, found.storages)
        if pack is None:
            return step, kernel
        if pack not in self.packs:
            self.packs.append(pack)
        place = Place("packed", self.packs.index(pack))
        memory[place] = pack.memory
        reading = found.packed.reading
        kernel = self.executor.library.get(reading.program.root)
        return Step(reading, (*step.places, place)), kernel

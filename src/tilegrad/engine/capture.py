"""Capture and replay: the launches of a whole step as one recording.

While a step is captured it runs as usual, and every plan that runs is noted. Afterwards all their
launches become one recording that a single native call replays. Memory that lives only inside the
step keeps its place from replay to replay; the step's inputs are patched in, its results get
memory of their own each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tilegrad.engine.launches import Launched
from tilegrad.engine.plan import Place, Plan, Step
from tilegrad.engine.sizes import evaluate_index
from tilegrad.engine.storage import make_buffer_node, memory_of
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops.leaves import Storage
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.device import Launch, Recording

if TYPE_CHECKING:
    from tilegrad.engine.compiled import CompiledExecutor
    from tilegrad.engine.library import Kernel


class Ran(NamedTuple):
    """A plan that ran while a step was captured.

    Attributes:
        plan: the plan.
        kernels: its kernels, by group and step.
        given: the storages that it was given.
        made: the storages that it made.
    """

    plan: Plan
    kernels: Sequence[Sequence[Kernel]]
    given: tuple[Storage, ...]
    made: tuple[Storage, ...]


class Output(NamedTuple):
    """A result of a captured step: its storage during capture, and its shape."""

    storage: Storage
    shape: Shape


class _Dynamic(NamedTuple):
    """A launch whose scalars or grid depend on symbolic sizes."""

    number: int
    step: Step


@dataclass(eq=False, slots=True)
class CapturedStep:
    """A captured step, ready to replay.

    Attributes:
        executor: where it runs.
        recording: all launches.
        launches: what they are.
        inputs: for each input, the launches and slots that hold its address.
        outputs: the results, with the launches and slots that hold their addresses.
        kernels: how many launches there are, alike ones in one group counted once.
        arena_bytes: size of the memory that the step keeps for itself.
        overwritten: storages that it writes in place, and those that it keeps for itself.
        overwritten_inputs: numbers of the inputs that it writes in place.
        outside: storages that are neither inputs nor outputs, with the launches and slots that
            hold their addresses.
        memory_changes: the session's count when the addresses were last looked at.
        seen: how many tensors had been made when ``Session.protect`` last looked at them.
    """

    executor: CompiledExecutor
    recording: Recording
    launches: list[Launched]
    inputs: list[list[tuple[int, int]]]
    outputs: list[tuple[Output, list[tuple[int, int]]]]
    dynamic: list[_Dynamic]
    symbols: dict[str, int]
    kernels: int
    arena_bytes: int
    overwritten: frozenset[Storage]
    overwritten_inputs: list[int]
    outside: dict[Storage, list[tuple[int, int]]]
    memory_changes: int = -1
    seen: int = -1
    keep: list[object] = field(default_factory=list)

    def replay(self, inputs: Sequence[Storage], symbols: Mapping[str, int]) -> list[Node]:
        """Run the step on other inputs of the same sizes; return its results.

        Args:
            inputs: one storage per input of the capture.
            symbols: values of the symbolic sizes.
        """
        set_argument = self.recording.set_argument
        if symbols != self.symbols:
            self._set_symbols(symbols)
        for storage, patches in zip(inputs, self.inputs, strict=True):
            address = memory_of(storage).address
            for launch, slot in patches:
                set_argument(launch, slot, address)
        results = []
        for output, patches in self.outputs:
            shape = output.shape
            if self.dynamic:
                shape = tuple(evaluate_index(size, symbols) for size in shape)
            made, memory = self.executor.new_storage(output.storage.dtype, shape)
            for launch, slot in patches:
                set_argument(launch, slot, memory.address)
            results.append(make_buffer_node(made, shape))
        self.executor.run("replay", self.recording, self.launches, symbols)
        return results

    def refresh_addresses(self) -> None:
        """Let the launches use the memory that the storages outside have now."""
        for storage, patches in self.outside.items():
            address = memory_of(storage).address
            for launch, slot in patches:
                self.recording.set_argument(launch, slot, address)

    def _set_symbols(self, symbols: Mapping[str, int]) -> None:
        for number, step in self.dynamic:
            scalars, blocks = self.executor.sizes_of(step, symbols)
            for slot, value in scalars.items():
                self.recording.set_argument(number, slot, value)
            self.recording.set_blocks(number, blocks)
        self.symbols = dict(symbols)


class Capture:
    """What is noted while a step is captured."""

    def __init__(self) -> None:
        self.ran: list[Ran] = []

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
            outputs: results that replays make anew; all else that was made keeps its memory.
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
        self.patches: dict[Storage, list[tuple[int, int]]] = {
            storage: [] for storage in (*inputs, *(output.storage for output in outputs))
        }
        self.outside: dict[Storage, list[tuple[int, int]]] = {}
        self.groups: list[list[Launch]] = []
        self.dynamic: list[_Dynamic] = []
        self.keep: list[object] = []
        self.launches: list[Launched] = []

    def build(self) -> CapturedStep:
        arenas = [entry.plan.place_temporaries(self.symbols) for entry in self.ran]
        nbytes = max((arena.nbytes for arena in arenas), default=0)
        arena = self.executor.device.allocator.allocate(max(1, nbytes))
        for entry, placed in zip(self.ran, arenas, strict=True):
            self._add(entry, arena, placed.offsets)
        recording = self.executor.device.queue.record(self.groups, keep=[*self.keep, arena])
        made = [storage for entry in self.ran for storage in entry.made]
        kept = [storage for storage in made if storage not in self.patches]
        total = nbytes + sum(memory_of(storage).nbytes for storage in kept)
        overwritten = self._overwritten().union(kept)
        return CapturedStep(
            self.executor,
            recording,
            self.launches,
            [self.patches[storage] for storage in self.inputs],
            [(output, self.patches[output.storage]) for output in self.outputs],
            self.dynamic,
            self.symbols,
            sum(entry.plan.kernels for entry in self.ran),
            total,
            overwritten,
            [number for number, storage in enumerate(self.inputs) if storage in overwritten],
            self.outside,
            keep=self.keep,
        )

    def _overwritten(self) -> frozenset[Storage]:
        return frozenset(
            entry.given[number] for entry in self.ran for number in entry.plan.overwritten
        )

    def _add(self, entry: Ran, arena: Buffer, offsets: Sequence[int]) -> None:
        memory: dict[Place, Buffer] = {}
        owners: dict[Place, Storage] = {}
        for kind, storages in (("given", entry.given), ("made", entry.made)):
            for number, storage in enumerate(storages):
                place = Place(kind, number)  # type: ignore[arg-type]
                owners[place] = storage
                memory[place] = memory_of(storage)
        for number, offset in enumerate(offsets):
            memory[Place("temporary", number)] = arena.part(offset, 0)
        for steps, kernels in zip(entry.plan.groups, entry.kernels, strict=True):
            group = []
            for step, kernel in zip(steps, kernels, strict=True):
                group.append(self.executor.launch(step, kernel, memory, self.symbols))
                self._note(step, owners)
                self.keep.append(kernel.binary)
                self.launches.append(Launched(step, kernel))
            self.groups.append(group)

    def _note(self, step: Step, owners: Mapping[Place, Storage]) -> None:
        launch = len(self.launches)
        for slot, place in enumerate(step.places):
            storage = None if place is None else owners.get(place)
            if storage is not None:
                found = self.patches.get(storage)
                if found is None:
                    found = self.outside.setdefault(storage, [])
                found.append((launch, slot))
        if step.is_symbolic:
            self.dynamic.append(_Dynamic(launch, step))

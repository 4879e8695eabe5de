"""Realising nodes on a device that runs compiled kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tilegrad.base.trace import Trace
from tilegrad.engine.capture import Capture
from tilegrad.engine.graph_key import GraphKey, key_of
from tilegrad.engine.launches import Launched, emit_launches
from tilegrad.engine.library import Kernel, Library
from tilegrad.engine.packs import Pack, Packs
from tilegrad.engine.plan import Place, Plan, Result, Step, make_plan
from tilegrad.engine.profile import Profile
from tilegrad.engine.programs import Derived, Programs
from tilegrad.engine.scratch import Scratch
from tilegrad.engine.sizes import evaluate_index
from tilegrad.engine.step_builder import Ran
from tilegrad.engine.storage import make_buffer_node, memory_of, storage_of
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops.affine import as_index
from tilegrad.ops.leaves import Storage
from tilegrad.ops.markers import MARKERS, remove_markers
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.cpu.fork import ForkLock
from tilegrad.runtime.device import Device, Launch, Recording

SMALL_WORK = 30_000.0
"""A launch that handles no more elements than this runs on the calling thread; others are divided
into parts, which threads take one after the other:"""
UNITS_PER_THREAD, MOST_UNITS_PER_THREAD = 4, 16
"""at least four for each thread, and up to sixteen, so that threads which start late or run slowly
take fewer of them,"""
UNIT_WORK = 1 << 19
"""of about so many elements each, beside which it costs nothing to begin a part."""
LONGEST_UNIT = float(1 << 27)
"""A part handles no more elements than this, if one block does not: an interrupt waits for it."""
MOST_PLANS = 2048
PACKED_SHARE = 8
"""Packed copies take no more than this part of the memory."""


@dataclass(slots=True)
class Ready:
    """A plan with its kernels, and its recording once it has run.

    Attributes:
        plan: the plan.
        kernels: by group and step.
        is_symbolic: whether sizes differ from run to run.
        recording: the launches; None before the first run.
        patches: by place, which arguments of the recording hold its address.
        addresses: what the recording holds now.
    """

    plan: Plan
    kernels: list[list[Kernel]]
    is_symbolic: bool
    recording: Recording | None = None
    patches: dict[Place, list[int]] = field(default_factory=dict)
    addresses: dict[Place, int] = field(default_factory=dict)

    @property
    def launches(self) -> Iterator[Launched]:
        """All launches, in the order of the recording."""
        for steps, kernels in zip(self.plan.groups, self.kernels, strict=True):
            yield from map(Launched, steps, kernels)


class CompiledExecutor:
    """Realises nodes by compiled kernels.

    Args:
        device: the device.
        programs: makes tile programs for it.
        library: compiles them.
        simplify: rewrites a graph before it is scheduled.
        threads: how many threads run a kernel.
        trace: is told of everything.
    """

    def __init__(
        self,
        device: Device[Any],
        programs: Programs,
        library: Library,
        simplify: Callable[[Sequence[Node]], list[Node]],
        threads: int,
        trace: Trace,
    ) -> None:
        self.name = device.name
        self.device = device
        self.programs = programs
        self.library = library
        self.simplify = simplify
        self.threads = threads
        self.trace = trace
        self.plans: dict[tuple[object, ...], Ready] = {}
        self.capture: Capture | None = None
        self.profile: Profile | None = None
        self.scratch = Scratch(device.allocator)
        self.packs = Packs(device.allocator.statistics().capacity // PACKED_SHARE)
        self.planned: list[Sequence[Node]] | None = None
        self._lock = ForkLock()

    def multiplies(self, left: DType, right: DType) -> bool:
        """Whether the processor has instructions for products of these dtypes as they are."""
        units = self.programs.target.units
        return any(unit[:2] == (left, right) and not unit.is_raised for unit in units)

    def realize(self, nodes: Sequence[Node], symbols: Mapping[str, int]) -> list[Node]:
        """Return one buffer node per node."""
        order = sort_topologically(nodes)
        if any(node.op in MARKERS for node in order):
            nodes = remove_markers(nodes)
            order = sort_topologically(nodes)
        with self._lock:
            key = key_of(nodes, order)
            ready = self._prepare(nodes, key)
            return self._run(nodes, ready, key.buffers, symbols)

    def plan(
        self,
        nodes: Sequence[Node],
        constants: frozenset[int] = frozenset(),
        begin: Callable[[Node], None] | None = None,
    ) -> Plan:
        """Return what would be launched to compute nodes, without compiling or running it.

        Args:
            nodes: what is wanted.
            constants: numbers of the graph's buffers that are known to hold the same at each run.
            begin: is told of each tile program while others are still to be made.
        """
        nodes = remove_markers(nodes)
        with self.trace.span("simplify"):
            simplified = self.simplify(nodes)
        with self.trace.span("schedule"):
            buffers = key_of(nodes).buffers
            return make_plan(simplified, buffers, self.programs, self.trace, constants, begin)

    def _prepare(self, nodes: Sequence[Node], key: GraphKey) -> Ready:
        known = self.plans.get(key.structure)
        if known is not None:
            return known
        if self.planned is not None:
            self.planned.append(nodes)
        with self.library.compiling():
            plan = self.plan(nodes, begin=self.library.begin)
            with self.trace.span("compile"):
                flat = [step.program.program.root for group in plan.groups for step in group]
                kernels = iter(self.library.get_all(flat))
        by_group = [[next(kernels) for _ in group] for group in plan.groups]
        ready = Ready(plan, by_group, plan.is_symbolic)
        if len(self.plans) >= MOST_PLANS:
            self.plans.pop(next(iter(self.plans)))
        self.plans[key.structure] = ready
        return ready

    def _run(
        self,
        nodes: Sequence[Node],
        ready: Ready,
        buffers: Sequence[Node],
        symbols: Mapping[str, int],
    ) -> list[Node]:
        plan = ready.plan
        storages = [
            self.new_storage(made.dtype, evaluate_index(made.size, symbols))[0]
            for made in plan.made
        ]
        if plan.groups:
            memory = self._lay_out(plan, buffers, storages, symbols)
            if self.profile is not None:
                self._run_profiled(self.profile, ready, memory, symbols)
            else:
                recording = self._bind(ready, memory, symbols)
                self.run("launch", recording, ready.launches, symbols)
        if self.capture is not None and not self.capture.is_paused:
            given = tuple(map(storage_of, buffers))
            self.capture.ran.append(Ran(nodes, plan, given, tuple(storages)))
        for number in plan.overwritten:
            storage_of(buffers[number]).version += 1
        if plan.overwritten:
            self.packs.note_written({storage_of(buffers[n]) for n in plan.overwritten})
        return [self._result(result, buffers, storages, symbols) for result in plan.results]

    def _run_profiled(
        self,
        profile: Profile,
        ready: Ready,
        memory: Mapping[Place, Buffer],
        symbols: Mapping[str, int],
    ) -> None:
        """Run the groups of a plan one by one, noting what each launch finds and takes."""
        for steps, kernels in zip(ready.plan.groups, ready.kernels, strict=True):
            launches = [
                self.launch(step, kernel, memory, symbols)
                for step, kernel in zip(steps, kernels, strict=True)
            ]
            for step in steps:
                profile.note(step, memory, symbols)
            recording = self.device.queue.record([launches], is_timed=True)
            self.device.queue.run(recording)
            for step, (start, end) in zip(steps, recording.times(), strict=True):
                profile.count(step, (end - start) * 1e-9)

    def run(
        self,
        stage: str,
        recording: Recording,
        launches: Iterable[Launched],
        symbols: Mapping[str, int],
    ) -> None:
        """Run a recording; if the trace is on, tell it of the whole and of every launch.

        Args:
            stage: what the whole is called in the trace.
            recording: what to run.
            launches: what is in it, in order.
            symbols: values of the symbolic sizes.
        """
        if self.profile is not None:
            for launched in launches:
                self.profile.count(launched.step)
        is_traced = self.trace.enabled
        recording.is_timed = is_traced
        if not is_traced:
            self.device.queue.run(recording)
            return
        with self.trace.span(stage) as span:
            self.device.queue.run(recording)
            span.count(launches=emit_launches(self.trace, self.name, recording, launches, symbols))

    def pack(self, packing: Derived, storages: Sequence[Storage]) -> Pack | None:
        """Return the packed copy of storages, None if there is no room for it.

        Args:
            packing: what packs them.
            storages: what its slots stand for, but for the last.
        """
        root = packing.program.root
        found = self.packs.find(root, storages)
        if found is not None:
            return found
        slot = packing.program.slots[-1]
        nbytes = evaluate_index(slot.size, {}) * slot.dtype.itemsize
        if not self.packs.has_room(nbytes):
            return None
        panels = self.device.allocator.allocate(nbytes)
        kernel = self.library.get(root)
        given = [Place("given", number) for number in range(len(storages))]
        home = Place("packed", 0)
        memory = {home: panels, **dict(zip(given, map(memory_of, storages), strict=True))}
        launch = self.launch(Step(packing, (*given, home)), kernel, memory, {})
        recording = self.device.queue.record([[launch]], keep=[kernel.binary, panels])
        pack = Pack(tuple(storages), panels, recording)
        self.packs.add(root, pack)
        return pack

    def new_storage(self, dtype: DType, size: int) -> tuple[Storage, Buffer]:
        """Return a storage for so many elements, and its memory, not initialised."""
        memory = self.device.allocator.allocate(size * dtype.itemsize or 1)
        return Storage(self.name, dtype, size, memory), memory

    def _lay_out(
        self,
        plan: Plan,
        buffers: Sequence[Node],
        storages: Sequence[Storage],
        symbols: Mapping[str, int],
    ) -> dict[Place, Buffer]:
        memory: dict[Place, Buffer] = {}
        for number, node in enumerate(buffers):
            memory[Place("given", number)] = memory_of(storage_of(node))
        for number, storage in enumerate(storages):
            memory[Place("made", number)] = memory_of(storage)
        if plan.temporaries:
            offsets, nbytes = plan.place_temporaries(symbols)
            arena = self.device.allocator.allocate(max(1, nbytes))
            for number, offset in enumerate(offsets):
                memory[Place("temporary", number)] = arena.part(offset, 0)
        return memory

    def _bind(
        self, ready: Ready, memory: Mapping[Place, Buffer], symbols: Mapping[str, int]
    ) -> Recording:
        """Return the recording for this memory, changing only what differs from the last run."""
        if ready.recording is None or ready.is_symbolic:
            return self._record(ready, memory, symbols)
        recording, addresses = ready.recording, ready.addresses
        for place, buffer in memory.items():
            if addresses.get(place) == buffer.address:
                continue
            addresses[place] = buffer.address
            for argument in ready.patches.get(place, ()):
                recording.arguments[argument] = buffer.address
        return recording

    def _record(
        self, ready: Ready, memory: Mapping[Place, Buffer], symbols: Mapping[str, int]
    ) -> Recording:
        groups = [
            [
                self.launch(step, kernel, memory, symbols)
                for step, kernel in zip(steps, kernels, strict=True)
            ]
            for steps, kernels in zip(ready.plan.groups, ready.kernels, strict=True)
        ]
        binaries = [kernel.binary for group in ready.kernels for kernel in group]
        recording = self.device.queue.record(groups, keep=binaries)
        ready.patches.clear()
        for number, launched in enumerate(ready.launches):
            for slot, place in enumerate(launched.step.places):
                if place is not None:
                    argument = recording.place_of(number, slot)
                    ready.patches.setdefault(place, []).append(argument)
        ready.addresses = {place: buffer.address for place, buffer in memory.items()}
        ready.recording = recording
        return recording

    def launch(
        self,
        step: Step,
        kernel: Kernel,
        memory: Mapping[Place, Buffer],
        symbols: Mapping[str, int],
    ) -> Launch:
        """Return the launch of a step in the given memory."""
        scalars, blocks = self.sizes_of(step, symbols)
        arguments = [
            scalars[slot] if place is None else memory[place].address
            for slot, place in enumerate(step.places)
        ]
        chunk = blocks
        slots = step.program.program.slots
        unknown = [value for slot, value in scalars.items() if isinstance(slots[slot].size, Node)]
        work = max(step.program.work, *unknown, 0)
        units = step.program.units
        if units is None:
            units = min(MOST_UNITS_PER_THREAD, int(work / (UNIT_WORK * self.threads)))
            units = max(UNITS_PER_THREAD, units) if work > SMALL_WORK else 0
        if units and self.threads > 1:
            chunk = blocks // (units * self.threads)
        if work > LONGEST_UNIT:
            chunk = min(chunk, int(blocks * LONGEST_UNIT / work))
        return Launch(kernel.address, tuple(arguments), blocks, max(1, chunk), kernel.finish)

    def sizes_of(self, step: Step, symbols: Mapping[str, int]) -> tuple[dict[int, int], int]:
        """Return the values of a launch's scalars by slot, and the number of its blocks."""
        program = step.program.program
        scalars = {
            slot: evaluate_index(program.slots[slot].size, symbols)
            for slot, place in enumerate(step.places)
            if place is None
        }
        blocks = 1
        for size in program.grid:
            blocks *= evaluate_index(as_index(size), symbols, scalars)
        return scalars, blocks

    def _result(
        self,
        result: Result,
        buffers: Sequence[Node],
        storages: Sequence[Storage],
        symbols: Mapping[str, int],
    ) -> Node:
        place, shape = result
        is_given = place.kind == "given"
        storage = storage_of(buffers[place.number]) if is_given else storages[place.number]
        return make_buffer_node(storage, tuple(evaluate_index(size, symbols) for size in shape))

"""Realising nodes on a device that runs compiled kernels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tilegrad.base.trace import Trace
from tilegrad.engine.capture import InThread
from tilegrad.engine.collection import pause_collection
from tilegrad.engine.graph_key import GraphKey, key_of
from tilegrad.engine.launches import Launched, emit_launches
from tilegrad.engine.library import Kernel, Library
from tilegrad.engine.packs import Pack, Packs
from tilegrad.engine.plan import Place, Plan, Step, make_plan
from tilegrad.engine.profile import Profile
from tilegrad.engine.programs import Derived, Programs
from tilegrad.engine.reads import find_reads
from tilegrad.engine.ready import Bound, Ready
from tilegrad.engine.scratch import Scratch
from tilegrad.engine.sizes import Extent, evaluate_index, evaluate_shape, measure
from tilegrad.engine.step_builder import Ran
from tilegrad.engine.storage import Contents, Moves, memory_of, write_addresses
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops.affine import as_index
from tilegrad.ops.leaves import Storage
from tilegrad.ops.markers import remove_markers
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.cpu.fork import ForkLock
from tilegrad.runtime.device import Device, Given, Launch, Recording

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


class CompiledExecutor:
    """Realises nodes by compiled kernels.

    Args:
        device: the device.
        programs: makes tile programs for it.
        library: compiles them.
        simplify: rewrites a graph before it is scheduled.
        threads: how many threads run a kernel.
        trace: is told of everything.
        moves: of the memory that captured steps hold the addresses of.
    """

    def __init__(
        self,
        device: Device[Any],
        programs: Programs,
        library: Library,
        simplify: Callable[[Sequence[Node]], list[Node]],
        threads: int,
        trace: Trace,
        moves: Moves,
    ) -> None:
        self.name = device.name
        self.device = device
        self.programs = programs
        self.library = library
        self.simplify = simplify
        self.threads = threads
        self.trace = trace
        self.plans: dict[tuple[object, ...], Ready] = {}
        self.thread = InThread()
        self.profile: Profile | None = None
        self.moves = moves
        self.scratch = Scratch(device.allocator, moves)
        self.packs = Packs(device.allocator.statistics().capacity // PACKED_SHARE, moves)
        self.planned: list[Sequence[Node]] | None = None
        self._allocate = device.allocator.allocate
        self._lock = ForkLock()

    def multiplies(self, left: DType, right: DType) -> bool:
        """Whether the processor has instructions for products of these dtypes as they are."""
        units = self.programs.target.units
        return any(unit[:2] == (left, right) and not unit.is_raised for unit in units)

    def realize(
        self, nodes: Sequence[Node], symbols: Mapping[str, int], order: Sequence[Node] | None = None
    ) -> list[Contents]:
        """Return the contents of each node.

        Args:
            nodes: what is wanted.
            symbols: values of the symbolic sizes.
            order: all that the nodes depend on as ``sort_topologically`` gives it, if known.
        """
        key = key_of(nodes, order)
        ready = self.plans.get(key.structure)
        if ready is None:
            nodes = remove_markers(nodes)
            key = key_of(nodes)
            with self._lock:
                ready = self._prepare(nodes, key)
        return self._run(nodes, ready, key.storages, symbols)

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
        return self._plan(nodes, key_of(nodes), constants, begin)

    def _plan(
        self,
        nodes: Sequence[Node],
        key: GraphKey,
        constants: frozenset[int] = frozenset(),
        begin: Callable[[Node], None] | None = None,
    ) -> Plan:
        """Return the plan of nodes without markers, of which this is the key."""
        with pause_collection():
            with self.trace.span("simplify"):
                nodes = self.simplify(nodes)
            with self.trace.span("schedule"):
                buffers = key.buffers
                return make_plan(nodes, buffers, self.programs, self.trace, constants, begin)

    def _prepare(self, nodes: Sequence[Node], key: GraphKey) -> Ready:
        known = self.plans.get(key.structure)
        if known is not None:
            return known
        if self.planned is not None:
            self.planned.append(nodes)
        with self.library.compiling():
            plan = self._plan(nodes, key, begin=self.library.begin)
            with self.trace.span("compile"):
                flat = [step.program.program.root for group in plan.groups for step in group]
                kernels = iter(self.library.get_all(flat))
        by_group = [[next(kernels) for _ in group] for group in plan.groups]
        ready = Ready(plan, by_group, len(key.storages))
        if len(self.plans) >= MOST_PLANS:
            self.plans.pop(next(iter(self.plans)))
        self.plans[key.structure] = ready
        return ready

    def _run(
        self,
        nodes: Sequence[Node],
        ready: Ready,
        given: Sequence[Storage],
        symbols: Mapping[str, int],
    ) -> list[Contents]:
        plan = ready.plan
        made, results = ready.made, ready.results
        if ready.is_symbolic:
            made = measure(plan.made, symbols)
            results = [(home, evaluate_shape(shape, symbols)) for home, shape in results]
        storages = [*given, *map(self.new_storage, made)]
        if self.profile is not None:
            self._run_profiled(self.profile, ready, storages, symbols)
        elif plan.groups:
            self._launch(ready, storages, symbols)
        capture = self.thread.capture
        if capture is not None and not capture.is_paused:
            new = storages[len(given) :]
            capture.ran.append(Ran(nodes, plan, tuple(given), tuple(new)))
        if plan.overwritten:
            overwritten = {given[number] for number in plan.overwritten}
            for storage in overwritten:
                storage.version += 1
            self.packs.note_written(overwritten)
        return [(storages[home], shape) for home, shape in results]

    def _launch(
        self, ready: Ready, storages: Sequence[Storage], symbols: Mapping[str, int]
    ) -> None:
        """Run a plan on the storages that it is given and those for what it makes."""
        bound = ready.bound
        if bound is None or ready.is_symbolic:
            bound = ready.bound = self._bind(ready, symbols)
        recording, patches, temporaries, nbytes = bound
        arena = self.device.allocator.allocate(max(1, nbytes)) if temporaries else None

        def prepare() -> None:
            arguments = recording.arguments
            write_addresses(arguments, patches, storages)
            if arena is not None:
                for argument, offset in temporaries:
                    arguments[argument] = arena.address + offset

        self.run("launch", recording, ready.launches, symbols, prepare)

    def _run_profiled(
        self,
        profile: Profile,
        ready: Ready,
        storages: Sequence[Storage],
        symbols: Mapping[str, int],
    ) -> None:
        """Run the groups of a plan one by one, noting what each launch finds and takes."""
        offsets, nbytes = ready.plan.place_temporaries(symbols)
        arena = self.device.allocator.allocate(max(1, nbytes))
        memory: dict[Place, Buffer] = {}
        for number, offset in enumerate(offsets):
            memory[Place("temporary", number)] = arena.part(offset, 0)
        for number in range(ready.given):
            memory[Place("given", number)] = memory_of(storages[number])
        for number in range(len(ready.plan.made)):
            memory[Place("made", number)] = memory_of(storages[ready.given + number])
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
        launches: Sequence[Launched],
        symbols: Mapping[str, int],
        prepare: Callable[[*Given], None],
        given: tuple[*Given] | tuple[()] = (),
    ) -> None:
        """Run a recording; if the trace is on, tell it of the whole and of every launch.

        Args:
            stage: what the whole is called in the trace.
            recording: what to run.
            launches: what is in it, in order.
            symbols: values of the symbolic sizes.
            prepare: patches it, when nobody else runs it.
            given: what `prepare` is called with.
        """
        if self.profile is not None:
            for launched in launches:
                self.profile.count(launched.step)
        if not self.trace.enabled:
            self.device.queue.run(recording, prepare, given)
            return
        recording.note_times(True)
        try:
            with self.trace.span(stage) as span:
                self.device.queue.run(recording, prepare, given)
                count = emit_launches(self.trace, self.name, recording, launches, symbols)
                span.count(launches=count)
        finally:
            recording.note_times(False)

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

    def new_storage(self, extent: Extent) -> Storage:
        """Return a storage of some extent, in memory that is not initialised."""
        dtype, size, nbytes = extent
        return Storage(self.name, dtype, size, self._allocate(nbytes or 1))

    def _bind(self, ready: Ready, symbols: Mapping[str, int]) -> Bound:
        """Return a plan's launches as a recording, without the addresses."""
        plan = ready.plan
        offsets, nbytes = plan.place_temporaries(symbols)
        nowhere = defaultdict[Place, Buffer](lambda: Buffer(0, 0, None))
        groups = [
            [
                self.launch(step, kernel, nowhere, symbols)
                for step, kernel in zip(steps, kernels, strict=True)
            ]
            for steps, kernels in zip(plan.groups, ready.kernels, strict=True)
        ]
        binaries = [kernel.binary for group in ready.kernels for kernel in group]
        recording = self.device.queue.record(groups, keep=binaries)
        bound = Bound(recording, [], [], nbytes)
        for number, launched in enumerate(ready.launches):
            for slot, place in enumerate(launched.step.places):
                if place is None:
                    continue
                argument = recording.place_of(number, slot)
                if place.kind == "temporary":
                    bound.temporaries.append((argument, offsets[place.number]))
                else:
                    bound.patches.append((argument, ready.number_of(place)))
        return bound

    def launch(
        self,
        step: Step,
        kernel: Kernel,
        memory: Mapping[Place, Buffer],
        symbols: Mapping[str, int],
        constants: Collection[Place] = (),
    ) -> Launch:
        """Return the launch of a step in the given memory.

        Args:
            step: what is launched.
            kernel: its program, compiled.
            memory: where everything is.
            symbols: values of the symbolic sizes.
            constants: what nothing writes.
        """
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
        reads = find_reads(step, memory, constants)
        return Launch(kernel.address, tuple(arguments), blocks, max(1, chunk), kernel.finish, reads)

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

"""Runs the schedules of one kernel on memory like that which the program's own launch found."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence

import numpy
from numpy.typing import NDArray

from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.library import Library
from tilegrad.engine.plan import Place, Step
from tilegrad.engine.profile import Operand, Sample
from tilegrad.engine.programs import Derived
from tilegrad.engine.search.subject import Lowered
from tilegrad.engine.sizes import evaluate_index
from tilegrad.ops.program import Slot
from tilegrad.runtime.buffer import Buffer

TURN = 1e-3
"""Seconds that one measurement lasts at least; a shorter kernel runs several times."""
MOST_CALLS = 200
TOLERANCE = 2e-2
"""How far results may be from the default's, in parts of their largest element."""
MOST_COMPARED = 1 << 18
"""So many elements of a result are compared at most."""
_PATTERN = 1 << 16


class Bench:
    """Memory for one kernel, and a way to run any schedule of it there.

    Args:
        executor: of the device.
        library: compiles candidates.
        sample: the kernel as the program ran it.
    """

    def __init__(self, executor: CompiledExecutor, library: Library, sample: Sample) -> None:
        self.executor = executor
        self.library = library
        self.sample = sample
        self.contents = [_fill(operand) for operand in sample.operands]
        self.memory = {
            Place("given", number): self._allocate(len(contents))
            for number, contents in enumerate(self.contents)
        }
        self.calls = 1
        # The time of the processor leaves out what other programs do meanwhile.
        self.clock = time.thread_time if executor.threads == 1 else time.perf_counter
        self.restore(range(len(self.contents)))

    def prepare(self, lowered: Lowered) -> Callable[[], None]:
        """Return what runs a schedule, compiled; raises TilegradError."""
        kernel = self.library.get(lowered.program.program.root)
        step, memory = self._place(lowered.program)
        launch = self.executor.launch(step, kernel, memory, self.sample.symbols)
        queue = self.executor.device.queue
        recording = queue.record([[launch]], keep=[kernel.binary, *memory.values()])
        return functools.partial(queue.run, recording)

    def pace(self, run: Callable[[], None]) -> float:
        """Choose how often a measurement runs a schedule; return the seconds of one run."""
        times = []
        for _ in range(3):
            self.reset()
            start = self.clock()
            run()
            times.append(self.clock() - start)
        seconds = max(min(times), 1e-7)
        self.calls = 1 if self.sample.is_in_place else min(MOST_CALLS, math.ceil(TURN / seconds))
        return seconds

    def repeat(self, run: Callable[[], None]) -> Callable[[], None]:
        """Return what runs a schedule so often that it can be measured."""

        def repeated() -> None:
            for _ in range(self.calls):
                run()

        return repeated

    def reset(self) -> None:
        """Give memory that is written in place its first contents again."""
        if self.sample.is_in_place:
            self.restore(self.sample.written)

    def restore(self, operands: Sequence[int]) -> None:
        """Give memory its first contents again."""
        for number in operands:
            self.memory[Place("given", number)].array()[:] = self.contents[number]

    def results(self, run: Callable[[], None]) -> list[NDArray[numpy.generic]]:
        """Run a schedule once and return what it computes, or a part of that if it is much."""
        for number in self.sample.written:
            self.memory[Place("given", number)].array().fill(0)
        self.reset()
        run()
        found = []
        for number in self.sample.written:
            dtype = self.sample.operands[number].dtype
            values = self.memory[Place("given", number)].array().view(dtype.numpy)
            found.append(values[:: 1 + values.size // MOST_COMPARED].copy())
        return found

    def _allocate(self, nbytes: int) -> Buffer:
        whole = self.executor.device.allocator.allocate(max(1, nbytes))
        return whole.part(0, nbytes)

    def _place(self, program: Derived) -> tuple[Step, dict[Place, Buffer]]:
        """Return the launch of a program; its own workspaces are allocated."""
        memory = dict(self.memory)
        numbers = {role: iter(operands) for role, operands in self.sample.roles.items()}
        places: list[Place | None] = []
        for slot in program.program.slots:
            if slot.role in numbers:
                places.append(Place("given", next(numbers[slot.role])))
            elif slot.role == "workspace":
                place = Place("temporary", len(memory))
                memory[place] = self._allocate(self._nbytes(slot))
                places.append(place)
            else:
                places.append(None)
        return Step(program, tuple(places)), memory

    def _nbytes(self, slot: Slot) -> int:
        return evaluate_index(slot.size, self.sample.symbols) * slot.dtype.itemsize


def _fill(operand: Operand) -> NDArray[numpy.uint8]:
    """Return the bytes that an operand begins with: its contents, or some small floats."""
    if operand.contents is not None:
        return operand.contents
    nbytes = operand.size * operand.dtype.itemsize
    if not operand.dtype.is_float:
        return numpy.zeros(nbytes, numpy.uint8)
    floats = numpy.random.default_rng(0).uniform(0.5, 1.5, _PATTERN).astype(operand.dtype.numpy)
    return numpy.resize(floats.view(numpy.uint8), nbytes)


def agree(
    found: Sequence[NDArray[numpy.generic]], expected: Sequence[NDArray[numpy.generic]]
) -> bool:
    """Whether results are the same but for rounding."""
    return all(map(_is_near, found, expected))


def _is_near(found: NDArray[numpy.generic], expected: NDArray[numpy.generic]) -> bool:
    if found.dtype.kind in "iub":
        return bool(numpy.array_equal(found, expected))
    with numpy.errstate(all="ignore"):
        wide, right = found.astype(numpy.float64), expected.astype(numpy.float64)
        finite = numpy.isfinite(right)
        if not numpy.array_equal(numpy.isfinite(wide), finite):
            return False
        largest = float(numpy.abs(right[finite]).max(initial=0.0))
        error = float(numpy.abs(wide - right)[finite].max(initial=0.0))
    return error <= TOLERANCE * largest + 1e-30

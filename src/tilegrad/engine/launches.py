"""What the launches of a recording do, for the trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tilegrad.base.events import KernelLaunched
from tilegrad.base.trace import Trace
from tilegrad.engine.library import Kernel
from tilegrad.engine.plan import Step
from tilegrad.engine.sizes import evaluate_index
from tilegrad.runtime.device import Recording


class Launched(NamedTuple):
    """A launch of a recording: its step and the kernel that runs it."""

    step: Step
    kernel: Kernel


def emit_launches(
    trace: Trace,
    device: str,
    recording: Recording,
    launches: Iterable[Launched],
    symbols: Mapping[str, int],
) -> int:
    """Emit one ``KernelLaunched`` for each launch of a recording that has been run timed.

    Launches that had nothing to do, because a size was zero, are left out.

    Args:
        trace: where the events go.
        device: where the recording ran.
        recording: it notes times.
        launches: in the order of the recording.
        symbols: values of the symbolic sizes.

    Returns:
        How many there were.
    """
    count = 0
    timed = zip(launches, recording.times(), strict=True)
    for number, ((step, kernel), (start, end)) in enumerate(timed):
        if not end:
            continue
        operations = evaluate_index(step.program.operations, symbols)
        moved = _count_bytes(step, number, recording, symbols)
        trace.emit(KernelLaunched(start, end, kernel.name, device, moved, operations))
        count += 1
    return count


def _count_bytes(step: Step, number: int, recording: Recording, symbols: Mapping[str, int]) -> int:
    """Return what a launch reads and writes; inputs may be several views of the same memory."""
    inputs, moved = list[tuple[int, int]](), 0
    for slot, (role, dtype, size) in enumerate(step.program.program.slots):
        nbytes = 0 if role == "scalar" else evaluate_index(size, symbols) * dtype.itemsize
        if role == "input":
            address = recording.arguments[recording.place_of(number, slot)]
            inputs.append((address, address + nbytes))
        else:
            moved += nbytes
    seen = 0
    for start, end in sorted(inputs):
        moved += max(0, end - max(start, seen))
        seen = max(seen, end)
    return moved

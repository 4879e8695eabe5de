"""The process of one library: it answers requests, one JSON object a line each way.

Usage: ``python -m benchmarks.worker LIBRARY THREADS``; `benchmarks.process` starts it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bandwidth import Yardstick
from benchmarks.cases import Case, Kind, find_case
from benchmarks.libraries import Library, UnsupportedError, open_library
from benchmarks.libraries.library import Array

CHECKED_ELEMENTS = 1 << 16
WARM_CALLS, WARM_SECONDS = 4, 1.0


class Worker:
    """A library, and the call that is measured at present."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.call: Callable[[], Array] = lambda: None
        self.yardstick: Yardstick | None = None

    def run(self) -> Array:
        """Call once and wait for the result."""
        value = self.call()
        for each in value if isinstance(value, tuple) else (value,):
            self.library.wait(each)
        return value

    def save_sample(self, value: Array, path: str) -> None:
        """Save a result (of several, one after the other), or of a large one a part."""
        values = value if isinstance(value, tuple) else (value,)
        flat = np.concatenate([np.ravel(self.library.to_numpy(each)) for each in values])
        np.save(path, flat[:: max(1, flat.size // CHECKED_ELEMENTS)])

    def describe(self) -> dict[str, Any]:
        """Answer with the versions."""
        return {"versions": self.library.versions()}

    def peaks(self) -> dict[str, Any]:
        """Answer with what the machine gives at most."""
        return {"peaks": self.library.peaks()}

    def prepare(self, case: str, check: str) -> dict[str, Any]:
        """Build a case, save a part of its first result, and call it until it is warm."""
        self.call, self.yardstick = lambda: None, None  # lets go of the case before
        self.call = find_case(case).prepare(self.library)
        self.save_sample(self.run(), check)
        start = time.perf_counter()
        for _ in range(WARM_CALLS):
            self.run()
            if time.perf_counter() - start > WARM_SECONDS:
                break
        return {"observed": self.library.observe(self.run)[1]}

    def measure(self, seconds: float) -> dict[str, Any]:
        """Call for about so long, and answer with the mean seconds of a call."""
        run, clock = self.run, time.perf_counter
        calls, start = 0, clock()
        while True:
            run()
            calls += 1
            if (elapsed := clock() - start) >= seconds:
                return {"seconds": elapsed / calls, "calls": calls}

    def measure_bytes(self, case: str, seconds: float) -> dict[str, Any]:
        """Answer with the least seconds in which the bytes of a case can be moved."""
        if self.yardstick is None:
            found = find_case(case)
            moved = 0.0 if found.work is None else found.work[0]
            self.yardstick = Yardstick(moved - found.written, found.written, self.library.threads)
        return {"seconds": self.yardstick.measure(seconds)}

    def measure_fresh(self, case: str, check: str) -> dict[str, Any]:
        """Measure a case that needs a process of its own."""
        found = find_case(case)
        self.run_something_small()
        if found.kind is Kind.MEMORY:
            return self._measure_memory(found, check)
        self.call = found.prepare(self.library)
        start, start_cpu = time.perf_counter(), cpu_seconds()
        value, observed = self.library.observe(self.run)
        first, first_cpu = time.perf_counter() - start, cpu_seconds() - start_cpu
        self.save_sample(value, check)
        if found.kind is Kind.FIRST:
            return {"value": first, "observed": observed}
        # Some libraries compile once more when they capture, so later calls begin after that.
        self.run()
        start_cpu = cpu_seconds()
        self.run()
        later = cpu_seconds() - start_cpu
        return {"value": max(first_cpu - later, 0.0), "observed": observed}

    def _measure_memory(self, case: Case, check: str) -> dict[str, Any]:
        self.train_something_small()
        before = resident_bytes("VmRSS")
        self.call = case.prepare(self.library)
        self.save_sample(self.run(), check)
        self.run()
        self.run()
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew from here
        self.run()
        self.run()
        return {"value": resident_bytes("VmHWM") - before}

    def run_something_small(self) -> None:
        """Start what a library starts at its first operation, which is no case's cost."""
        one = self.library.array(np.ones(4, np.float32))
        run = self.library.capture(lambda x: x + x)
        for _ in range(3):
            self.library.wait(run(one))

    def train_something_small(self) -> None:
        """Load what a library loads for its first training step, which is no network's memory."""
        ones = np.ones((4, 4), np.float32)
        step = self.library.training_step(
            lambda library, parameters, x: library.mean(x @ parameters["weight"], (0, 1)),
            self.library.arrays({"weight": ones}),
            1e-3,
        )
        for _ in range(3):
            self.library.wait(step(self.library.array(ones)))


def cpu_seconds() -> float:
    """Return the time of this process and of all that it has started, on all cores."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    ended = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return ended + sum(map(_seconds_of, _descendants(os.getpid())))


def _descendants(process: int) -> list[int]:
    """Return the numbers of the processes that one has started and that still run."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(path)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found: list[int] = []
    pending = [process]
    while pending:
        started = children.get(pending.pop(), [])
        found += started
        pending += started
    return found


def _seconds_of(process: int) -> float:
    """Return the time of a process and of those it has waited for; 0 if it has ended."""
    fields = _fields(Path(f"/proc/{process}/stat"))
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _fields(path: Path) -> list[str]:
    """Return the fields of a process's state from the third on; none if it has ended."""
    try:
        text = path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def resident_bytes(field: str) -> int:
    """Return a field of /proc/self/status: VmRSS (now) or VmHWM (peak)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        label, _, value = line.partition(":")
        if label == field:
            return int(value.split()[0]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def main(name: str, threads: int) -> None:
    """Answer until the standard input ends."""
    # What libraries print goes to the error stream, not between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        worker = Worker(open_library(name, threads))
        answers.write(json.dumps(worker.describe()) + "\n")
    except UnsupportedError as error:
        answers.write(json.dumps({"unsupported": str(error)}) + "\n")
        return
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except UnsupportedError as error:
            answer = {"unsupported": str(error)}
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

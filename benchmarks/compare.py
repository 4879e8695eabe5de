"""Measuring: the libraries take turns, so that what the machine does strikes all alike."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case, Kind
from benchmarks.libraries.library import Observation
from benchmarks.process import Process, SkippedError

PAUSE_SECONDS = 0.15  # in which threads of the library before fall asleep: OpenBLAS's after 0.1 s
LIMIT_SECONDS = 400.0
OURS = "tilegrad"

Tell = Callable[[str], None]


@dataclass
class Result:
    """What one case gave.

    Attributes:
        name, group, title: as of the case; several results of a case differ in them.
        unit: of the samples.
        work: operations or bytes of a call and their unit, or None.
        samples: by library, one for each round; nan where a round gave none.
        skips: by library, why there are no samples.
        observed: what our library tells of the call, if it was asked.
        moves: seconds in which the bytes of the call can be moved, after each turn of ours, if it
            is memory that bounds it.
    """

    name: str
    group: str
    title: str
    unit: str
    work: tuple[float, str] | None = None
    samples: dict[str, list[float]] = field(default_factory=dict)
    skips: dict[str, str] = field(default_factory=dict)
    observed: Observation | None = None
    moves: list[float] = field(default_factory=list)

    def note(self, library: str, answer: Mapping[str, Any]) -> None:
        """Take down what our library tells of a call."""
        if library == OURS and answer.get("observed") is not None:
            self.observed = Observation(*answer["observed"])

    def median(self, library: str) -> float | None:
        """Return the median of a library's samples, or None if there are none."""
        samples = [each for each in self.samples.get(library, ()) if not math.isnan(each)]
        return statistics.median(samples) if samples else None

    def ratio(self, library: str) -> float | None:
        """Return how many times ours a library's sample is, the median over the rounds."""
        pairs = zip(self.samples.get(OURS, ()), self.samples.get(library, ()), strict=False)
        ratios = [theirs / ours for ours, theirs in pairs if ours > 0 and theirs >= 0]
        return statistics.median(ratios) if ratios else None

    def share_of_bandwidth(self) -> float | None:
        """Return the time that moving the bytes takes over ours, the median over the rounds."""
        pairs = zip(self.moves, self.samples.get(OURS, ()), strict=False)
        shares = [moving / ours for moving, ours in pairs if ours > 0]
        return statistics.median(shares) if shares else None

    def best_ratio(self) -> float | None:
        """Return the ratio of the rival that did best."""
        ratios = [self.ratio(library) for library in self.samples if library != OURS]
        return min((ratio for ratio in ratios if ratio), default=None)


@dataclass(frozen=True)
class Plan:
    """How thoroughly to measure.

    Attributes:
        libraries: their names.
        threads: how many each may use.
        rounds: turns of every library for each case that is measured by the call.
        fresh_rounds: for each case that needs fresh processes.
        seconds: how long a turn lasts.
    """

    libraries: Sequence[str]
    threads: int
    rounds: int
    fresh_rounds: int
    seconds: float


@contextmanager
def open_processes(plan: Plan, caches: Path, skips: dict[str, str]) -> Iterator[dict[str, Process]]:
    """Start the process of every library; why one cannot be is put into `skips`."""
    with ExitStack() as stack:
        processes = {}
        for library in plan.libraries:
            try:
                process = Process(library, plan.threads, caches, LIMIT_SECONDS)
                processes[library] = stack.enter_context(process)
            except SkippedError as error:
                skips[library] = str(error)
        yield processes


def compare_calls(case: Case, plan: Plan, processes: dict[str, Process], tell: Tell) -> Result:
    """Measure a case in the libraries' processes, in turns."""
    result = Result(case.name, case.group, case.title, case.kind.value, case.work)
    ready: dict[str, Process] = {}
    with tempfile.TemporaryDirectory() as folder:
        for library, process in processes.items():
            check = Path(folder) / f"{library}.npy"
            try:
                result.note(library, process.ask("prepare", case=case.name, check=str(check)))
                ready[library] = process
            except SkippedError as error:
                result.skips[library] = str(error)
                tell(f"  {library}: {error}")
        for library in compare_samples(Path(folder), case.tolerance, result.skips):
            ready.pop(library)
    order = list(ready)
    result.samples = {library: [] for library in order}
    for turn in range(plan.rounds if order else 0):
        for library in order[turn % len(order) :] + order[: turn % len(order)]:
            time.sleep(PAUSE_SECONDS)
            result.samples[library].append(take_turn(library, ready[library], plan, result))
            if library == OURS and case.is_out_of_cache and library not in result.skips:
                answer = ready[library].ask("measure_bytes", case=case.name, seconds=plan.seconds)
                result.moves.append(answer["seconds"])
    return result


def take_turn(library: str, process: Process, plan: Plan, result: Result) -> float:
    """Return the seconds of a call in one turn, or nan."""
    if library in result.skips:
        return math.nan
    try:
        return process.ask("measure", seconds=plan.seconds)["seconds"]
    except SkippedError as error:
        result.skips[library] = str(error)
        return math.nan


def compare_fresh(case: Case, plan: Plan, tell: Tell) -> list[Result]:
    """Measure a case in fresh processes: with empty caches, and, for compiling, with full ones."""
    states = ("",) if case.kind is Kind.MEMORY else ("cold", "warm")
    results = [
        Result(
            "-".join(filter(None, (case.name, state))),
            case.group,
            case.title + (f", {state} cache" if state else ""),
            case.kind.value,
        )
        for state in states
    ]
    for turn in range(plan.fresh_rounds):
        libraries = list(plan.libraries)
        with tempfile.TemporaryDirectory() as folder:
            for library in libraries[turn % len(libraries) :] + libraries[: turn % len(libraries)]:
                for result in results:
                    measure_once(case, library, plan, Path(folder), result, tell)
            compare_samples(Path(folder), case.tolerance, results[0].skips)
    for result in results:
        for library in results[0].skips:
            result.samples.pop(library, None)
    return results


def measure_once(
    case: Case, library: str, plan: Plan, folder: Path, result: Result, tell: Tell
) -> None:
    """Add a sample of a fresh process."""
    if library in result.skips:
        return
    check = str(folder / f"{library}.npy")
    try:
        with Process(library, plan.threads, folder, LIMIT_SECONDS) as process:
            answer = process.ask("measure_fresh", case=case.name, check=check)
        result.samples.setdefault(library, []).append(answer["value"])
        result.note(library, answer)
    except SkippedError as error:
        result.skips[library] = str(error)
        tell(f"  {library}: {error}")


def compare_samples(folder: Path, tolerance: float, skips: dict[str, str]) -> list[str]:
    """Return the libraries whose saved results are wrong; why is put into `skips`.

    Right is what is near the element-wise median of all results.
    """
    saved = {path.stem: np.load(path).astype(np.float64) for path in folder.glob("*.npy")}
    if len(saved) < 2:
        return []
    shapes = {values.shape for values in saved.values()}
    if len(shapes) > 1:
        raise RuntimeError(f"the libraries' results differ in shape: {shapes}")
    median = np.median(np.stack(list(saved.values())), axis=0)
    scale = max(float(np.abs(median).max()), 1e-30)
    wrong = []
    for library, values in saved.items():
        error = float(np.abs(values - median).max()) / scale
        if not error <= tolerance:
            skips[library] = f"wrong result: off by {error:.1e} of the largest element"
            wrong.append(library)
    return wrong

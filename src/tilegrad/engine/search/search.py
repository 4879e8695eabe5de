"""The search over all kernels of a profile, within a time budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from tilegrad.base.events import KernelScheduled
from tilegrad.base.trace import Trace
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.library import Library
from tilegrad.engine.profile import Profile, Sample
from tilegrad.engine.search.bench import Bench
from tilegrad.engine.search.climb import Climb, Outcome
from tilegrad.engine.search.subject import Subject, make_subject, name_choices

Tell = Callable[[str], object]


class Search:
    """Searches for better schedules of what a program ran.

    Winners are kept at once, kernel by kernel: whatever ends the search, what was found stays.

    Args:
        executor: of the device.
        profile: what the program ran there.
        trace: is told of what was tried and found.
    """

    def __init__(self, executor: CompiledExecutor, profile: Profile, trace: Trace) -> None:
        self.executor = executor
        self.trace = trace
        found = [
            (sample, make_subject(sample, executor.programs, profile.variants))
            for sample in profile.samples.values()
        ]
        self.subjects = [(sample, subject) for sample, subject in found if subject is not None]
        self.subjects.sort(key=lambda pair: -pair[0].seconds)
        library = executor.library
        # Candidates that lose do not belong into the cache on disk.
        self.library = Library(library.compiler, library.write, None, Trace(), library.threads)

    @property
    def kernels(self) -> int:
        """How many kernels there are to search."""
        return len(self.subjects)

    def run(self, seconds: float, tell: Tell) -> Iterator[tuple[Sample, Outcome]]:
        """Search, those kernels first that took longest; give what was found, one by one.

        Args:
            seconds: for all kernels together; those that take longer get more of it.
            tell: called with the name of the kernel under way, again and again.
        """
        end = time.perf_counter() + seconds
        weights = [math.sqrt(sample.seconds) for sample, _ in self.subjects]
        for number, (sample, subject) in enumerate(self.subjects):
            left = end - time.perf_counter()
            if left <= 0:
                return
            share = weights[number] / max(sum(weights[number:]), 1e-9)
            yield sample, self._search(sample, subject, left * share, tell)

    def _search(self, sample: Sample, subject: Subject, seconds: float, tell: Tell) -> Outcome:
        tell(subject.name)
        climb = Climb(subject, Bench(self.executor, self.library, sample), self.trace)
        try:
            outcome = climb.search(seconds, lambda: tell(subject.name))
        except KeyboardInterrupt:
            self._keep(subject, climb.settle())
            raise
        self._keep(subject, outcome)
        return outcome

    def _keep(self, subject: Subject, outcome: Outcome) -> None:
        winners = self.executor.programs.winners
        if not outcome.choices and not winners.find(subject.digest):
            return
        winners.keep(subject.digest, outcome.choices)
        # So that the next program finds it compiled.
        self.executor.library.get(subject.lower(outcome.choices).program.program.root)
        if self.trace.enabled:
            schedule = name_choices(outcome.choices)
            self.trace.emit(KernelScheduled(subject.name, schedule, "search"))

"""Climbing: one decision after the other is made in the way that measured best, round and round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tilegrad.base.errors import TilegradError
from tilegrad.base.events import ScheduleTried
from tilegrad.base.trace import Trace
from tilegrad.engine.search.bench import TURN, Bench, agree
from tilegrad.engine.search.race import Standing, race
from tilegrad.engine.search.subject import Lowered, Subject, alternatives, name_choices
from tilegrad.tile.decisions import NO_CHOICES, Choices

WIDTH = 6
"""So many candidates of a decision are measured, those first that the cost model likes best."""
ROUNDS = 2
"""All decisions are gone through at most so often."""
FINAL_TURNS = 60
"""The winner has about so many turns to win against the default once more."""
LEAST_SECONDS = 0.05
"""With less time left, no other decision is tried."""


class Outcome(NamedTuple):
    """What the search for one kernel's schedule found.

    Attributes:
        name: of the kernel.
        choices: what to choose otherwise than the cost model; empty if the default is best.
        seconds: how long the default takes.
        ratio: the time of the best schedule over that of the default; 1 if that is the default.
        tried: how many schedules were measured.
    """

    name: str
    choices: Choices
    seconds: float
    ratio: float
    tried: int


class Climb:
    """Searches for the best schedule of one kernel.

    Args:
        subject: the kernel.
        bench: runs its schedules.
        trace: is told of what was tried.
    """

    def __init__(self, subject: Subject, bench: Bench, trace: Trace) -> None:
        self.subject = subject
        self.bench = bench
        self.trace = trace
        self.default = subject.lower(NO_CHOICES)
        self.run_default = bench.prepare(self.default)
        self.expected = bench.results(self.run_default)
        self.seconds = bench.pace(self.run_default)
        self.choices: Choices = NO_CHOICES
        self.best = self.default
        self.run_best = self.run_default
        self.seen = {self.default.key}

    def search(self, seconds: float, tell: Callable[[], object]) -> Outcome:
        """Return the best schedule that is found in some time.

        Args:
            seconds: how long to search, compiling included.
            tell: called after every decision.
        """
        end = time.perf_counter() + seconds
        for _ in range(ROUNDS):
            before = self.choices
            for name in list(self.best.decisions):
                left = end - time.perf_counter()
                if left < LEAST_SECONDS:
                    return self.settle()
                if name in self.best.decisions:
                    self._improve(name, left)
                    tell()
            if self.choices == before:
                break
        return self.settle()

    def settle(self) -> Outcome:
        """Return the best schedule so far, if it still wins against the default."""
        tried = len(self.seen) - 1
        if self.choices:
            seconds = LEAST_SECONDS + FINAL_TURNS * max(TURN, self.seconds)
            _, standing = self._race([self.run_default, self.run_best], seconds)
            if standing.is_faster:
                return self._outcome(self.choices, standing.ratio, tried)
        return self._outcome(NO_CHOICES, 1.0, tried)

    def _outcome(self, choices: Choices, ratio: float, tried: int) -> Outcome:
        return Outcome(self.subject.name, choices, self.seconds, ratio, tried)

    def _improve(self, name: str, seconds: float) -> None:
        """Race the candidates of a decision with the best so far; keep the winner."""
        ready: list[tuple[Choices, Lowered, Callable[[], None]]] = []
        for candidate in alternatives(self.best.decisions[name], WIDTH):
            choices = {**self.choices, name: candidate.label}
            found = self._prepare(choices)
            if found is not None:
                ready.append((choices, *found))
        if not ready:
            return
        standings = self._race([self.run_best, *(run for _, _, run in ready)], seconds)
        for standing, (choices, _, _) in zip(standings[1:], ready, strict=True):
            self._tell(choices, standing)
        faster = [
            (standing.ratio, number)
            for number, standing in enumerate(standings[1:])
            if standing.is_faster
        ]
        if faster:
            self.choices, self.best, self.run_best = ready[min(faster)[1]]

    def _prepare(self, choices: Choices) -> tuple[Lowered, Callable[[], None]] | None:
        """Return a schedule that was not seen yet, ready to run; None if it is of no use."""
        try:
            lowered = self.subject.lower(choices)
            if lowered.key in self.seen:
                return None
            self.seen.add(lowered.key)
            run = self.bench.prepare(lowered)
        except TilegradError as error:
            self._refuse(choices, error.what)
            return None
        if not agree(self.bench.results(run), self.expected):
            self._refuse(choices, "its results differ from the default's")
            return None
        return lowered, run

    def _race(self, runs: list[Callable[[], None]], seconds: float) -> list[Standing]:
        repeated = [self.bench.repeat(run) for run in runs]
        before = self.bench.reset if self.bench.sample.is_in_place else None
        return race(repeated, seconds, before=before, clock=self.bench.clock)

    def _tell(self, choices: Choices, standing: Standing) -> None:
        if self.trace.enabled:
            median = int(self.seconds * standing.ratio * 1e9)
            self.trace.emit(ScheduleTried(self.subject.name, name_choices(choices), median))

    def _refuse(self, choices: Mapping[str, str], reason: str) -> None:
        if self.trace.enabled:
            self.trace.emit(ScheduleTried(self.subject.name, name_choices(choices), None, reason))

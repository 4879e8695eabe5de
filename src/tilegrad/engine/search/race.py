"""A race: candidates measured in turns against the first of them, on a machine that has other work.

What counts is the ratio of a candidate's time to that of the first in the same round, since
whatever slows the machine down for longer than a round strikes both; and of these ratios the
median, since whatever strikes one alone makes an outlier. A candidate counts as faster only if a
sign test says so: were both alike, each would win half of the rounds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

MOST_ROUNDS = 40
LIMITS = ((2, 0.0, 1.6), (5, 0.25, 1.06), (12, 0.5, 1.0))
"""A candidate is given up if after so many rounds this quantile of its ratios is as large."""
CLEAR_AFTER = 20
"""Once, after so many rounds, it is looked whether the winners are clear already: to look again and
again would find one in any noise."""
LEAST_GAIN = 0.98
"""A candidate that is not faster than this is not worth a change."""
CHANCE = 0.001
"""How likely it may be that a candidate is called faster that is not."""


@dataclass(slots=True)
class Standing:
    """How a candidate stands against the first.

    Attributes:
        ratios: its time over that of the first, round by round.
    """

    ratios: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the ratios; below 1 is faster than the first."""
        return median(self.ratios) if self.ratios else math.nan

    @property
    def is_faster(self) -> bool:
        """Whether it is faster by enough, and that is not chance."""
        if not self.ratios or self.ratio > LEAST_GAIN:
            return False
        return chance_of(sum(each < 1 for each in self.ratios), len(self.ratios)) <= CHANCE

    @property
    def is_losing(self) -> bool:
        """Whether it need not be measured again."""
        ordered = sorted(self.ratios)
        rounds = len(ordered)
        return any(
            rounds >= after and ordered[int(quantile * rounds)] >= limit
            for after, quantile, limit in LIMITS
        )


def chance_of(wins: int, rounds: int) -> float:
    """Return how likely it is to win so many rounds or more if each is a toss of a coin."""
    return sum(math.comb(rounds, each) for each in range(wins, rounds + 1)) / 2**rounds


def race(
    candidates: Sequence[Callable[[], object]],
    seconds: float,
    *,
    before: Callable[[], object] | None = None,
    gives_up: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Standing]:
    """Measure candidates in turns; return how each stands against the first.

    Those that lose are given up; the race ends when time is up, when all but the first are given
    up, or when it is clear that those left are faster. One round at least is run.

    Args:
        candidates: to call; each has been called before, so that it is ready.
        seconds: how long to measure.
        before: called before each measurement, not measured.
        gives_up: False to go on with those that lose, to know how much they lose by.
        clock: gives the time of a measurement in seconds.
    """
    standings = [Standing() for _ in candidates]
    racing = list(range(1, len(candidates)))
    end = time.perf_counter() + seconds
    for turn in range(MOST_ROUNDS):
        order = [0, *racing]
        shift = turn % len(order)
        times: dict[int, float] = {}
        for number in order[shift:] + order[:shift]:
            if before is not None:
                before()
            start = clock()
            candidates[number]()
            times[number] = clock() - start
        for number in order:
            standings[number].ratios.append(times[number] / max(times[0], 1e-9))
        if gives_up:
            racing = [number for number in racing if not standings[number].is_losing]
            if turn + 1 == CLEAR_AFTER and all(standings[one].is_faster for one in racing):
                break
        if not racing or time.perf_counter() >= end:
            break
    return standings

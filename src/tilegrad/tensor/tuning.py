"""Measuring candidates against each other on a machine that does other things too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

_ROUNDS = 5
"""So many times each candidate is measured before the slow ones are given up."""
_HOPELESS = 1.25
"""A candidate is given up whose best time is so many times the best of all."""


def find_fastest(candidates: Sequence[Callable[[], object]], seconds: float) -> int:
    """Return the number of the candidate that is fastest, the first where two are alike.

    The candidates take turns, so that what the machine does besides strikes all of them; after a
    few turns only those go on that may still win.

    Args:
        candidates: functions to call; each has been called before, so that it is ready.
        seconds: when to stop, counted from now; each candidate is measured at least once.
    """
    end = time.perf_counter() + seconds
    times: dict[int, list[float]] = {number: [] for number in range(len(candidates))}
    racing = list(times)
    while (len(racing) > 1 and time.perf_counter() < end) or not times[racing[-1]]:
        for number in racing:
            start = time.perf_counter()
            candidates[number]()
            times[number].append(time.perf_counter() - start)
        if len(times[racing[0]]) % _ROUNDS == 0:
            best = min(min(times[number]) for number in racing)
            racing = [number for number in racing if min(times[number]) <= _HOPELESS * best]
    return min(racing, key=lambda number: median(times[number]))

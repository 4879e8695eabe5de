"""How evenly the instances of a kernel fill the threads.

Threads take instances in turn, each the next one when it is done with the last. With instances of
two tiles each, eleven tiles keep two threads busy for the time of six; with instances of one, some
thread has six as well, but eight wider tiles fill both for the time of four and four.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

SIMULATED = 64
"""Of more instances than this it is taken for granted that they fill the threads."""
DELAY = 0.5
"""Threads neither start nor run alike: the last one is expected to be late by so much of an
instance."""


class Cycles(NamedTuple):
    """What parts of an instance take.

    Attributes:
        product: a register tile of results.
        row: packing a tile of rows.
        lane: packing a tile of lanes.
    """

    product: float
    row: float
    lane: float


class Grid(NamedTuple):
    """Tiles of both sides, in blocks.

    Attributes:
        batch: how many matrices there are.
        rows, lanes: tiles of each side.
        block: how many tiles of rows and of lanes an instance has; the last ones may have fewer.
    """

    batch: int
    rows: int
    lanes: int
    block: tuple[int, int]

    @property
    def instances(self) -> int:
        """How many there are."""
        tall, wide = self.block
        return self.batch * -(-self.rows // tall) * -(-self.lanes // wide)

    def measure(self, cycles: Cycles) -> Iterator[float]:
        """Yield what each instance takes, in the order in which they are begun."""
        tall, wide = self.block
        for _ in range(self.batch):
            for first in range(0, self.rows, tall):
                height = min(tall, self.rows - first)
                for start in range(0, self.lanes, wide):
                    width = min(wide, self.lanes - start)
                    packing = height * cycles.row + width * cycles.lane
                    yield height * width * cycles.product + packing

    def total(self, cycles: Cycles) -> float:
        """Return what all instances take."""
        tall, wide = self.block
        total = self.rows * self.lanes * cycles.product
        total += -(-self.lanes // wide) * self.rows * cycles.row
        total += -(-self.rows // tall) * self.lanes * cycles.lane
        return self.batch * total

    def largest(self, cycles: Cycles) -> float:
        """Return what the largest instance takes."""
        tall, wide = self.block
        return tall * wide * cycles.product + tall * cycles.row + wide * cycles.lane

    def least(self, cycles: Cycles) -> float:
        """Return what ``span`` is at least: that no thread ever waits but for the delay."""
        return self.total(cycles) + DELAY * self.largest(cycles)

    def span(self, cycles: Cycles, threads: int) -> float:
        """Return what all threads together take until the last one is done, waiting included."""
        if threads == 1:
            return self.total(cycles)
        largest = self.largest(cycles)
        if self.instances > SIMULATED:
            return self.total(cycles) + (threads / 2 + DELAY) * largest
        return threads * fill_threads(self.measure(cycles), threads) + DELAY * largest


def fill_threads(works: Iterable[float], threads: int) -> float:
    """Return when the last thread is done, if each takes the next work whenever it is free."""
    busy = [0.0] * threads
    for each in works:
        heapq.heapreplace(busy, busy[0] + each)
    return max(busy)

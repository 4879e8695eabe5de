"""How many bands a block of a stream's rows has.

An instance lays the steps' factors out for its block, so that large blocks lay out less; small ones
fill the threads more evenly, all the more where a mask gives later rows more steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tilegrad.ops.affine import Index, split_terms
from tilegrad.tile.balance import DELAY, SIMULATED, fill_threads
from tilegrad.tile.facts import constant_extent
from tilegrad.tile.streams.reach import Limits
from tilegrad.tile.streams.stream import Stream

LAYING = 7.0
"""Laying out a vector of steps takes so many cycles; a multiply-add of one takes one."""
WEIGHING = 16.0
"""What is elementwise takes about so many for a vector: an exponential."""


def measure_blocks(
    stream: Stream, limits: Limits, columns: int, block: tuple[int, int], threads: int
) -> float | None:
    """Return what all threads together take until the last one is done, waiting included.

    Args:
        stream: the kernel.
        limits: bounds on its steps.
        columns: of each total that has some.
        block: how many bands it has, and the rows of a band.
        threads: how many there are.

    Returns:
        cycles for a lane of a vector; None if the sizes are not known, or if an instance walks all
        blocks.
    """
    sizes = [constant_extent(axis) for axis in (stream.rows, stream.steps, *stream.others)]
    if None in sizes or any(total.is_across for total in stream.totals):
        return None
    batch = math.prod(size for size in sizes[2:] if size is not None)
    works = list(_measure_each(stream, limits, columns, block))[::-1]  # as they are begun
    total, largest = batch * sum(works), max(works)
    if threads == 1:
        return total
    if batch * len(works) > SIMULATED:
        return total + (threads / 2 + DELAY) * largest
    return threads * fill_threads(works * batch, threads) + DELAY * largest


def _measure_each(
    stream: Stream, limits: Limits, columns: int, block: tuple[int, int]
) -> Iterator[float]:
    """Yield what each block of one matrix takes."""
    extent, steps = constant_extent(stream.rows) or 1, constant_extent(stream.steps) or 1
    starts, stops = (_find_lines(stream, one) for one in limits)
    length = sum(constant_extent(product.axis) or 1 for product in stream.products)
    width = columns * sum(total.columns is not None for total in stream.totals)
    bands, band = block

    def count(first: int, last: int) -> int:
        """Return how many steps the rows from ``first`` up to ``last`` reach."""
        start = max((min(line.at(first), line.at(last - 1)) for line in starts), default=0)
        stop = min((max(line.at(first), line.at(last - 1)) for line in stops), default=steps)
        return max(0, min(steps, stop) - max(0, start))

    for first in range(0, extent, bands * band):
        last = min(extent, first + bands * band)
        rows = range(first, last, band)
        reached = sum(
            (min(last, row + band) - row) * count(row, min(last, row + band)) for row in rows
        )
        yield LAYING * length * count(first, last) + reached * (length + width + WEIGHING)


class _Line(NamedTuple):
    """A bound on the steps that is linear in the row."""

    slope: int
    offset: int

    def at(self, row: int) -> int:
        return self.slope * row + self.offset


def _find_lines(stream: Stream, bounds: Sequence[Index]) -> list[_Line]:
    """Return the bounds that depend on nothing but the row; of others nothing is known here."""
    found = [split_terms(bound) for bound in bounds]
    return [
        _Line(terms.get(stream.rows, 0), offset)
        for terms, offset in found
        if terms.keys() <= {stream.rows}
    ]

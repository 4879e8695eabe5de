"""What this machine can do at most, measured: the two lines of a roofline.

The roofline model is that of S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful
visual performance model for multicore architectures", 2009: a kernel takes at least as long as its
bytes take to move, and as its operations take to do.
"""

from __future__ import annotations

import statistics
from typing import NamedTuple

from tilegrad import Tensor, kernel
from tilegrad import language as tl
from tilegrad.base.events import KernelLaunched
from tilegrad.engine import Session
from tilegrad.language import Array, KernelBuilder

_ELEMENTS = 1 << 24
"""Of the array that is copied: 64 MiB, more than the caches of most machines."""
_ROUNDS = 1 << 14
_ACCUMULATORS = 12
"""So many sums of a vector each hide how long a multiply-add takes, and fit 16 registers."""
_REPEATS = 10


class Peaks(NamedTuple):
    """What was seen.

    Attributes:
        bytes_per_second: moved by a copy that is larger than the caches, read and written; the
            median, as memory is shared with others, and lucky moments tell nothing of the next one.
        operations_per_second: the most, float32, in multiply-adds that touch no memory.
    """

    bytes_per_second: float
    operations_per_second: float

    def least_seconds(self, moved_bytes: float, operations: float) -> float:
        """Return the time that a kernel takes at least."""
        return max(moved_bytes / self.bytes_per_second, operations / self.operations_per_second)


@kernel
def multiply_adds(build: KernelBuilder, x: Array) -> Array:
    """Return sums of products that begin with the numbers of x; each vector is its own sum."""
    y = build.output(x.shape, x.dtype)
    instance = build.grid(x.shape[0])
    factor, term = x[0, 0], x[0, 1]
    with build.loop(_ROUNDS, total=x[instance, :]) as loop:
        loop.total = tl.fma(loop.total, factor, term)
    y[instance, :] = loop.total
    return y


def measure_peaks(session: Session, vector_bits: int, threads: int) -> Peaks:
    """Measure, in some tenths of a second, a few turns.

    Args:
        session: the one in force.
        vector_bits: of the vector registers.
        threads: how many run at once.
    """
    lanes, instances = vector_bits // 32, 8 * threads
    # All different, or the compiler would see that all sums are the same.
    numbers = Tensor.rand(instances, _ACCUMULATORS * lanes).realize()
    source = Tensor.ones(_ELEMENTS).contiguous().realize()
    with session.trace.record() as recording:
        for _ in range(_REPEATS):
            (source + 1).realize()
    moved = [event.moved_bytes / event.seconds for event in recording.find(KernelLaunched)]
    with session.trace.record() as recording:
        for _ in range(_REPEATS):
            multiply_adds(numbers).realize()
    operations = 2 * instances * _ROUNDS * _ACCUMULATORS * lanes
    done = [operations / event.seconds for event in recording.find(KernelLaunched)]
    return Peaks(statistics.median(moved), max(done))

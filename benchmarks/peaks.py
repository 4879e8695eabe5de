"""What the machine gives at most: arithmetic in registers, and reading what no cache holds.

Usage: ``python -m benchmarks.peaks``, with TILEGRAD_THREADS to limit the threads. Both are tile
programs, so that the figures are those of the code that the compiler can write for this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tilegrad import Tensor, dtypes, jit, kernel
from tilegrad import language as tl

INSTANCES, ROUNDS = 16, 1 << 16
ROWS, COLUMNS = 8, 16
"""Sums of an instance: enough to hide the latency of adding, few enough to stay in registers."""
READ_BYTES = 1 << 28
TURNS = 12


class Peaks(NamedTuple):
    """Floating-point operations and bytes, per second."""

    operations: float
    bytes: float


@kernel
def _accumulate(build: tl.KernelBuilder, left: tl.Array, right: tl.Array) -> tl.Array:
    out = build.output((INSTANCES, ROWS, COLUMNS), dtypes.float32)
    place = build.grid(INSTANCES)
    a, b = left[:, :], right[place]
    with build.loop(ROUNDS, total=tl.zeros((ROWS, COLUMNS))) as loop:
        loop.total = tl.dot(a, b, loop.total)
    out[place] = loop.total
    return out


def measure_peaks() -> Peaks:
    """Return the best of several turns in float32, in the session in force."""
    left = Tensor.ones((ROWS, 1)).realize()
    right = Tensor.ones((INSTANCES, 1, COLUMNS)).realize()
    compute = jit(lambda a, b: _accumulate(a, b).realize())
    operations = 2.0 * INSTANCES * ROUNDS * ROWS * COLUMNS
    values = Tensor(np.ones(READ_BYTES // 4, np.float32)).realize()
    read = jit(lambda x: x.sum().realize())
    return Peaks(
        operations / _least_seconds(lambda: compute(left, right)),
        READ_BYTES / _least_seconds(lambda: read(values)),
    )


def _least_seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    found = measure_peaks()
    print(f"{found.operations / 1e9:.0f} GFLOP/s, {found.bytes / 1e9:.1f} GB/s")

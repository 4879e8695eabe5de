"""A running sum: chunks of a row are scanned in registers, their totals carried on."""

from __future__ import annotations

from tilegrad import kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder


@kernel
def running_sum(build: KernelBuilder, x: Array, *, width: int = tl.choice(64, 16, 256)) -> Array:
    """Return Σ of x up to each element along the last axis of a matrix."""
    rows, columns = x.shape
    y = build.output(x.shape, x.dtype)
    row = build.grid(rows)
    wide = tl.accumulator_of(x.dtype)
    with build.loop(0, columns, width, total=tl.zeros((), wide)) as loop:
        chunk = x[row, loop.span].cast(wide)
        y[row, loop.span] = (chunk.cumsum() + loop.total).cast(y.dtype)
        loop.total += chunk.sum()
    return y

"""A matrix product: blocks of the result, a panel of the right factor packed for each."""

from __future__ import annotations

from tilegrad import kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder, Size, Span, Tile


def product(
    build: KernelBuilder,
    left: Array,
    rows: Span,
    right: Array,
    columns: Span,
    total: Tile,
    first: Size = 0,
) -> Tile:
    """Write a loop that adds rows of a matrix times columns of another to a tile in registers.

    Args:
        build: the kernel.
        left: the matrix on the left; all its columns are used.
        rows: which of its rows.
        right: the matrix on the right.
        columns: which of its columns.
        total: what is added to.
        first: the row of ``right`` that meets the first column of ``left``.
    """
    with build.loop(left.shape[1], total=total) as loop:
        step = loop.span
        loop.total = tl.dot(left[rows, step], right[step + first, columns], loop.total)
    return loop.total


@kernel
def matmul(
    build: KernelBuilder,
    a: Array,
    b: Array,
    *,
    rows: int = tl.choice(8, 4, 12),
    columns: int = tl.choice(32, 16, 48),
    block: int = tl.choice(256, 64, 1024),
) -> Array:
    """Return a·b for matrices of shape (m, k) and (k, n); narrow integers give int32.

    Each instance makes ``block`` rows of a panel of ``columns`` columns. It packs the panel of b,
    so that it is read in a row, from the nearest cache, and once from memory; ``rows`` rows of the
    result at a time stay in registers. Of narrow factors as many as fill 32 bits are neighbours in
    the panel, as instructions for dot products want them.
    """
    (m, k), (_, n), group = a.shape, b.shape, max(1, 4 // a.dtype.itemsize)
    wide = tl.accumulator_of(a.dtype)
    c = build.output((m, n), a.dtype if a.dtype.is_float else wide)
    top, panel = build.grid(m, block), build.grid(n, columns).within(n)
    packed = build.scratch(((k + group - 1) // group, columns, group), b.dtype)
    with build.loop(0, k, group) as depth:
        packed[depth.index // group] = b[depth.span, panel].T
    with build.loop(top.start, tl.minimum(top.stop, m), rows) as strip:
        band = strip.span.within(m)
        with build.loop(0, k, group, total=tl.zeros((rows, columns), wide)) as depth:
            right = packed[depth.index // group].T
            depth.total = tl.dot(a[band, depth.span], right, depth.total)
        c[band, panel] = depth.total.cast(c.dtype)
    return c

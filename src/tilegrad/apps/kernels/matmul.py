"""A matrix product: blocks of the result, a panel of the right factor packed for each."""

from __future__ import annotations

from tilegrad import kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder, Span


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
    """Return a·b for matrices of shape (m, k) and (k, n).

    Each instance makes ``block`` rows of a panel of ``columns`` columns. It packs the panel of b,
    so that it is read in a row, from the nearest cache, and once from memory; ``rows`` rows of the
    result at a time stay in registers.
    """
    (m, k), (_, n) = a.shape, b.shape
    c = build.output((m, n), a.dtype)
    top, panel = build.grid(m, block), build.grid(n, columns)
    packed = build.scratch((k, columns), b.dtype)
    with build.loop(k) as depth:
        packed[depth.index] = b[depth.index, panel]
    with build.loop(top.start, tl.minimum(top.stop, m), rows) as strip:
        with build.loop(k, total=tl.zeros((rows, columns))) as depth:
            step = Span(depth.index, 1)
            depth.total = tl.dot(a[strip.span, step], packed[step], depth.total)
        c[strip.span, panel] = depth.total.cast(c.dtype)
    return c

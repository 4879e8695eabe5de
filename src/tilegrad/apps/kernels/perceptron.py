"""Two layers in one kernel: what lies between them never reaches memory."""

from __future__ import annotations

import math

from tilegrad import dtypes, kernel
from tilegrad import language as tl
from tilegrad.apps.kernels.matmul import product
from tilegrad.language import Array, KernelBuilder, Span, Tile


def gelu(x: Tile) -> Tile:
    """Return x·Φ(x), by its approximation with tanh."""
    return 0.5 * x * (1 + tl.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


@kernel
def perceptron(
    build: KernelBuilder,
    x: Array,
    first: Array,
    bias: Array,
    second: Array,
    *,
    block: int = tl.choice(128, 32, 64),
    rows: int = tl.choice(8, 4),
    hidden: int = tl.choice(64, 128),
) -> Array:
    """Return gelu(x·first + bias)·second for x (m, d), first (d, h), second (h, n).

    An instance makes ``block`` rows of the result, ``rows`` at a time. Of the inner layer it
    computes ``hidden`` columns, which it keeps in its own memory while it multiplies them with as
    many rows of ``second``. A panel of ``first`` is packed once for all rows of the block, so that
    both matrices are read from memory once for so many rows.
    """
    (m, d), (h, n), columns = x.shape, second.shape, 32
    y, top = build.output((m, n), x.dtype), build.grid(m, block)
    panel, every = build.scratch((d, columns), x.dtype), Span(0, columns)
    inner = build.scratch((block, hidden), x.dtype)
    result = build.scratch((block, n), dtypes.float32)
    result[...] = 0.0
    last = tl.minimum(block, m - top.start)
    with build.loop(0, h, hidden) as units:
        with build.loop(0, hidden, columns) as parts:
            unit = parts.span + units.index
            with build.loop(d) as depth:
                panel[depth.index] = first[depth.index, unit]
            with build.loop(0, last, rows) as strips:
                own, row = strips.span, strips.span + top.start
                total = product(build, x, row, panel, every, tl.zeros((rows, columns)))
                inner[own, parts.span] = gelu(total + bias[unit])
        with build.loop(0, n, columns) as parts, build.loop(0, last, rows) as strips:
            own, column = strips.span, parts.span
            total = result[own, column]
            result[own, column] = product(build, inner, own, second, column, total, units.index)
    with build.loop(0, last, rows) as strips, build.loop(0, n, columns) as parts:
        own, column = strips.span, parts.span
        y[own + top.start, column] = result[own, column].cast(y.dtype)
    return y

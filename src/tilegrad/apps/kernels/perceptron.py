"""Two layers in one kernel: what lies between them never reaches memory."""

from __future__ import annotations

import math

from tilegrad import kernel
from tilegrad import language as tl
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
    rows: int = tl.choice(8, 4),
    hidden: int = tl.choice(32, 64),
) -> Array:
    """Return gelu(x·first + bias)·second for x (m, d), first (d, h), second (h, n).

    An instance makes ``rows`` rows of the result. Of the inner layer it computes ``hidden`` columns
    at a time, which it keeps in its own memory while it multiplies them with as many rows of
    ``second``. n must be small enough that ``rows`` rows of the result stay close.
    """
    (m, d), (_, h), (_, n) = x.shape, first.shape, second.shape
    y = build.output((m, n), x.dtype)
    row = build.grid(m, rows)
    inner = build.scratch((rows, hidden), x.dtype)
    result = build.scratch((rows, n), x.dtype)
    result[...] = 0.0
    width = 32
    with build.loop(0, h, hidden) as unit:
        with build.loop(d, total=tl.zeros((rows, hidden))) as depth:
            step = Span(depth.index, 1)
            depth.total = tl.dot(x[row, step], first[step, unit.span], depth.total)
        inner[...] = gelu(depth.total + bias[unit.span])
        with build.loop(0, n, width) as column:
            with build.loop(hidden, total=result[:, column.span]) as depth:
                step = Span(depth.index, 1)
                line = Span(unit.index + depth.index, 1)
                depth.total = tl.dot(inner[:, step], second[line, column.span], depth.total)
            result[:, column.span] = depth.total
    with build.loop(0, n, width) as column:
        y[row, column.span] = result[:, column.span]
    return y

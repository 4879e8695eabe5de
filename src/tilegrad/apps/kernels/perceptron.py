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
    rows: int = tl.choice(8, 4),
    hidden: int = tl.choice(32, 64),
) -> Array:
    """Return gelu(x·first + bias)·second for x (m, d), first (d, h), second (h, n).

    An instance makes ``rows`` rows of the result. Of the inner layer it computes ``hidden`` columns
    at a time, which it keeps in its own memory while it multiplies them with as many rows of
    ``second``. n must be small enough that ``rows`` rows of the result stay close.
    """
    (m, _), (h, n) = x.shape, second.shape
    y = build.output((m, n), x.dtype)
    row = build.grid(m, rows)
    inner = build.scratch((rows, hidden), x.dtype)
    result = build.scratch((rows, n), dtypes.float32)
    result[...] = 0.0
    own = Span(0, rows)
    with build.loop(0, h, hidden) as loop:
        unit = loop.span
        inner[...] = gelu(
            product(build, x, row, first, unit, tl.zeros((rows, hidden))) + bias[unit]
        )
        with build.loop(0, n, 32) as strip:
            column = strip.span
            total = result[:, column]
            result[:, column] = product(build, inner, own, second, column, total, unit.start)
    with build.loop(0, n, 32) as strip:
        y[row, strip.span] = result[:, strip.span].cast(y.dtype)
    return y

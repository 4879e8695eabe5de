"""A matrix product with weights of 8 bits: each block of 32 has a scale of its own (Q8_0)."""

from __future__ import annotations

from tilegrad import Tensor, dtypes, kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder

BLOCK = 32


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return (n, k / 32, 32) int8 and (n, k / 32) float16 for weights (n, k)."""
    blocks = weight.reshape(weight.shape[0], -1, BLOCK)
    scales = blocks.abs().max(2) / 127
    levels = (blocks / (scales + (scales == 0)).unsqueeze(2)).round()
    return levels.cast(dtypes.int8), scales.cast(dtypes.float16)


@kernel
def quantised_matmul(
    build: KernelBuilder,
    x: Array,
    levels: Array,
    scales: Array,
    *,
    columns: int = tl.choice(16, 8, 32),
) -> Array:
    """Return x·Wᵀ for x (m, k) and the quantised weights W (n, k).

    The weights are read once for each row of x, as bytes, and widened in registers.
    """
    (m, _), (n, blocks, _) = x.shape, levels.shape
    y = build.output((m, n), x.dtype)
    row, column = build.grid(m), build.grid(n, columns)
    with build.loop(blocks, total=tl.zeros((columns, BLOCK))) as loop:
        first = loop.index * BLOCK
        weight = levels[column, loop.index].cast(dtypes.float32)
        scale = scales[column, loop.index].cast(dtypes.float32)
        part = x[row, first : first + BLOCK].cast(dtypes.float32) * scale[:, None]
        loop.total += part * weight
    y[row, column] = loop.total.sum(1).cast(y.dtype)
    return y

"""The k greatest elements of each row, by taking the greatest k times."""

from __future__ import annotations

from tilegrad import dtypes, kernel
from tilegrad import language as tl
from tilegrad.apps.kernels.rows import whole
from tilegrad.language import Array, KernelBuilder


@kernel
def top_k(build: KernelBuilder, x: Array, k: int) -> tuple[Array, Array]:
    """Return the k greatest elements of each row of a matrix in descending order, and their places.

    Of equal elements the first comes first; a NaN is none of them.
    """
    rows, columns = x.shape
    values, places = build.output((rows, k), x.dtype), build.output((rows, k), dtypes.int32)
    row, line = build.grid(rows), whole(columns)
    least = x.dtype.minimum
    rest = x.load((row, line), other=least)
    rest = tl.where(tl.isnan(rest), least, rest) if x.dtype.is_float else rest
    with build.loop(k, rest=rest) as loop:
        place = loop.rest.argmax()
        values[row, loop.index] = loop.rest.max()
        places[row, loop.index] = place
        loop.rest = tl.where(line.positions == place, least, loop.rest)
    return values, places

"""The k greatest elements of each row, by taking the greatest k times."""

from __future__ import annotations

from tilegrad import dtypes, kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder


@kernel
def top_k(build: KernelBuilder, x: Array, k: int) -> tuple[Array, Array]:
    """Return the k greatest elements of each row of a matrix in descending order, and their places.

    Of equal elements the first comes first; a NaN counts as the least of all.
    """
    rows, columns = x.shape
    values, places = build.output((rows, k), x.dtype), build.output((rows, k), dtypes.int32)
    row, least, nowhere = build.grid(rows), x.dtype.minimum, tl.known(columns)
    line = tl.arange(nowhere).cast(dtypes.int32)
    rest = x[row, :]
    rest = tl.where(tl.isnan(rest), least, rest) if x.dtype.is_float else rest
    with build.loop(k, rest=rest, free=line) as loop:
        greatest = loop.rest.max()
        place = tl.where(loop.rest == greatest, loop.free, nowhere).min()
        values[row, loop.index], places[row, loop.index] = greatest, place
        loop.rest = tl.where(line == place, least, loop.rest)
        loop.free = tl.where(line == place, nowhere, loop.free)
    return values, places

"""The k greatest elements of each row: those of each lane first, then those among them."""

from __future__ import annotations

from tilegrad import dtypes, kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder, Tile


@kernel
def top_k(
    build: KernelBuilder, x: Array, k: int, *, width: int = tl.choice(16, 8, 32)
) -> tuple[Array, Array]:
    """Return the k greatest elements of each row of a matrix in descending order, and their places.

    Of equal elements the first comes first; a NaN counts as the least of all. A row is read once,
    ``width`` elements at a time: each lane carries its own k greatest, in order, past which a new
    one goes to its place. Those of all lanes are then searched k times.
    """
    rows, columns = x.shape
    values, places = build.output((rows, k), x.dtype), build.output((rows, k), dtypes.int32)
    row, least, nowhere = build.grid(rows), x.dtype.minimum, tl.known(columns)
    nothing = (tl.full(width, least, x.dtype),) * k, (tl.full(width, nowhere, dtypes.int32),) * k
    with build.loop(0, columns, width, values=nothing[0], places=nothing[1]) as loop:
        value = x.load((row, loop.span), other=least)
        value = tl.where(tl.isnan(value), least, value) if x.dtype.is_float else value
        place = loop.span.positions.cast(dtypes.int32)
        kept: list[tuple[Tile, Tile]] = []
        for best, where in zip(loop.values, loop.places, strict=True):
            stays = (best >= value) & (where < nowhere)
            kept.append((tl.where(stays, best, value), tl.where(stays, where, place)))
            value, place = tl.where(stays, value, best), tl.where(stays, place, where)
        loop.values, loop.places = zip(*kept, strict=True)
    found = build.scratch((k, width), x.dtype), build.scratch((k, width), dtypes.int32)
    for number in range(k):
        found[0][number, :], found[1][number, :] = loop.values[number], loop.places[number]
    rest, free = found[0][...], found[1][...]
    for number in range(k):
        greatest = rest.max()
        place = tl.where(rest == greatest, free, nowhere).min()
        values[row, number], places[row, number] = greatest, place
        rest, free = tl.where(free == place, least, rest), tl.where(free == place, nowhere, free)
    return values, places

"""Attention to keys and values that lie in pages, which a table finds.

From W. Kwon et al., "Efficient memory management for large language model serving with
PagedAttention", 2023. A page holds the keys and values of so many positions of one sequence for all
heads; the keys lie with the positions along the last axis, so that their products with a query fill
vectors as they are loaded. The sums run over the pages of a sequence with a running maximum, as in
``attention.py``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad import dtypes, kernel
from tilegrad import language as tl
from tilegrad.ir.dtype import DType
from tilegrad.language import Array, KernelBuilder, Size, Span, Tile

WIDE = dtypes.float32
"""What sums are kept in, whatever the dtype of the pages."""
_GREATEST = 65504.0
"""The greatest number of float16."""
LEAST = -1e30
"""Below every score; finite, so that a row may begin with pages that it does not see."""
_STRIP = 4
"""At most so many rows of scores are in registers at a time."""
_SHARED = 16
"""So many rows or more make it worth while to convert a page once, before it is used."""


class Scores(NamedTuple):
    """What a query makes of the keys before it.

    Attributes:
        scale: factor of their products.
        window: how many tokens back it sees, itself included; None for all.
        soft_cap: bounds the scaled products as soft_cap·tanh(product / soft_cap); None for none.
    """

    scale: float
    window: int | None = None
    soft_cap: float | None = None


def _page_of(pages: Array, tables: Array, sequence: Size, number: Size) -> Tile:
    """Return the place of a page in the pool; 0 where the table has none."""
    last = pages.shape[0] - 1
    return tl.minimum(tl.maximum(tables[sequence, number].cast(dtypes.index), 0), last)


@kernel
def store_pages(
    build: KernelBuilder,
    keys: Array,
    values: Array,
    key_pages: Array,
    value_pages: Array,
    tables: Array,
    positions: Array,
) -> tuple[Array, Array]:
    """Put the keys and values of new tokens into their pages; page 0 takes none.

    Numbers beyond those of float16 become its greatest ones in pages of that dtype: an infinity
    would make every later token of the sequence NaN.

    Args:
        build: the kernel.
        keys: of shape (tokens, key heads, features).
        values: of the same shape.
        key_pages: shape (pages, key heads, features, page size).
        value_pages: shape (pages, key heads, page size, features).
        tables: the pages of each sequence in order, int32 of shape (sequences, most pages).
        positions: of the tokens, int32; the same number of tokens for each sequence, in order.
    """
    key_pages, value_pages = build.update(key_pages), build.update(value_pages)
    size = tl.known(value_pages.shape[2])
    count = keys.shape[0] // tables.shape[0]
    token, head = build.grid(keys.shape[0]), build.grid(keys.shape[1])
    position = positions[token].cast(dtypes.index)
    page = _page_of(key_pages, tables, token // count, position // size)
    slot = position % size
    key, value = (_narrow(given[token, head], key_pages.dtype) for given in (keys, values))
    key_pages.store((page, head, slice(None), slot), key, page > 0)
    value_pages.store((page, head, slot), value, page > 0)
    return key_pages, value_pages


def _narrow(x: Tile, dtype: DType) -> Tile:
    if dtype is dtypes.float16:
        x = tl.minimum(tl.maximum(x, -_GREATEST), _GREATEST)
    return x.cast(dtype)


@kernel
def paged_attention(
    build: KernelBuilder,
    queries: Array,
    key_pages: Array,
    value_pages: Array,
    tables: Array,
    starts: Array,
    sinks: Array,
    *,
    scores: Scores,
    rows: int = 1,
    parts: int = 1,
) -> Array:
    """Return the attention of new tokens to all tokens of their sequences up to themselves.

    An instance does ``rows`` tokens of a sequence with all heads that share a head of keys.

    Args:
        build: the kernel.
        queries: shape (tokens, heads, features); the same number of tokens for each sequence, a
            multiple of ``rows``.
        key_pages: as for ``store_pages``, the new tokens' keys included.
        value_pages: likewise.
        tables: likewise.
        starts: the position of the first new token of each sequence, int32.
        sinks: for each head, one more score that takes its share for nothing, shape (heads,);
            ``LEAST`` for none.
        scores: what a query makes of the keys.
        rows: see above.
        parts: into how many parts the pages of a sequence are divided, for as many instances, whose
            results are put together at the end; for one token of each sequence.
    """
    key_heads, size = (tl.known(key_pages.shape[axis]) for axis in (1, 3))
    group = tl.known(queries.shape[1]) // key_heads
    out = build.output(queries.shape, queries.dtype)
    count = queries.shape[0] // tables.shape[0]
    sequence, head = build.grid(tables.shape[0]), build.grid(key_heads)
    block, part = build.grid(count, rows), build.grid(parts)
    first = starts[sequence].cast(dtypes.index) + block.start
    token, heads = sequence * count + block.start, Span(head * group, group)
    totals = _Totals.begin(build, rows * group, tl.known(queries.shape[2]))
    query = build.scratch(totals.result.shape, WIDE)
    with build.loop(rows) as row:
        own = Span(row.index * group, group)
        query[own] = queries[token + row.index, heads] * scores.scale
        totals.tops[own] = tl.where(part == 0, sinks[heads], LEAST)[:, None]
    begin = 0
    if scores.window is not None:
        begin = tl.maximum(first - (scores.window - 1), 0) // size
    end = (first + rows - 1) // size + 1
    distance = key_heads * tl.known(queries.shape[2]) * size
    share = (end - begin + parts - 1) // parts
    begin = begin + part * share
    with build.loop(begin, tl.minimum(end, begin + share)) as number:
        page = _page_of(key_pages, tables, sequence, number.index)
        seen = _Seen(scores, first, Span(number.index * size, size), group, distance)
        keys, values = key_pages.at(page, head), value_pages.at(page, head)
        _attend(build, query, keys, values, seen, totals)
    if parts > 1:
        _combine(build, out, totals, (token, heads, part), parts)
        return out
    with build.loop(rows) as row:
        own = Span(row.index * group, group)
        out[token + row.index, heads] = (totals.result[own] / totals.sums[own]).cast(out.dtype)
    return out


class _Totals(NamedTuple):
    """What rows have seen so far.

    Attributes:
        result: sums of values times powers, shape (rows, features).
        tops: the greatest scores, shape (rows, 1).
        sums: sums of powers, shape (rows, 1); at first 1, of the sink.
    """

    result: Array
    tops: Array
    sums: Array

    @classmethod
    def begin(cls, build: KernelBuilder, lines: int, width: int) -> _Totals:
        """Return memory of the instance for so many rows; the greatest scores are missing."""
        totals = cls(*(build.scratch((lines, one), WIDE) for one in (width, 1, 1)))
        totals.result[...], totals.sums[...] = 0.0, 1.0
        return totals


def _combine(
    build: KernelBuilder,
    out: Array,
    totals: _Totals,
    place: tuple[Size, Span, Size],
    parts: int,
) -> None:
    """Put the results of a token's parts together after all instances."""
    tokens, heads, width = out.shape
    result = build.workspace((tokens, heads, parts, width), WIDE)
    tops, sums = (build.workspace((tokens, heads, parts), WIDE) for _ in range(2))
    group = place[1].length
    result[place] = totals.result[...]
    tops[place], sums[place] = totals.tops[...].reshape(group), totals.sums[...].reshape(group)
    with build.after_all(), build.loop(tokens) as token, build.loop(heads) as head:
        one = (token.index, head.index)
        weights = tl.exp(tops[one] - tops[one].max())
        total = (result[one] * weights[:, None]).sum(0)
        out[one] = (total / (sums[one] * weights).sum()).cast(out.dtype)


class _Seen(NamedTuple):
    """Which keys of a page the rows of an instance see.

    Attributes:
        scores: what they make of them.
        first: position of the first row's token.
        places: positions of the keys.
        group: rows of a token.
        distance: elements to the next page in memory, which is mostly the sequence's next one.
    """

    scores: Scores
    first: Tile
    places: Span
    group: int
    distance: int

    def choose(self, products: Tile, rows: Span) -> Tile:
        """Return the scores of some rows, -inf where a key is not seen."""
        _, window, cap = self.scores
        if cap is not None:
            products = tl.tanh(products / cap) * cap
        place = self.places.positions[None, :]
        line = self.first + rows.positions[:, None] // self.group
        is_seen = place <= line
        if window is not None:
            is_seen = is_seen & (place > line - window)
        return tl.where(is_seen, products, -math.inf)


def _attend(
    build: KernelBuilder,
    query: Array,
    keys: Array,
    values: Array,
    seen: _Seen,
    totals: _Totals,
) -> None:
    """Add what rows see of a page to their totals."""
    result, tops, sums = totals
    (lines, width), size = (tl.known(one) for one in query.shape), seen.places.length
    strip = max(one for one in range(1, min(_STRIP, lines) + 1) if lines % one == 0)
    powers = build.scratch((strip, size), WIDE)
    ahead = seen.distance
    if lines >= _SHARED:
        keys, values, ahead = _convert(build, keys), _convert(build, values), 0
    with build.loop(0, lines, strip) as strips:
        own = strips.span
        zeros = tl.zeros((strip, size))
        products = _product(build, query, own, keys, Span(0, size), zeros, ahead)
        scores = seen.choose(products, own)
        top = tl.maximum(tops[own], scores.max(1, keepdim=True))
        power, rescale = tl.exp(scores - top), tl.exp(tops[own] - top)
        tops[own], powers[...] = top, power
        sums[own] = sums[own] * rescale + power.sum(1, keepdim=True)
        step = next(one for one in (64, 48, 32, 16, width) if width % one == 0)
        with build.loop(0, width, step) as columns:
            total = result[own, columns.span] * rescale
            found = _product(build, powers, Span(0, strip), values, columns.span, total, ahead)
            result[own, columns.span] = found


def _convert(build: KernelBuilder, array: Array) -> Array:
    """Return memory of the instance that holds a matrix in the dtype of the sums."""
    wide = build.scratch(array.shape, WIDE)
    with build.loop(array.shape[0]) as row:
        wide[row.index] = array[row.index].cast(WIDE)
    return wide


def _product(
    build: KernelBuilder,
    left: Array,
    rows: Span,
    right: Array,
    columns: Span,
    total: Tile,
    ahead: int,
) -> Tile:
    """Write a loop that adds rows of a matrix times columns of another to a tile in registers.

    What lies so many elements ahead in the other matrix's memory is read soon.
    """
    with build.loop(left.shape[1], total=total) as loop:
        step = loop.span
        loop.total = tl.dot(
            left[rows, step], right.load((step, columns), ahead=ahead).cast(WIDE), loop.total
        )
    return loop.total

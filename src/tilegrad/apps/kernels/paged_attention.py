"""Attention to keys and values that lie in pages, which a table finds.

From W. Kwon et al., "Efficient memory management for large language model serving with
PagedAttention", 2023. A page holds the keys and values of so many positions of one sequence for all
heads; the keys lie with the positions along the last axis, so that their products with a query fill
vectors as they are loaded. The sums run over the pages of a sequence with a running maximum, as in
``attention.py``.
"""

from __future__ import annotations

import math

from tilegrad import dtypes, kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder, Size, Span, Tile

WIDE = dtypes.float32
"""What sums are kept in, whatever the dtype of the pages."""
LEAST = -1e30
"""Below every score; finite, so that a row may begin with pages that it does not see."""
_STRIP = 8
"""At most so many rows of scores are in registers at a time."""
_SHARED = 16
"""So many rows or more make it worth while to convert a page once, before it is used."""


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
    key_pages.store(
        (page, head, slice(None), slot), keys[token, head].cast(key_pages.dtype), page > 0
    )
    value_pages.store((page, head, slot), values[token, head].cast(value_pages.dtype), page > 0)
    return key_pages, value_pages


@kernel
def paged_attention(  # noqa: PLR0913
    build: KernelBuilder,
    queries: Array,
    key_pages: Array,
    value_pages: Array,
    tables: Array,
    starts: Array,
    sinks: Array,
    *,
    scale: float,
    window: int | None = None,
    soft_cap: float | None = None,
    rows: int = 1,
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
        scale: factor of the products of queries and keys.
        window: how many tokens back each one sees, itself included; None for all.
        soft_cap: bounds the scaled products as soft_cap·tanh(product / soft_cap).
        rows: see above.
    """
    _, key_heads, width, size = (tl.known(one) for one in key_pages.shape)
    group = tl.known(queries.shape[1]) // key_heads
    out = build.output(queries.shape, queries.dtype)
    count = queries.shape[0] // tables.shape[0]
    sequence, head, block = (
        build.grid(tables.shape[0]),
        build.grid(key_heads),
        build.grid(count, rows),
    )
    first = starts[sequence].cast(dtypes.index) + block.start
    token, heads = sequence * count + block.start, Span(head * group, group)
    lines = rows * group
    strip = max(one for one in range(1, min(_STRIP, lines) + 1) if lines % one == 0)
    query, result = (build.scratch((lines, width), WIDE) for _ in range(2))
    powers, tops, sums = (build.scratch((lines, one), WIDE) for one in (size, 1, 1))
    with build.loop(rows) as row:
        own = Span(row.index * group, group)
        query[own] = queries[token + row.index, heads] * scale
        tops[own] = sinks[heads][:, None]
    result[...], sums[...] = 0.0, 1.0  # of the sink
    begin = 0 if window is None else tl.maximum(first - (window - 1), 0) // size
    with build.loop(begin, (first + rows - 1) // size + 1) as number:
        page = _page_of(key_pages, tables, sequence, number.index)
        keys, values = key_pages.at(page, head), value_pages.at(page, head)
        if lines >= _SHARED:
            keys, values = (_convert(build, one) for one in (keys, values))
        place = number.index * size + tl.arange(size)[None, :]
        with build.loop(0, lines, strip) as strips:
            own = strips.span
            scores = _product(build, query, own, keys, Span(0, size), tl.zeros((strip, size)))
            if soft_cap is not None:
                scores = tl.tanh(scores / soft_cap) * soft_cap
            line = first + own.positions[:, None] // group
            seen = place <= line
            if window is not None:
                seen = seen & (place > line - window)
            scores = tl.where(seen, scores, -math.inf)
            top = tl.maximum(tops[own], scores.max(1, keepdim=True))
            power, rescale = tl.exp(scores - top), tl.exp(tops[own] - top)
            tops[own], powers[own] = top, power
            sums[own] = sums[own] * rescale + power.sum(1, keepdim=True)
            step = min(width, 64)
            with build.loop(0, width, step) as columns:
                total = result[own, columns.span] * rescale
                result[own, columns.span] = _product(
                    build, powers, own, values, columns.span, total
                )
    with build.loop(rows) as row:
        own = Span(row.index * group, group)
        out[token + row.index, heads] = (result[own] / sums[own]).cast(out.dtype)
    return out


def _convert(build: KernelBuilder, array: Array) -> Array:
    """Return memory of the instance that holds a matrix in the dtype of the sums."""
    wide = build.scratch(array.shape, WIDE)
    with build.loop(array.shape[0]) as row:
        wide[row.index] = array[row.index].cast(WIDE)
    return wide


def _product(
    build: KernelBuilder, left: Array, rows: Span, right: Array, columns: Span, total: Tile
) -> Tile:
    """Write a loop that adds rows of a matrix times columns of another to a tile in registers."""
    with build.loop(left.shape[1], total=total) as loop:
        step = loop.span
        loop.total = tl.dot(left[rows, step], right[step, columns].cast(WIDE), loop.total)
    return loop.total

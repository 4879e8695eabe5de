"""Attention in memory linear in the length, with its gradient (T. Dao et al., "FlashAttention").

softmax(q·kᵀ·scale)·v is computed block by block of the keys: the row's maximum and sum of powers
are carried along, and what was added up before is rescaled whenever the maximum grows. The gradient
computes the powers again, from the logarithm of the sum that the forward kernel gives too.
"""

from __future__ import annotations

import math

from tilegrad import Tensor, dtypes, kernel
from tilegrad import language as tl
from tilegrad.apps.kernels.matmul import product
from tilegrad.language import Array, KernelBuilder, Size, Span, Tile

_INFINITY = float("inf")
_ROWS = 64
"""So many keys at a time an instance of the gradient does."""
WIDE = dtypes.float32
"""What sums are kept in, whatever the dtype of the arguments."""


def _scale(width: Size) -> float:
    return 1 / math.sqrt(tl.known(width))


def _turn(build: KernelBuilder, array: Array, places: Span) -> Array:
    """Return memory of the instance that holds some rows of a matrix as columns."""
    turned = build.scratch((array.shape[1], places.length), array.dtype)
    turned[...] = array[places].T
    return turned


def _add_product(
    build: KernelBuilder,
    result: Array,
    own: Span,
    left: Array,
    rows: Span,
    right: Array,
    places: Span,
    scale: Tile | float = 1,
) -> None:
    """Let ``result[own]`` be itself times a scale plus left[rows]·right[places]."""
    width = tl.known(result.shape[1])
    with build.loop(0, width, min(width, 64)) as loop:
        before = result[own, loop.span] * scale
        after = product(build, left, rows, right, loop.span, before, places.start)
        result[own, loop.span] = after


def _add_turned(
    build: KernelBuilder,
    result: Array,
    own: Span,
    left: Array,
    columns: Span,
    right: Array,
    places: Span,
) -> None:
    """Let ``result[own]`` be itself plus left[:, columns]ᵀ·right[places]."""
    width = tl.known(result.shape[1])
    with build.loop(0, width, min(width, 64)) as loop:
        with build.loop(places.length, total=result[own, loop.span]) as steps:
            step = steps.span
            factor = left[step.positions[None, :], columns.positions[:, None]]
            steps.total = tl.dot(factor, right[step + places.start, loop.span], steps.total)
        result[own, loop.span] = steps.total


def _allowed(queries: Span, keys: Span, length: int | Tile, *, causal: bool) -> Tile:
    """Return which keys each query sees."""
    allowed = keys.positions[None, :] < length
    return allowed & (keys.positions[None, :] <= queries.positions[:, None]) if causal else allowed


@kernel
def attention_forward(
    build: KernelBuilder,
    q: Array,
    k: Array,
    v: Array,
    *,
    causal: bool = False,
    rows: int = tl.choice(64, 32, 128),
    strip: int = tl.choice(4, 8),
    block: int = tl.choice(64, 32),
) -> tuple[Array, Array]:
    """Return softmax(q·kᵀ / √d)·v for (heads, length, d), and the log-sum-exp of each row.

    An instance does ``rows`` queries, whose results it keeps in its own memory. It turns ``block``
    keys so that their products with ``strip`` queries come out in registers.
    """
    heads, length, width = q.shape
    out, logs = build.output(q.shape, q.dtype), build.output((heads, length), WIDE)
    head, queries = build.grid(heads), build.grid(length, rows)
    every, first = Span(0, block), Span(0, strip)
    result, powers = build.scratch((rows, width), WIDE), build.scratch((strip, block), v.dtype)
    tops, sums = build.scratch((rows, 1), WIDE), build.scratch((rows, 1), WIDE)
    result[...], sums[...], tops[...] = 0.0, 0.0, -_INFINITY
    with build.loop(0, tl.minimum(queries.stop, length) if causal else length, block) as blocks:
        keys = blocks.span
        turned = _turn(build, k.at(head), keys)
        with build.loop(0, rows, strip) as strips:
            own, query = strips.span, strips.span + queries.start
            scores = product(build, q.at(head), query, turned, every, tl.zeros((strip, block)))
            allowed = _allowed(query, keys, length, causal=causal)
            scores = tl.where(allowed, scores * _scale(width), -_INFINITY)
            top = tl.maximum(tops[own], scores.max(1, keepdim=True))
            power, rescale = tl.exp(scores - top), tl.exp(tops[own] - top)
            tops[own], powers[...] = top, power.cast(v.dtype)
            sums[own] = sums[own] * rescale + power.sum(1, keepdim=True)
            _add_product(build, result, own, powers, first, v.at(head), keys, rescale)
    with build.loop(0, rows, strip) as strips:
        own, query = strips.span, strips.span + queries.start
        out[head, query] = (result[own] / sums[own]).cast(out.dtype)
        logs[head, query] = (tops[own] + tl.log(sums[own])).reshape(strip)
    return out, logs


@kernel
def attention_backward(
    build: KernelBuilder,
    q: Array,
    k: Array,
    v: Array,
    logs: Array,
    upstream: Array,
    shift: Array,
    *,
    causal: bool = False,
    strip: int = tl.choice(4, 8),
    block: int = tl.choice(64, 32),
) -> tuple[Array, Array, Array]:
    """Return the gradients by q, k and v. ``shift`` is Σ g·out of each row, less that of logs.

    An instance does a head. For some keys at a time it goes down the queries, ``block`` by
    ``block``: the powers are computed once for all three gradients. That by q is added up in
    memory, those by k and v close by.
    """
    heads, length, width = q.shape
    by_query, by_key, by_value = (build.output(q.shape, q.dtype) for _ in range(3))
    totals = build.workspace(q.shape, WIDE)
    key_sums, value_sums = (build.scratch((_ROWS, width), WIDE) for _ in range(2))
    powers, slopes = (build.scratch((_ROWS, block), q.dtype) for _ in range(2))
    head, every = build.grid(heads), Span(0, block)
    with build.loop(0, length, block) as blocks:
        totals[head, blocks.span] = 0.0
    with build.loop(0, length, _ROWS) as panels:
        keys = panels.span
        key_sums[...], value_sums[...] = 0.0, 0.0
        with build.loop(keys.start if causal else 0, length, block) as blocks:
            queries = blocks.span
            turned = _turn(build, q.at(head), queries)
            given = _turn(build, upstream.at(head), queries)
            with build.loop(0, _ROWS, strip) as strips:
                own, key = strips.span, strips.span + keys.start
                nothing = tl.zeros((strip, block))
                scores = product(build, k.at(head), key, turned, every, nothing) * _scale(width)
                power = tl.exp(scores - logs[head, queries][None, :])
                power = tl.where(_allowed(queries, key, length, causal=causal).T, power, 0)
                slope = product(build, v.at(head), key, given, every, nothing)
                slope = power * (slope - shift[head, queries][None, :]) * _scale(width)
                powers[own], slopes[own] = power.cast(q.dtype), slope.cast(q.dtype)
            with build.loop(0, _ROWS, strip) as strips:
                own = strips.span
                _add_product(build, value_sums, own, powers, own, upstream.at(head), queries)
                _add_product(build, key_sums, own, slopes, own, q.at(head), queries)
            with build.loop(0, block, strip) as strips:
                own, query = strips.span, strips.span + queries.start
                _add_turned(build, totals.at(head), query, slopes, own, k.at(head), keys)
        by_key[head, keys] = key_sums[...].cast(k.dtype)
        by_value[head, keys] = value_sums[...].cast(v.dtype)
    with build.loop(0, length, block) as blocks:
        by_query[head, blocks.span] = totals[head, blocks.span].cast(q.dtype)
    return by_query, by_key, by_value


@attention_forward.gradient
def _attention_gradient(
    upstream: tuple[Tensor | None, Tensor | None],
    results: tuple[Tensor, Tensor],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    causal: bool,
) -> tuple[Tensor, ...]:
    (given, given_logs), (out, logs) = upstream, results
    if given is None:
        given = out.zeros_like()
    shift = (given.cast(WIDE) * out.cast(WIDE)).sum(-1)
    shift = shift if given_logs is None else shift - given_logs
    return attention_backward(q, k, v, logs, given, shift, causal=causal)


def flash_attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False) -> Tensor:
    """Return softmax(q·kᵀ / √d)·v for tensors of shape (heads, length, d)."""
    return attention_forward(q, k, v, causal=causal)[0]

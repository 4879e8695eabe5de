"""Attention in memory linear in the length, with its gradient (T. Dao et al., "FlashAttention").

softmax(q·kᵀ·scale)·v is computed block by block of the keys: the row's maximum and sum of powers
are carried along, and what was added up before is rescaled whenever the maximum grows. The gradient
computes the powers again, from the logarithm of the sum that the forward kernel gives too.
"""

from __future__ import annotations

import math

from tilegrad import Tensor, kernel
from tilegrad import language as tl
from tilegrad.language import Array, KernelBuilder, Span, Tile

_INFINITY = float("inf")


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
    rows: int = tl.choice(8, 4, 16),
    block: int = tl.choice(32, 16, 64),
) -> tuple[Array, Array]:
    """Return softmax(q·kᵀ / √d)·v for (heads, length, d), and the log-sum-exp of each row."""
    heads, length, width = q.shape
    out = build.output(q.shape, q.dtype)
    logs = build.output((heads, length), q.dtype)
    head, queries = build.grid(heads), build.grid(length, rows)
    query = q[head, queries] * (1 / math.sqrt(tl.known(width)))
    stop = tl.minimum(queries.stop, length) if causal else length
    start = {
        "top": tl.full((rows, 1), -_INFINITY),
        "sum": tl.zeros((rows, 1)),
        "value": tl.zeros((rows, tl.known(width))),
    }
    with build.loop(0, stop, block, **start) as loop:
        keys = loop.span
        scores = tl.dot(query, k[head, keys].T)
        scores = tl.where(_allowed(queries, keys, length, causal=causal), scores, -_INFINITY)
        top = tl.maximum(loop.top, scores.max(1, keepdim=True))
        powers, rescale = tl.exp(scores - top), tl.exp(loop.top - top)
        loop.value = tl.dot(powers, v[head, keys], loop.value * rescale)
        loop.sum = loop.sum * rescale + powers.sum(1, keepdim=True)
        loop.top = top
    out[head, queries] = loop.value / loop.sum
    logs[head, queries] = (loop.top + tl.log(loop.sum)).reshape(rows)
    return out, logs


@kernel
def attention_backward_queries(
    build: KernelBuilder,
    q: Array,
    k: Array,
    v: Array,
    logs: Array,
    upstream: Array,
    shift: Array,
    *,
    causal: bool = False,
    rows: int = tl.choice(8, 4),
    block: int = tl.choice(32, 16),
) -> Array:
    """Return the gradient by q. ``shift`` is Σ g·out along each row, less the gradient of logs."""
    heads, length, width = q.shape
    scale = 1 / math.sqrt(tl.known(width))
    gradient = build.output(q.shape, q.dtype)
    head, queries = build.grid(heads), build.grid(length, rows)
    query, given = q[head, queries] * scale, upstream[head, queries]
    log, less = logs[head, queries][:, None], shift[head, queries][:, None]
    stop = tl.minimum(queries.stop, length) if causal else length
    with build.loop(0, stop, block, total=tl.zeros((rows, tl.known(width)))) as loop:
        keys = loop.span
        powers = tl.exp(tl.dot(query, k[head, keys].T) - log)
        powers = tl.where(_allowed(queries, keys, length, causal=causal), powers, 0)
        slope = powers * (tl.dot(given, v[head, keys].T) - less)
        loop.total = tl.dot(slope, k[head, keys], loop.total)
    gradient[head, queries] = loop.total * scale
    return gradient


@kernel
def attention_backward_keys(
    build: KernelBuilder,
    q: Array,
    k: Array,
    v: Array,
    logs: Array,
    upstream: Array,
    shift: Array,
    *,
    causal: bool = False,
    rows: int = tl.choice(8, 4),
    block: int = tl.choice(32, 16),
) -> tuple[Array, Array]:
    """Return the gradients by k and v; each instance goes down the queries for a few keys."""
    heads, length, width = q.shape
    scale = 1 / math.sqrt(tl.known(width))
    by_key, by_value = build.output(k.shape, k.dtype), build.output(v.shape, v.dtype)
    head, keys = build.grid(heads), build.grid(length, rows)
    key, value = k[head, keys] * scale, v[head, keys]
    nothing = tl.zeros((rows, tl.known(width)))
    with build.loop(keys.start if causal else 0, length, block, key=nothing, value=nothing) as loop:
        queries = loop.span
        query, given = q[head, queries], upstream[head, queries]
        log, less = logs[head, queries][None, :], shift[head, queries][None, :]
        powers = tl.exp(tl.dot(key, query.T) - log)
        seen = (queries.positions < length)[:, None] & _allowed(
            queries, keys, length, causal=causal
        )
        powers = tl.where(seen.T, powers, 0)
        slope = powers * (tl.dot(value, given.T) - less)
        loop.value = tl.dot(powers, given, loop.value)
        loop.key = tl.dot(slope, query, loop.key)
    by_key[head, keys], by_value[head, keys] = loop.key * scale, loop.value
    return by_key, by_value


@attention_forward.gradient
def _attention_gradient(
    upstream: tuple[Tensor, Tensor],
    results: tuple[Tensor, Tensor],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    causal: bool,
    **_: object,
) -> tuple[Tensor, ...]:
    (given, given_logs), (out, logs) = upstream, results
    shift = (given * out).sum(-1) - given_logs
    by_query = attention_backward_queries(q, k, v, logs, given, shift, causal=causal)
    return by_query, *attention_backward_keys(q, k, v, logs, given, shift, causal=causal)


def flash_attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False) -> Tensor:
    """Return softmax(q·kᵀ / √d)·v for tensors of shape (heads, length, d)."""
    return attention_forward(q, k, v, causal=causal)[0]

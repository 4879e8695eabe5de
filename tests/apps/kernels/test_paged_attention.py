"""Attention to pages gives what torch gives for the keys and values that were put into them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy
import pytest
import torch

from tests.language.running import on_both
from tilegrad import Tensor, dtypes
from tilegrad.apps.kernels.paged_attention import LEAST, Scores, paged_attention, store_pages

FEATURES = 16


@dataclass(frozen=True)
class Case:
    """So many new tokens after so many before, for each sequence."""

    before: tuple[int, ...]
    count: int = 1
    heads: int = 6
    key_heads: int = 2
    size: int = 8
    scores: Scores = field(default_factory=lambda: Scores(0.3))
    rows: int = 1
    parts: int = 1
    dtype: str = "float16"
    has_sinks: bool = False


CASES = [
    Case((0, 5, 23)),
    Case((0, 8, 40), scores=Scores(0.3, 9), parts=3),
    Case((7,), heads=4, key_heads=4, scores=Scores(0.3, soft_cap=2.0), has_sinks=True, parts=4),
    Case((11,), count=8, scores=Scores(0.3, 5, 3.0), rows=4, has_sinks=True),
    Case((3,), count=16, size=16, rows=16, dtype="float32"),
]


@on_both
@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_attention_to_pages_is_that_of_torch(case: Case, device: str) -> None:
    random = numpy.random.default_rng(0)
    sequences, most = len(case.before), (max(case.before) + case.count) // case.size + 2

    def tensor(array: numpy.ndarray) -> Tensor:
        return Tensor(array, device=device).realize()

    tables = random.permutation(sequences * most).reshape(sequences, most).astype(numpy.int32) + 1
    narrow = numpy.dtype(case.dtype)
    shape = (sequences * most + 1, case.key_heads)
    key_pages = tensor(numpy.zeros((*shape, FEATURES, case.size), narrow))
    value_pages = tensor(numpy.zeros((*shape, case.size, FEATURES), narrow))
    sinks = random.standard_normal(case.heads).astype(numpy.float32)
    sinks = sinks if case.has_sinks else numpy.full_like(sinks, LEAST)

    def draw(count: int, heads: int) -> numpy.ndarray:
        return random.standard_normal((count, heads, FEATURES)).astype(numpy.float32)

    lengths = [one + case.count for one in case.before]
    keys, values = ([draw(one, case.key_heads) for one in lengths] for _ in range(2))
    for number, (table, length) in enumerate(zip(tables, lengths, strict=True)):
        given = keys[number], values[number]
        positions = tensor(numpy.arange(length, dtype=numpy.int32))
        stored = store_pages(
            *map(tensor, given), key_pages, value_pages, tensor(table[None]), positions
        )
        key_pages.assign(stored[0])
        value_pages.assign(stored[1])
        key_pages.realize(value_pages)
    queries = draw(sequences * case.count, case.heads)
    starts = tensor(numpy.array(case.before, numpy.int32))
    given = (tensor(queries), key_pages, value_pages, tensor(tables), starts, tensor(sinks))
    found = paged_attention(*given, scores=case.scores, rows=case.rows, parts=case.parts)
    assert found.dtype is dtypes.float32
    for number, before in enumerate(case.before):
        own = slice(number * case.count, (number + 1) * case.count)
        pair = [one[number].astype(narrow).astype(numpy.float32) for one in (keys, values)]
        expected = attend(case, queries[own], *pair, sinks, before)
        numpy.testing.assert_allclose(found.numpy()[own], expected, rtol=2e-5, atol=2e-5)


def attend(case, queries, keys, values, sinks, before):
    q, k, v = (torch.tensor(one).transpose(0, 1) for one in (queries, keys, values))
    k, v = (one.repeat_interleave(case.heads // case.key_heads, 0) for one in (k, v))
    scale, window, cap = case.scores
    scores = q @ k.transpose(1, 2) * scale
    scores = scores if cap is None else torch.tanh(scores / cap) * cap
    gap = torch.arange(len(queries))[:, None] + before - torch.arange(len(keys))
    seen = (gap >= 0) & (gap < (window or len(keys)))
    scores = scores.masked_fill(~seen, -torch.inf)
    column = torch.tensor(sinks)[:, None, None].expand(-1, len(queries), 1)
    weights = torch.cat([scores, column], -1).softmax(-1)[..., :-1]
    return (weights @ v).transpose(0, 1).numpy()


@on_both
def test_numbers_beyond_float16_become_its_greatest(device: str) -> None:
    def tensor(array: numpy.ndarray) -> Tensor:
        return Tensor(array, device=device).realize()

    given = numpy.array([[[65504.0, 7e4, -1e9, numpy.inf, numpy.nan, -2.5, 65519.0, 0.0]]])
    keys = tensor(given.astype(numpy.float32))
    key_pages = tensor(numpy.zeros((2, 1, 8, 8), numpy.float16))
    value_pages = tensor(numpy.zeros((2, 1, 8, 8), numpy.float16))
    table, place = tensor(numpy.ones((1, 1), numpy.int32)), tensor(numpy.full(1, 3, numpy.int32))
    found = store_pages(keys, keys, key_pages, value_pages, table, place)
    expected = numpy.clip(given[0, 0], -65504, 65504)
    numpy.testing.assert_array_equal(found[0].numpy()[1, 0, :, 3], expected)
    numpy.testing.assert_array_equal(found[1].numpy()[1, 0, 3], expected)

"""Tokens are drawn by their probabilities, and only those that the filters leave."""

from __future__ import annotations

from collections import Counter

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.apps.chat.sampling import Sampler, Sampling, find_greatest, read_sampling
from tilegrad.base.errors import ArgumentError, DataError

PLAIN = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


def logits(seed: int = 0, count: int = 12) -> numpy.ndarray:
    return numpy.random.default_rng(seed).standard_normal(count).astype(numpy.float32) * 2


def test_no_temperature_takes_the_likeliest():
    assert Sampler(Sampling(temperature=0)).choose(logits()) == logits().argmax()


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("wrong", [numpy.nan, -numpy.inf])
def test_logits_without_a_likeliest_are_refused(temperature, wrong):
    with pytest.raises(DataError, match="no token a probability"):
        Sampler(Sampling(temperature=temperature)).choose(numpy.full(12, wrong, numpy.float32))


def test_the_same_seed_gives_the_same_tokens():
    drawn = [
        [sampler.choose(logits(step)) for step in range(20)]
        for sampler in (Sampler(Sampling(seed=seed)) for seed in (7, 7, 8))
    ]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("count", [12, 150])
def test_frequencies_are_the_probabilities(count):
    sampler = Sampler(Sampling(**{**PLAIN, "temperature": 1.5}, seed=1))
    found = Counter(sampler.choose(logits(count=count)) for _ in range(4000))
    expected = torch.softmax(torch.tensor(logits(count=count)) / 1.5, 0)
    for token, share in enumerate(expected.tolist()):
        assert abs(found[token] / 4000 - share) < 0.03


@given(
    st.integers(0, 1000),
    st.sampled_from([12, 3000]),
    st.integers(1, 12),
    st.floats(0.05, 1),
    st.floats(0, 1),
)
def test_the_filters_leave_what_they_say(seed, count, top_k, top_p, min_p):
    values = logits(seed, count)
    order = numpy.argsort(-values)
    by_k = Sampler(Sampling(**{**PLAIN, "top_k": top_k}, seed=seed))
    assert by_k.choose(values) in order[:top_k]
    shares = torch.softmax(torch.tensor(values, dtype=torch.float64), 0).numpy()[order]
    enough = int(numpy.searchsorted(shares.cumsum(), top_p - 1e-9)) + 1
    by_p = Sampler(Sampling(**{**PLAIN, "top_p": top_p}, seed=seed))
    assert by_p.choose(values) in order[: enough + 1]
    by_least = Sampler(Sampling(**{**PLAIN, "min_p": min_p}, seed=seed))
    chosen = by_least.choose(values)
    assert shares[list(order).index(chosen)] >= min_p * shares[0] * (1 - 1e-6)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=300), st.integers(1, 300))
def test_the_greatest_of_equal_ones_are_the_first(values, count):
    found = find_greatest(numpy.array(values, numpy.float32), count)
    expected = sorted(range(len(values)), key=lambda place: -values[place])[:count]
    assert found.tolist() == expected


def test_repeated_tokens_become_less_likely():
    values = numpy.array([2.0, 1.5, -1.0], numpy.float32)
    sampler = Sampler(Sampling(temperature=0, repetition_penalty=2.0))
    assert sampler.choose(values) == 0
    assert sampler.choose(values, before=[0, 0]) == 1
    assert values.tolist() == [2.0, 1.5, -1.0]


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"top_k": -1}, {"top_p": 0}, {"min_p": 2}, {"repetition_penalty": 0}],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ArgumentError, match="out of its range"):
        Sampling(**wrong)


def test_a_file_suggests_and_the_user_decides():
    metadata = {"general.sampling.temp": 0.6, "general.sampling.penalty_repeat": 1.3}
    read = read_sampling(metadata, {"temperature": 0.0, "seed": 7})
    assert read == Sampling(temperature=0.0, repetition_penalty=1.3, seed=7)
    assert read_sampling({}, {}) == Sampling()
    for key, value in (("top_k", "many"), ("top_k", 2.5), ("temp", -1.0), ("top_p", float("nan"))):
        with pytest.raises(DataError, match="makes no sense"):
            read_sampling({f"general.sampling.{key}": value}, {"seed": 1})
    assert read_sampling({"general.sampling.temp": "hot"}, {"temperature": 1.5}).temperature == 1.5
    with pytest.raises(ArgumentError, match="temperature"):
        read_sampling(metadata, {"temperature": -1.0})

"""Greedy tokens are the known ones; prompts are read once; one step serves every position."""

from __future__ import annotations

import numpy
import pytest

from tests.apps.chat.test_tokeniser import TOKENS
from tilegrad import Tensor
from tilegrad.apps.chat import Generator, Reply, Sampling, Tokeniser, complete
from tilegrad.apps.chat.sampling import Sampler
from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.base.errors import ArgumentError
from tilegrad.engine.explain import explain
from tilegrad.frontend.gguf import GGUFFile

ANSWER = [504, 3575, 282, 4649, 314, 7042, 30, 2]


@pytest.fixture(scope="session")
def model(smollm: GGUFFile) -> LanguageModel:
    return LanguageModel(smollm)


@pytest.fixture(scope="session")
def generator(model: LanguageModel) -> Generator:
    return Generator(model, 96)


def test_greedy_tokens_are_those_of_the_reference(generator: Generator):
    logits = generator.read(TOKENS)
    found = []
    while len(found) < len(ANSWER):
        found.append(int(logits.argmax()))
        logits = generator.add(found[-1])
    assert found == ANSWER
    assert generator.tokens == TOKENS + ANSWER


def test_what_is_known_of_a_prompt_is_not_read_again(model: LanguageModel):
    text = [*TOKENS, *ANSWER, *TOKENS, *ANSWER]
    expected = Generator(model, 96).read(text)
    generator = Generator(model, 96)
    generator.read([*text[:40], 5, 6, 7])
    again = generator.read(text)
    assert (generator.known, generator.tokens) == (40, text)
    numpy.testing.assert_allclose(again, expected, rtol=1e-3, atol=1e-3)


def test_a_full_context_is_refused_by_name(generator: Generator):
    with pytest.raises(ArgumentError, match="does not fit"):
        generator.read([1] * 97)
    generator.read([1] * 96)
    assert generator.room == 0
    with pytest.raises(ArgumentError, match="full"):
        generator.add(1)


def test_replies_end_by_token_limit_stop_string_and_context(generator: Generator, smollm: GGUFFile):
    tokeniser, sampler = Tokeniser(smollm.metadata), Sampler(Sampling(temperature=0))

    def answer(**options) -> Reply:
        reply = Reply()
        pieces = list(complete(generator, tokeniser, TOKENS, sampler, reply, **options))
        assert "".join(pieces) == reply.text
        return reply

    whole = answer()
    assert (whole.text, whole.reason) == ("The capital of France is Paris.", "ended")
    assert answer(limit=3).text == "The capital of"
    assert answer(stops=["France"]).text == "The capital of "
    generator.read([7] * 96)
    reply = Reply()
    list(complete(generator, tokeniser, [7] * 96, sampler, reply))
    assert reply.reason in ("context is full", "ended")


def test_a_step_stores_nothing_as_large_as_the_weights_that_it_reads(model: LanguageModel):
    block = model.blocks[0]
    x = Tensor.rand(1, model.config.width).realize()
    plan = explain(block.network(x)).plan
    weights = sum(linear.weight.nbytes for linear in block.network.inner)
    assert plan.arena.nbytes < weights / 50

"""Greedy tokens are the known ones, prompts are read once, and conversations have an end."""

from __future__ import annotations

import io
import signal

import numpy
import pytest
from rich.console import Console

from tests.apps.chat.test_tokeniser import TOKENS
from tilegrad import Tensor
from tilegrad.apps.chat import ChatOptions, Reply, Sampling, Tokeniser, complete
from tilegrad.apps.chat.display import Display, describe
from tilegrad.apps.chat.run import Chat, talk
from tilegrad.apps.chat.sampling import Sampler
from tilegrad.apps.generation import Decoder, Sequence
from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.base.errors import ArgumentError
from tilegrad.engine.explain import explain
from tilegrad.frontend.gguf import GGUFFile

ANSWER = [504, 3575, 282, 4649, 314, 7042, 30, 2]


@pytest.fixture(scope="session")
def model(smollm: GGUFFile) -> LanguageModel:
    return LanguageModel(smollm)


@pytest.fixture(scope="session")
def decoder(model: LanguageModel) -> Decoder:
    return Decoder(model, context=96, sequences=2, shares_replies=True)


def read(decoder: Decoder, text: list[int]) -> tuple[Sequence, numpy.ndarray]:
    sequence = decoder.open(text)
    while (logits := decoder.read(sequence)) is None:
        pass
    return sequence, logits


def test_greedy_tokens_are_those_of_the_reference(decoder: Decoder):
    sequence, logits = read(decoder, TOKENS)
    found = []
    while len(found) < len(ANSWER):
        found.append(int(logits.argmax()))
        logits = decoder.step({sequence: found[-1]})[sequence]
    assert found == ANSWER
    assert sequence.tokens == TOKENS + ANSWER
    decoder.close(sequence)


def test_what_is_known_of_a_prompt_is_not_read_again(decoder: Decoder):
    text = [*TOKENS, *ANSWER, *TOKENS, *ANSWER]
    sequence, expected = read(decoder, [5, *text[1:]])
    decoder.close(sequence)
    decoder.close(read(decoder, [5, *text[1:40], 5, 6, 7])[0])
    again, found = read(decoder, [5, *text[1:]])
    assert again.known == 40
    numpy.testing.assert_allclose(found, expected, rtol=0.02, atol=0.02)
    decoder.close(again)


def test_replies_end_by_token_limit_stop_string_and_context(decoder: Decoder, smollm: GGUFFile):
    tokeniser, sampler = Tokeniser(smollm.metadata), Sampler(Sampling(temperature=0))

    def answer(prompt: list[int] = TOKENS, **options) -> Reply:
        reply = Reply()
        pieces = list(complete(decoder, tokeniser, prompt, sampler, reply, **options))
        assert "".join(pieces) == reply.text
        assert decoder.used_pages == 0
        return reply

    whole = answer()
    assert (whole.text, whole.reason) == ("The capital of France is Paris.", "ended")
    assert answer(limit=3).text == "The capital of"
    assert answer(stops=["France"]).text == "The capital of "
    assert answer([7] * 96).reason in ("context is full", "ended")
    with pytest.raises(ArgumentError, match="does not fit"):
        answer([1] * 97)


def test_a_conversation_that_grows_too_long_loses_its_oldest_turns(smollm: GGUFFile):
    chat = Chat(ChatOptions(sampling={"temperature": 0}, limit=4, context=100, system="Hi."))
    display = Display(Console(file=io.StringIO()))
    replies = [chat.answer(f"What is {number} + {number}?", display) for number in range(4)]
    assert [reply.forgotten > 0 for reply in replies] == [False, False, False, True]
    assert chat.messages[0] == {"role": "system", "content": "Hi."}
    assert all(reply.tokens for reply in replies)
    assert "forgotten" in describe(replies[-1])
    before = list(chat.messages)
    with pytest.raises(ArgumentError, match="does not fit"):
        chat.answer("many words " * 100, display)
    assert chat.messages == before


def test_an_interrupt_ends_the_reading_of_a_prompt(
    smollm: GGUFFile, monkeypatch: pytest.MonkeyPatch
):
    chat, display = Chat(ChatOptions(context=256)), Display(Console(file=io.StringIO()))
    monkeypatch.setattr(display, "show", lambda *_: signal.raise_signal(signal.SIGINT))
    reply = chat.answer("word " * 150, display)
    assert (reply.prompt, reply.tokens, reply.reason) == (64, [], "interrupted")
    assert describe(reply) == "64 tokens read; 0 written; interrupted"
    assert chat.messages == []


def test_no_interrupt_ends_a_conversation(
    smollm: GGUFFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    chat, display = Chat(ChatOptions(context=256)), Display(Console(file=io.StringIO()))
    says = iter(["word " * 150, "/new", "more"])
    shown = []

    def interrupt_twice(*_: object) -> None:
        shown.append(len(shown))
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    def say(_prompt: str) -> str:
        try:
            return next(says)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", say)
    monkeypatch.setattr(display, "show", interrupt_twice)
    talk(chat, display, Console(stderr=True, soft_wrap=True, markup=False))
    assert len(shown) == 2
    assert chat.messages == []
    assert chat.answer("hi", Display(Console(file=io.StringIO()))).text


def test_a_small_terminal_shows_the_end_of_a_line_and_obeys_no_model():
    screen = io.StringIO()
    display = Display(Console(file=screen, force_terminal=True, width=20, height=4))
    with display.open():
        display.show("word " * 30 + "\x1b]0;title\x07the end", Reply(tokens=[1, 2], seconds=1.0))
    assert "\x1b]" not in screen.getvalue()
    assert "titlethe end\n\x1b[2m2 written" in screen.getvalue()


def test_a_step_stores_nothing_as_large_as_the_weights_that_it_reads(model: LanguageModel):
    block = model.blocks[0]
    x = Tensor.rand(1, model.config.width).realize()
    plan = explain(block.network(x)).plan
    weights = sum(linear.weight.nbytes for linear in block.network.inner)
    assert plan.arena.nbytes < weights / 50

"""Pieces of sentences are those of SentencePiece, trained here on the documentation."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad.apps.chat import Tokeniser

ROOT = Path(__file__).parents[3]
TYPES = {"unknown": 2, "control": 3, "byte": 6, "normal": 1}


@pytest.fixture(scope="session")
def reference() -> sentencepiece.SentencePieceProcessor:
    text = (ROOT / "docs" / "explanation" / "fusion.md").read_text("utf-8")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.splitlines()),
        model_writer=model,
        model_type="bpe",
        vocab_size=700,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


@pytest.fixture(scope="session")
def tokeniser(reference: sentencepiece.SentencePieceProcessor) -> Tokeniser:
    numbers = range(reference.vocab_size())

    def kind(number: int) -> int:
        names = {"unknown": reference.is_unknown, "control": reference.is_control}
        names["byte"] = reference.is_byte
        return next((TYPES[name] for name, is_it in names.items() if is_it(number)), 1)

    return Tokeniser(
        {
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": [reference.id_to_piece(number) for number in numbers],
            "tokenizer.ggml.scores": [reference.get_score(number) for number in numbers],
            "tokenizer.ggml.token_type": [kind(number) for number in numbers],
            "tokenizer.ggml.bos_token_id": reference.bos_id(),
            "tokenizer.ggml.eos_token_id": reference.eos_id(),
            "tokenizer.ggml.unknown_token_id": reference.unk_id(),
        }
    )


WORDS = st.sampled_from(["the kernel", "fusion", "  ", "\n", "decides", "naïve", "🙂", "1 234"])


@settings(max_examples=200)
@given(text=st.lists(WORDS | st.text(max_size=5), max_size=8).map("".join))
def test_pieces_are_those_of_the_reference(
    tokeniser: Tokeniser, reference: sentencepiece.SentencePieceProcessor, text: str
):
    text = text.replace("\0", "").replace("\N{LOWER ONE EIGHTH BLOCK}", "")
    tokens = tokeniser.encode(text)
    assert tokens == reference.encode(text)
    assert tokeniser.decode(tokens) == text
    stream = tokeniser.stream()
    assert "".join(map(stream.add, tokens)) + stream.finish() == text


def test_a_text_starts_with_the_start_token(tokeniser: Tokeniser):
    assert tokeniser.encode("the", with_start=True)[0] == tokeniser.start == 1
    assert tokeniser.encode("<s>the</s>")[0] == 1
    assert tokeniser.ends == {2}

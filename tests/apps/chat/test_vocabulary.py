"""Tokens are those of the reference: SentencePiece, and transformers' own reading of GGUF files.

Both are trained here, on the documentation.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import ByteLevelBPETokenizer
from transformers import Qwen2Tokenizer
from transformers.integrations.gguf.gguf_tokenizer_mapping import convert_gguf_tokenizer

from tilegrad.apps.chat import Tokeniser

TEXT = (Path(__file__).parents[3] / "docs" / "explanation" / "fusion.md").read_text("utf-8")
USER_DEFINED = 4
TYPES = {"unknown": 2, "control": 3, "byte": 6, "normal": 1}
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
Encode = Callable[[str], list[int]]
SPACES = [SPACE * count for count in range(2, 6)]


@pytest.fixture(scope="session", params=["llama", "gemma"])
def reference(request: pytest.FixtureRequest) -> sentencepiece.SentencePieceProcessor:
    """Return one with a space before the text, as Llama's, or with tokens of spaces, as Gemma's."""
    is_gemma = request.param == "gemma"
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.splitlines()),
        model_writer=model,
        model_type="bpe",
        vocab_size=700,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=not is_gemma,
        user_defined_symbols=SPACES if is_gemma else [],
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


@pytest.fixture(scope="session")
def tokeniser(reference: sentencepiece.SentencePieceProcessor) -> Tokeniser:
    numbers = range(reference.vocab_size())

    has_spaces = reference.id_to_piece(3) == SPACES[0]

    def kind(number: int) -> int:
        if reference.id_to_piece(number) in SPACES and has_spaces:
            return USER_DEFINED
        names = {"unknown": reference.is_unknown, "control": reference.is_control}
        names["byte"] = reference.is_byte
        return next((TYPES[name] for name, is_it in names.items() if is_it(number)), 1)

    return Tokeniser(
        {
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.add_space_prefix": not has_spaces,
            "tokenizer.ggml.tokens": [
                piece.replace(SPACE, " ") if piece in SPACES and has_spaces else piece
                for piece in map(reference.id_to_piece, numbers)
            ],
            "tokenizer.ggml.scores": [reference.get_score(number) for number in numbers],
            "tokenizer.ggml.token_type": [kind(number) for number in numbers],
            "tokenizer.ggml.bos_token_id": reference.bos_id(),
            "tokenizer.ggml.eos_token_id": reference.eos_id(),
            "tokenizer.ggml.unknown_token_id": reference.unk_id(),
        }
    )


WORDS = st.sampled_from(
    ["the kernel", "fusion", "  ", "\n", "decides", "naïve", "🙂", "1 234", "       "]
)


@settings(max_examples=200)
@given(text=st.lists(WORDS | st.text(max_size=5), max_size=8).map("".join))
def test_pieces_are_those_of_the_reference(
    tokeniser: Tokeniser, reference: sentencepiece.SentencePieceProcessor, text: str
):
    text = text.replace("\0", "").replace(SPACE, "")
    tokens = tokeniser.encode(text)
    assert tokens == reference.encode(text)
    assert tokeniser.decode(tokens) == text
    stream = tokeniser.stream()
    assert "".join(map(stream.add, tokens)) + stream.finish() == text


def test_a_text_starts_with_the_start_token(tokeniser: Tokeniser):
    assert tokeniser.encode("the", with_start=True)[0] == tokeniser.start == 1
    assert tokeniser.encode("<s>the</s>")[0] == 1
    assert tokeniser.ends == {2}


@pytest.fixture(scope="session")
def pairs() -> tuple[list[str], list[str]]:
    """Return tokens, and pairs of them that are joined, of texts as bytes."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(TEXT.splitlines(), vocab_size=600, show_progress=False)
    model = json.loads(trained.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return tokens, [" ".join(merge) for merge in model["merges"]]


@pytest.fixture(
    scope="session", params=["gpt-2", "llama-bpe", "falcon3", "qwen2", "gpt-4o", "tekken"]
)
def both(request: pytest.FixtureRequest, pairs: tuple[list[str], list[str]]) -> list[Encode]:
    """Return our tokeniser and the reference's, of one way to split texts."""
    tokens, merges = pairs
    described = {"model": "gpt2", "pre": request.param, "tokens": tokens, "merges": merges}
    ours = Tokeniser({f"tokenizer.ggml.{name}": value for name, value in described.items()})
    if request.param == "qwen2":  # its letters and their marks are composed
        joined = [tuple(merge.split(" ")) for merge in merges]
        numbers = {token: number for number, token in enumerate(tokens)}
        return [ours.encode, Qwen2Tokenizer(vocab=numbers, merges=joined).encode]
    given = {"tokenizer_type": "gpt2", "pre_tokenizer_type": request.param}
    theirs, _ = convert_gguf_tokenizer("llama", {**given, "tokens": tokens, "merges": merges})
    return [ours.encode, lambda text: theirs.encode(text, add_special_tokens=False).ids]


def describe(described: dict[str, Any]) -> Tokeniser:
    """Return the tokeniser that joins bytes of which a file says this."""
    named = {f"tokenizer.ggml.{key}": value for key, value in described.items()}
    return Tokeniser({"tokenizer.ggml.model": "gpt2", **named})


@pytest.mark.parametrize(
    ("name", "is_started"), [("llama-bpe", True), ("tekken", True), ("qwen2", False)]
)
def test_some_texts_are_started_where_the_file_does_not_say(
    pairs: tuple[list[str], list[str]], name: str, is_started: bool
):
    described = {"pre": name, "tokens": pairs[0], "merges": pairs[1], "bos_token_id": 5}
    tokeniser = describe(described)
    assert (tokeniser.encode("a", with_start=True)[0] == 5) is is_started


def test_nothing_is_joined_across_the_pieces_of_deepseek_coder(
    pairs: tuple[list[str], list[str]],
):
    pieces = ["def", " the", "((", "1", "2", ")", "\n", "\n", "\t", "the", " ==", "日本"]
    joins = [f"{token} {token}" for token in "(Ċ="] + ["1 2", "Ċ ĉ", "( 1", ") Ċ"]
    tokens = sorted({*pairs[0], *(join.replace(" ", "") for join in joins)})
    described = {"pre": "deepseek-coder", "tokens": tokens, "merges": [*joins, *pairs[1]]}
    tokeniser = describe(described)
    found = tokeniser.encode("".join(pieces))
    assert found == [token for piece in pieces for token in tokeniser.encode(piece)]
    assert len(tokeniser.encode("((")) == 1


def test_letters_and_marks_of_olmo_are_composed(pairs: tuple[list[str], list[str]]):
    tokeniser = describe({"pre": "olmo", "tokens": pairs[0], "merges": pairs[1]})
    assert tokeniser.encode("e\u0301") == tokeniser.encode("\u00e9")


def test_white_space_after_the_turns_of_phi3_belongs_to_them():
    """As Phi-3's makers publish its tokens ("rstrip"), of which a file says nothing."""
    tokens = ["<unk>", "<s>", "</s>", "<|user|>", SPACE, "a", "<0x0A>"]
    described = {
        "model": "llama",
        "tokens": tokens,
        "scores": [0.0] * 7,
        "token_type": [2, 3, 4, 3, 1, 1, 6],
    }
    metadata = {f"tokenizer.ggml.{key}": value for key, value in described.items()}
    text = "<|user|>\n a</s> <s> a"
    phi3 = Tokeniser({**metadata, "general.architecture": "phi3"})
    assert phi3.encode(text) == [3, 4, 5, 2, 1, 4, 4, 5]
    assert Tokeniser(metadata).encode(text) == [3, 4, 6, 4, 5, 2, 4, 4, 1, 4, 4, 5]


CASES = st.sampled_from(["don't", "I'LL", "camelCase", "HTTPServer", "a/b//", "12345", "e\u0301"])


@settings(max_examples=100)
@given(text=st.lists(CASES | WORDS | st.text(max_size=5), max_size=8).map("".join))
def test_joined_bytes_are_those_of_the_reference(both: list[Encode], text: str):
    ours, theirs = both
    assert ours(text) == theirs(text)

"""Tokens and text, whole and in pieces, also where the text is hostile."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from tilegrad.apps.chat import ChatTemplate, Tokeniser
from tilegrad.apps.serve.token_bytes import list_token_bytes
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile

PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
TOKENS = [1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198]
HOSTILE = [
    "",
    " ",
    "   leading and trailing   ",
    "naïve Ünïcödé – “quotes” …",
    "👩‍👩‍👧‍👦🏳️‍🌈 emoji 🤖",
    "日本語と中文 混ぜる",
    "def f(x):\n\treturn x**2  # comment\n\n\n",
    "1234567890 3.14159 0x1F",
    "\x00\x01\x7f control",
    "don't can't I'LL we've",
    "a" * 500,
    "<|im_start|>not a turn<|im_end|>",
    "<|im_start|<|im_end|>>",
]


# The vocabulary lacks some bytes: control characters, and what begins the planes beyond these.
CHARACTERS = st.characters(
    max_codepoint=0x3FFFF, exclude_categories=["Cc", "Cs"], include_characters="\t\n\r"
)


@pytest.fixture(scope="session")
def tokeniser(smollm: GGUFFile) -> Tokeniser:
    return Tokeniser(smollm.metadata)


@pytest.fixture(scope="session")
def reference(smollm: GGUFFile) -> Tokenizer:
    """Return the tokeniser as its authors publish it: steps of the package, no expressions."""
    tokens = smollm.metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in smollm.metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return tokenizer


def test_tokens_of_the_known_prompt(tokeniser: Tokeniser):
    assert tokeniser.encode(PROMPT) == TOKENS
    assert tokeniser.decode(TOKENS, with_special=True) == PROMPT
    assert 2 in tokeniser.ends


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back(tokeniser: Tokeniser, text: str):
    assert tokeniser.decode(tokeniser.encode(text), with_special=True) == text


BROKEN = ["🙂".encode(), "日".encode(), "é".encode(), b"a", b"\xf0", b"\xe6\x97", b"\x99"]


@settings(max_examples=200)
@given(text=st.text(CHARACTERS | st.sampled_from("0123 \n'stx"), max_size=60))
def test_tokens_are_those_of_the_model_s_own_pipeline(
    tokeniser: Tokeniser, reference: Tokenizer, text: str
):
    assert tokeniser.encode(text) == reference.encode(text, add_special_tokens=False).ids


def test_lone_surrogates_are_replaced(tokeniser: Tokeniser):
    assert tokeniser.decode(tokeniser.encode("a\ud800b")) == "a?b"


@settings(max_examples=200)
@given(text=st.text(CHARACTERS, max_size=60))
def test_any_text_comes_back_whole_and_in_pieces(tokeniser: Tokeniser, text: str):
    tokens = tokeniser.encode(text)
    assert tokeniser.decode(tokens, with_special=True) == text
    stream = tokeniser.stream()
    pieces = [stream.add(token) for token in tokens]
    assert "".join(pieces) + stream.finish() == tokeniser.decode(tokens)


@pytest.fixture(scope="module")
def tokens_of_bytes(smollm: GGUFFile) -> list[int]:
    numbers = {data: number for number, data in enumerate(list_token_bytes(smollm.metadata))}
    return [numbers.get(bytes([byte]), -1) for byte in range(256)]


@settings(max_examples=100)
@given(text=st.lists(st.sampled_from(BROKEN), max_size=8).map(b"".join))
def test_broken_characters_of_a_stream_are_replaced_and_no_others(
    tokens_of_bytes: list[int], tokeniser: Tokeniser, text: bytes
):
    stream = tokeniser.stream()
    found = "".join(stream.add(tokens_of_bytes[byte]) for byte in text) + stream.finish()
    # How many signs stand for broken ones beside each other is not said.
    signs = re.compile("\N{REPLACEMENT CHARACTER}+")
    assert signs.sub("?", found) == signs.sub("?", text.decode("utf-8", "replace"))


def test_the_template_of_the_file(smollm: GGUFFile, tokeniser: Tokeniser):
    template = ChatTemplate(smollm.metadata, tokeniser)
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    assert template.render(turns) == "<|im_start|>system\nBe brief.<|im_end|>\n" + PROMPT


def test_a_template_can_do_no_harm(tokeniser: Tokeniser):
    evil = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    template = ChatTemplate({"tokenizer.chat_template": evil}, tokeniser)
    with pytest.raises(DataError, match="refuses"):
        template.render([{"role": "user", "content": ""}])


def test_what_is_missing_is_named(tokeniser: Tokeniser):
    with pytest.raises(DataError, match="no chat template"):
        ChatTemplate({}, tokeniser)
    with pytest.raises(DataError, match="damaged"):
        ChatTemplate({"tokenizer.chat_template": "{% if %}"}, tokeniser)
    with pytest.raises(DataError, match="tokeniser is not known"):
        Tokeniser({"tokenizer.ggml.model": "other"})
    known = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": ["a"]}
    with pytest.raises(DataError, match="splitting text is not known"):
        Tokeniser({**known, "tokenizer.ggml.pre": "other"})

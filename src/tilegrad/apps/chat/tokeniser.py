"""The tokeniser that a GGUF file describes, through the package ``tokenizers``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tilegrad.base.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS = {
    "default": (_GPT2,),
    "gpt-2": (_GPT2,),
    "smollm": (r"\p{N}", _GPT2),
    "llama-bpe": (_LLAMA3,),
    "qwen2": (_LLAMA3.replace("{1,3}", ""),),
}
"""Expressions of the pieces that are never joined, by the name that GGUF gives the splitting."""

_CONTROL, _USER_DEFINED = 3, 4


class Tokeniser:
    """Turns text into tokens and back.

    Args:
        metadata: of a GGUF file.

    Attributes:
        start: the token that a text starts with, or None.
        ends: the tokens that end a text or a turn.

    Raises:
        DataError: the file has no tokeniser or one that is not known, or the package
            ``tokenizers`` is not installed.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._tokens: list[str] = metadata.get("tokenizer.ggml.tokens", [])
        kind = metadata.get("tokenizer.ggml.model")
        if kind != "gpt2" or not self._tokens:
            raise DataError(
                "the model's tokeniser is not known", got=repr(kind), expected="'gpt2' (bytes, BPE)"
            )
        self._tokenizer = _build(metadata, self._tokens)
        self.start: int | None = metadata.get("tokenizer.ggml.bos_token_id")
        self.is_started = bool(metadata.get("tokenizer.ggml.add_bos_token", False))
        end = metadata.get("tokenizer.ggml.eos_token_id")
        turn = metadata.get("tokenizer.ggml.eot_token_id")
        named = (self._tokenizer.token_to_id(name) for name in ("<|im_end|>", "<|eot_id|>"))
        self.ends = frozenset(token for token in (end, turn, *named) if token is not None)

    def encode(self, text: str, *, with_start: bool = False) -> list[int]:
        """Return the tokens of a text; special tokens in it are read as such.

        Args:
            text: any text; lone surrogates, which no text has, are replaced.
            with_start: whether the start token comes first, if the model wants one.
        """
        clean = text.encode("utf-8", "replace").decode("utf-8")
        tokens: list[int] = self._tokenizer.encode(clean, add_special_tokens=False).ids
        is_wanted = with_start and self.is_started and self.start is not None
        return [self.start, *tokens] if is_wanted and self.start is not None else tokens

    def decode(self, tokens: Sequence[int], *, with_special: bool = False) -> str:
        """Return the text of tokens; bytes that are no UTF-8 become replacement characters."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=not with_special)

    def name(self, token: int | None) -> str:
        """Return how a token is written, "" for none."""
        return "" if token is None else self._tokens[token]

    def stream(self) -> TextStream:
        """Return what turns tokens into text as they come."""
        return TextStream(self)


class TextStream:
    """Text of tokens that come one after the other: a character is held back until it is whole.

    Args:
        tokeniser: of the tokens.
    """

    def __init__(self, tokeniser: Tokeniser) -> None:
        self._tokeniser = tokeniser
        self._waiting: list[int] = []

    def add(self, token: int) -> str:
        """Return the text that another token completes, perhaps none."""
        self._waiting.append(token)
        text = self._tokeniser.decode(self._waiting)
        if text.endswith("\N{REPLACEMENT CHARACTER}") and len(self._waiting) < 4:
            return ""
        self._waiting.clear()
        return text

    def finish(self) -> str:
        """Return what is left, broken characters replaced."""
        text = self._tokeniser.decode(self._waiting)
        self._waiting.clear()
        return text


def _build(metadata: Mapping[str, Any], tokens: Sequence[str]) -> Tokenizer:
    try:
        from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    except ImportError as error:
        raise DataError(
            "tokens are handled by the package tokenizers, which is not installed",
            mend='pip install "tilegrad[chat]"',
        ) from error
    name = metadata.get("tokenizer.ggml.pre", "default")
    if name not in _SPLITS:
        raise DataError(
            "the model's way of splitting text is not known",
            got=repr(name),
            expected=f"one of {', '.join(_SPLITS)}",
        )
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = [_pair(merge) for merge in metadata.get("tokenizer.ggml.merges", [])]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    splits = [pre_tokenizers.Split(Regex(text), "isolated") for text in _SPLITS[name]]
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    types = metadata.get("tokenizer.ggml.token_type", [])
    special = list(_of_type(tokens, types, _CONTROL))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    given = list(_of_type(tokens, types, _USER_DEFINED))
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in given])
    return tokenizer


def _pair(merge: str) -> tuple[str, str]:
    first, _, second = merge.partition(" ")
    return first, second


def _of_type(tokens: Sequence[str], types: Sequence[int], wanted: int) -> Iterable[str]:
    return (token for token, kind in zip(tokens, types, strict=False) if kind == wanted)

"""The tokeniser that a GGUF file describes, through the package ``tokenizers``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tilegrad.apps.chat.vocabulary import (
    build_byte_pairs,
    build_pieces,
    find_token,
    has_space_before,
    has_start,
)
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import find_value, find_values

_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|endoftext|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
)
"""What families end turns with: files name one end at most."""
_LONGEST = 4
"""The bytes, and so the tokens, of a character at most."""


class Tokeniser:
    """Turns text into tokens and back.

    Args:
        metadata: of a GGUF file.

    Attributes:
        start: the token that a text starts with, or None.
        end: the token that a text ends with, or None.
        start_text, end_text: how these are written, "" for none.
        ends: the tokens that end a text or a turn.
        prefix: what the text of tokens begins with and the text that they were made of does not.

    Raises:
        DataError: the file has no tokeniser, a damaged one or one that is not known, or the
            package ``tokenizers`` is not installed.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        tokens = list(find_values(metadata, "tokenizer.ggml.tokens", str))
        kind = find_value(metadata, "tokenizer.ggml.model", str, "")
        builders = {"gpt2": build_byte_pairs, "llama": build_pieces}
        if kind not in builders or not tokens:
            raise DataError(
                "the model's tokeniser is not known",
                got=repr(kind),
                expected="'gpt2' (pairs of bytes) or 'llama' (pieces of sentences)",
            )
        self._tokenizer = builders[kind](metadata, tokens)
        # Pieces of sentences are made of a text with a space before it, which belongs to no text.
        has_space = kind == "llama" and has_space_before(metadata)
        self.prefix = " " if has_space else ""
        self.start = find_token(metadata, "tokenizer.ggml.bos_token_id", tokens)
        usual = has_start(metadata)
        is_started = find_value(metadata, "tokenizer.ggml.add_bos_token", bool, usual)
        self._before = [self.start] if is_started and self.start is not None else []
        self.end = find_token(metadata, "tokenizer.ggml.eos_token_id", tokens)
        self.start_text = "" if self.start is None else tokens[self.start]
        self.end_text = "" if self.end is None else tokens[self.end]
        turn = find_token(metadata, "tokenizer.ggml.eot_token_id", tokens)
        named = (self._tokenizer.token_to_id(name) for name in _ENDS)
        self.ends = frozenset(token for token in (self.end, turn, *named) if token is not None)

    def encode(self, text: str, *, with_start: bool = False) -> list[int]:
        """Return the tokens of a text; special tokens in it are read as such.

        Args:
            text: any text; lone surrogates, which no text has, are replaced.
            with_start: whether the start token comes first, if the model wants one.
        """
        clean = text.encode("utf-8", "replace").decode("utf-8")
        tokens: list[int] = self._tokenizer.encode(clean, add_special_tokens=False).ids
        return [*self._before, *tokens] if with_start else tokens

    def decode(self, tokens: Sequence[int], *, with_special: bool = False) -> str:
        """Return the text of tokens; bytes that are no UTF-8 become replacement characters."""
        return self.decode_part(tokens, with_special=with_special).removeprefix(self.prefix)

    def decode_part(self, tokens: Sequence[int], *, with_special: bool = False) -> str:
        """Return the text of tokens that stand within others."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=not with_special)

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
        self._prefix = tokeniser.prefix

    def add(self, token: int) -> str:
        """Return the text that another token completes, perhaps none."""
        self._waiting.append(token)
        text = self._tokeniser.decode_part(self._waiting)
        if not text.endswith("\N{REPLACEMENT CHARACTER}"):
            self._waiting.clear()
        elif len(self._waiting) < _LONGEST:
            return ""
        else:  # the first token is no part of what may still become a character
            text = self._tokeniser.decode_part([self._waiting.pop(0)])
        return self._strip(text)

    def finish(self) -> str:
        """Return what is left, broken characters replaced."""
        text = self._tokeniser.decode_part(self._waiting)
        self._waiting.clear()
        return self._strip(text)

    def _strip(self, text: str) -> str:
        """Return a text without the prefix that the first one has."""
        prefix, self._prefix = self._prefix, "" if text else self._prefix
        return text.removeprefix(prefix)

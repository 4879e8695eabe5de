"""The two kinds of tokenisers that GGUF files describe, built from the package ``tokenizers``."""

from __future__ import annotations

import importlib.util
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
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"


def build_byte_pairs(metadata: Mapping[str, Any], tokens: Sequence[str]) -> Tokenizer:
    """Return a tokeniser that joins the bytes of a text pair by pair, as GPT-2's does.

    Args:
        metadata: of a GGUF file.
        tokens: its tokens.

    Raises:
        DataError: the file splits texts in a way that is not known, or the package ``tokenizers``
            is not installed.
    """
    _require_package()
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

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
    _add_whole_tokens(tokenizer, metadata, tokens)
    return tokenizer


def build_pieces(metadata: Mapping[str, Any], tokens: Sequence[str]) -> Tokenizer:
    """Return a tokeniser that joins characters to the piece of the best score, as Llama's does.

    From T. Kudo and J. Richardson, "SentencePiece", 2018. A character that is no piece becomes its
    bytes.

    Args:
        metadata: of a GGUF file.
        tokens: its tokens.

    Raises:
        DataError: the package ``tokenizers`` is not installed.
    """
    _require_package()
    from tokenizers import Tokenizer, decoders, models, normalizers

    vocabulary = {token: number for number, token in enumerate(tokens)}
    unknown = tokens[metadata.get("tokenizer.ggml.unknown_token_id", 0)]
    merges = _merges_by_score(metadata["tokenizer.ggml.scores"], tokens, vocabulary)
    model = models.BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    steps: list[normalizers.Normalizer] = [normalizers.Replace(" ", _SPACE)]
    if metadata.get("tokenizer.ggml.add_space_prefix", True):
        steps.insert(0, normalizers.Prepend(_SPACE))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    _add_whole_tokens(tokenizer, metadata, tokens)
    return tokenizer


def _merges_by_score(
    scores: Sequence[float], tokens: Sequence[str], vocabulary: Mapping[str, int]
) -> list[tuple[str, str]]:
    """Return the pairs of pieces that make a piece, those of the best scores first."""
    found: list[tuple[float, str, str]] = []
    for token, score in zip(tokens, scores, strict=True):
        for cut in range(1, len(token)):
            first, second = token[:cut], token[cut:]
            if first in vocabulary and second in vocabulary:
                found.append((-score, first, second))
    found.sort(key=lambda merge: merge[0])
    return [(first, second) for _, first, second in found]


def _require_package() -> None:
    if importlib.util.find_spec("tokenizers") is None:
        raise DataError(
            "tokens are handled by the package tokenizers, which is not installed",
            mend='pip install "tilegrad[chat]"',
        )


def _add_whole_tokens(
    tokenizer: Tokenizer, metadata: Mapping[str, Any], tokens: Sequence[str]
) -> None:
    """Let tokens that are never made of parts be found in a text."""
    from tokenizers import AddedToken

    types = metadata.get("tokenizer.ggml.token_type", [])
    special = _of_type(tokens, types, _CONTROL)
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in special]
    )
    given = _of_type(tokens, types, _USER_DEFINED)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in given])


def _pair(merge: str) -> tuple[str, str]:
    first, _, second = merge.partition(" ")
    return first, second


def _of_type(tokens: Sequence[str], types: Sequence[int], wanted: int) -> Iterable[str]:
    return (token for token, kind in zip(tokens, types, strict=False) if kind == wanted)

"""The two kinds of tokenisers that GGUF files describe, built from the package ``tokenizers``."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tilegrad.base.errors import DataError, TilegradError
from tilegrad.frontend.gguf import find_value, find_values

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"


def _cased(numbers: str, ending: str = "") -> str:
    """Return the expression of pieces that also end where small letters turn into capitals."""
    before = r"[^\r\n\p{L}\p{N}]?"
    words = f"{before}[{_UPPER}]*[{_LOWER}]+{ending}|{before}[{_UPPER}]+[{_LOWER}]*{ending}"
    return rf"{words}|{numbers}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"


class _Splitting(NamedTuple):
    """How a text is cut into pieces that are never joined.

    Attributes:
        expressions: find the pieces, one expression within the pieces of the one before.
        keeps_whole: whether a piece that is a token stays one, whatever pairs would be joined.
        is_composed: whether letters and their marks are composed first (Unicode's NFC).
        has_start: whether texts begin with the start token where the file does not say.
    """

    expressions: tuple[str, ...]
    keeps_whole: bool = False
    is_composed: bool = False
    has_start: bool = False


_OF_GPT2 = _Splitting((_GPT2,))
_OF_SMOLLM = _Splitting((r"\p{N}", _GPT2))
_OF_LLAMA3 = _Splitting((_LLAMA3,), keeps_whole=True, has_start=True)
_OF_QWEN2 = _Splitting((_LLAMA3.replace("{1,3}", ""),), is_composed=True)
_OF_GPT4O = _Splitting((_cased(r"\p{N}{1,3}", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"),))
_OF_DEEPSEEK_CODER = _Splitting(
    (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", r"\p{N}")
)
_SPLITTINGS = {
    "default": _OF_GPT2,
    "gpt-2": _OF_GPT2,
    "granite-docling": _OF_GPT2,
    "olmo": _Splitting((_GPT2,), is_composed=True),
    "smollm": _OF_SMOLLM,
    "starcoder": _OF_SMOLLM,
    "refact": _OF_SMOLLM,
    "llama-bpe": _OF_LLAMA3,
    "falcon3": _OF_LLAMA3,
    "pixtral": _OF_LLAMA3,
    "smaug-bpe": _Splitting((_LLAMA3,), keeps_whole=True),
    "dbrx": _Splitting((_LLAMA3,)),
    "deepseek-coder": _OF_DEEPSEEK_CODER,
    "qwen2": _OF_QWEN2,
    "deepseek-r1-qwen": _OF_QWEN2,
    "gpt-4o": _OF_GPT4O,
    "tekken": _Splitting((_cased(r"\p{N}"),), keeps_whole=True, has_start=True),
}
"""How texts are cut, by the name that GGUF gives it."""

_CONTROL, _USER_DEFINED = 3, 4
_KEEPS_SPACE = ("<unk>", "<s>", "<|endoftext|>")
"""Phi-3's tokens, as its makers publish them, take the white space after them, but for these."""
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"


def build_byte_pairs(metadata: Mapping[str, Any], tokens: Sequence[str]) -> Tokenizer:
    """Return a tokeniser that joins the bytes of a text pair by pair, as GPT-2's does.

    Args:
        metadata: of a GGUF file.
        tokens: its tokens.

    Raises:
        DataError: the file splits texts in a way that is not known, its vocabulary is damaged, or
            the package ``tokenizers`` is not installed.
    """
    _require_package()
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    name = find_value(metadata, "tokenizer.ggml.pre", str, "default")
    splitting = _SPLITTINGS.get(name)
    if splitting is None:
        raise DataError(
            "the model's way of splitting text is not known",
            got=repr(name),
            expected=f"one of {', '.join(_SPLITTINGS)}",
        )
    vocabulary = {token: number for number, token in enumerate(tokens)}
    texts = find_values(metadata, "tokenizer.ggml.merges", str)
    pairs = (text.partition(" ") for text in texts)
    merges = [(first, second) for first, _, second in pairs]
    with _refusing_damage():
        model = models.BPE(vocabulary, merges, ignore_merges=splitting.keeps_whole)
    tokenizer = Tokenizer(model)
    if splitting.is_composed:
        tokenizer.normalizer = normalizers.NFC()
    splits = [pre_tokenizers.Split(Regex(text), "isolated") for text in splitting.expressions]
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
        DataError: the vocabulary is damaged, or the package ``tokenizers`` is not installed.
    """
    _require_package()
    from tokenizers import Tokenizer, decoders, models, normalizers

    vocabulary = {token: number for number, token in enumerate(tokens)}
    unknown = tokens[find_token(metadata, "tokenizer.ggml.unknown_token_id", tokens) or 0]
    with _refusing_damage():
        scores = find_values(metadata, "tokenizer.ggml.scores", float)
        merges = _merges_by_score(scores, tokens, vocabulary)
        model = models.BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    steps: list[normalizers.Normalizer] = [normalizers.Replace(" ", _SPACE)]
    has_prefix = has_space_before(metadata)
    if has_prefix:
        steps.insert(0, normalizers.Prepend(_SPACE))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    # Gemma has tokens of several spaces: they are found once spaces are what stands for them.
    is_phi3 = metadata.get("general.architecture") == "phi3"
    _add_whole_tokens(
        tokenizer, metadata, tokens, is_normalised=not has_prefix, takes_space=is_phi3
    )
    return tokenizer


def find_token(metadata: Mapping[str, Any], key: str, tokens: Sequence[str]) -> int | None:
    """Return a token that a file names; None for none, which some files write as one beyond all."""
    token = find_value(metadata, key, int, -1)
    return token if 0 <= token < len(tokens) else None


def has_space_before(metadata: Mapping[str, Any]) -> bool:
    """Whether texts get a space before their first word, in files of pieces of sentences."""
    return find_value(metadata, "tokenizer.ggml.add_space_prefix", bool, True)


def has_start(metadata: Mapping[str, Any]) -> bool:
    """Whether texts begin with the start token, in files that do not say."""
    splitting = _SPLITTINGS.get(find_value(metadata, "tokenizer.ggml.pre", str, ""))
    is_of_pieces = metadata.get("tokenizer.ggml.model") == "llama"
    return is_of_pieces or (splitting is not None and splitting.has_start)


@contextlib.contextmanager
def _refusing_damage() -> Iterator[None]:
    try:
        yield
    except TilegradError:
        raise
    except Exception as error:  # the package raises no others
        raise DataError("the model's vocabulary is damaged", got=error) from error


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
    tokenizer: Tokenizer,
    metadata: Mapping[str, Any],
    tokens: Sequence[str],
    *,
    is_normalised: bool = False,
    takes_space: bool = False,
) -> None:
    """Let tokens that are never made of parts be found in a text.

    Args:
        tokenizer: finds them.
        metadata: of a GGUF file.
        tokens: its tokens.
        is_normalised: whether those that the file's maker added are as they are in normalised text.
        takes_space: whether white space after most of them is theirs, and so no token.
    """
    from tokenizers import AddedToken

    types = find_values(metadata, "tokenizer.ggml.token_type", int)

    def added(wanted: int, *, normalized: bool) -> list[AddedToken]:
        return [
            AddedToken(
                token, rstrip=takes_space and token not in _KEEPS_SPACE, normalized=normalized
            )
            for token in _of_type(tokens, types, wanted)
        ]

    tokenizer.add_special_tokens(added(_CONTROL, normalized=False))
    tokenizer.add_tokens(added(_USER_DEFINED, normalized=is_normalised))


def _of_type(tokens: Sequence[str], types: Sequence[int], wanted: int) -> Iterable[str]:
    return (token for token, kind in zip(tokens, types, strict=False) if kind == wanted)

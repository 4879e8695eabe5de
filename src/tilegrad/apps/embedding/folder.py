"""What the folder of an encoder says of it, as sentence-transformers writes such folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tilegrad.base.errors import DataError

_MEAN, _FIRST = "mean", "cls"
_OLDER = {"pooling_mode_mean_tokens": _MEAN, "pooling_mode_cls_token": _FIRST}
"""What older versions of sentence-transformers call the ways to pool."""
_PLAIN = ("Transformer", "Normalize")
"""Modules that are what they are in every encoder."""


def read_config(folder: Path) -> dict[str, Any]:
    """Return the configuration of the model.

    Raises:
        DataError: it cannot be read, or the model is no BERT.
    """
    config = _read_json(folder / "config.json")
    found = (
        config.get("model_type"),
        config.get("hidden_act"),
        config.get("position_embedding_type", "absolute"),
    )
    if found != ("bert", "gelu", "absolute"):
        raise DataError(
            "the encoder is another than those that are known",
            got="{} with {} and {} positions".format(*found),
            expected="bert with gelu and absolute positions",
        )
    return config


def read_longest(folder: Path, most: int) -> int:
    """Return how many tokens of a text are read, ``most`` if the folder does not ask for fewer.

    Raises:
        DataError: a file is damaged.
    """
    said = (
        _read_optional(folder / "sentence_bert_config.json").get("max_seq_length"),
        _read_optional(folder / "tokenizer_config.json").get("model_max_length"),
    )
    return min([most, *(int(limit) for limit in said if limit)])


def is_first_taken(folder: Path) -> bool:
    """Whether the vector of a text is that of its first token, not the mean over its tokens.

    Raises:
        DataError: a file is damaged, or the encoder pools in another way or has other parts.
    """
    modules = _read_optional(folder / "modules.json")
    ways = {_MEAN}
    for module in modules.values():
        name = str(module.get("type")).rsplit(".", 1)[-1]
        if name == "Pooling":
            ways = _read_ways(_read_json(folder / str(module.get("path")) / "config.json"))
        elif name not in _PLAIN:
            raise DataError("the encoder has a part that is not known", got=f"{folder}: {name}")
    if ways not in ({_MEAN}, {_FIRST}):
        raise DataError(
            "the encoder makes vectors of texts in a way that is not known",
            got=f"{folder}: {', '.join(sorted(ways)) or 'none'}",
            expected="the mean over the tokens, or the first token",
        )
    return ways == {_FIRST}


def _read_ways(config: dict[str, Any]) -> set[str]:
    """Return how vectors of tokens become one: several ways are put side by side."""
    said = config.get("pooling_mode")
    if said is not None:
        return {said} if isinstance(said, str) else {str(one) for one in said}
    return {
        _OLDER.get(key, key)
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value
    }


def open_tokenizer(path: Path, longest: int) -> Any:
    """Return the tokeniser of a file, which cuts texts.

    Raises:
        DataError: there is no such file, or the package ``tokenizers`` is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise DataError(
            "tokens are handled by the package tokenizers, which is not installed",
            mend='pip install "tilegrad[chat]"',
        ) from error
    if not path.is_file():
        raise DataError("there is no such file", got=path)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return tokenizer


def _read_optional(path: Path) -> dict[str, Any]:
    """Return what a file says, nothing if there is none."""
    return _read_json(path) if path.is_file() else {}


def _read_json(path: Path) -> dict[str, Any]:
    """Return an object, or the elements of a list by their places."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError("a file of the encoder cannot be read", got=f"{path}: {error}") from error
    if isinstance(found, list):
        found = {str(place): element for place, element in enumerate(found)}
    if not isinstance(found, dict):
        raise DataError("a file of the encoder says nothing", got=f"{path}: {found!r:.40}")
    return found

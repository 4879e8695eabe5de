"""The bytes that each token stands for, also where they are only a part of a character."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tilegrad.frontend.gguf import find_values

_CONTROL, _USER_DEFINED, _BYTE = 3, 4, 6
_BYTE_NAME = re.compile("<0x([0-9A-Fa-f]{2})>")
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"


def list_token_bytes(metadata: Mapping[str, Any]) -> list[bytes]:
    """Return the bytes of every token that a GGUF file describes."""
    tokens = find_values(metadata, "tokenizer.ggml.tokens", str)
    types = [*find_values(metadata, "tokenizer.ggml.token_type", int), *[1] * len(tokens)]
    if metadata.get("tokenizer.ggml.model") == "gpt2":
        table = _bytes_by_character()
        special = (_CONTROL, _USER_DEFINED)
        return [
            token.encode()
            if kind in special or not table.keys() >= set(token)
            else bytes(table[character] for character in token)
            for token, kind in zip(tokens, types, strict=False)
        ]
    return [
        bytes([int(byte[1], 16)])
        if kind == _BYTE and (byte := _BYTE_NAME.fullmatch(token))
        else token.replace(_SPACE, " ").encode()
        for token, kind in zip(tokens, types, strict=False)
    ]


def list_control_tokens(metadata: Mapping[str, Any]) -> list[int]:
    """Return the tokens that belong to no text."""
    types = find_values(metadata, "tokenizer.ggml.token_type", int)
    return [token for token, kind in enumerate(types) if kind == _CONTROL]


def _bytes_by_character() -> dict[str, int]:
    """Return the byte of each character by which GPT-2's vocabulary writes bytes.

    Bytes that Latin-1 shows are written as there, the others as the characters from 256 on.
    """
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = [byte for byte in range(256) if byte not in shown]
    table = {chr(byte): byte for byte in shown}
    return table | {chr(256 + place): byte for place, byte in enumerate(hidden)}

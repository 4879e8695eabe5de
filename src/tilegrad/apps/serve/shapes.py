"""The objects that replies are sent as: whole, or in chunks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from tilegrad.apps.serve.job import End, Piece, TokenRecord


class Collected:
    """A reply as far as it has come.

    Attributes:
        text: all of it.
        tokens: its tokens, if they are wanted.
        end: how it ended, or None while it goes on.
    """

    def __init__(self) -> None:
        self.text = ""
        self.tokens: list[TokenRecord] = []
        self.end: End | None = None

    def add(self, event: Piece | End) -> None:
        """Note an event."""
        if isinstance(event, End):
            self.end = event
            return
        self.text += event.text
        self.tokens += event.tokens


class Shape(Protocol):
    """How one of the APIs shows replies.

    Attributes:
        whole: the name of the object of complete replies.
        chunk: the name of the object of a chunk.
    """

    whole: str
    chunk: str

    def choice(self, reply: Collected, reason: str) -> dict[str, Any]:
        """Return a complete reply."""
        ...

    def begin(self) -> dict[str, Any] | None:
        """Return what comes before all pieces, if anything does."""
        ...

    def piece(self, piece: Piece) -> dict[str, Any]:
        """Return a piece of a reply."""
        ...

    def end(self, reason: str) -> dict[str, Any]:
        """Return what comes after all pieces."""
        ...


class ChatShape:
    """Replies of ``/v1/chat/completions``.

    Args:
        token_bytes: the bytes of every token.
        has_tokens: whether tokens are told.
    """

    whole, chunk = "chat.completion", "chat.completion.chunk"

    def __init__(self, token_bytes: Sequence[bytes], *, has_tokens: bool) -> None:
        self._bytes, self._has_tokens = token_bytes, has_tokens

    def choice(self, reply: Collected, reason: str) -> dict[str, Any]:
        """Return a complete reply."""
        message = {"role": "assistant", "content": reply.text, "refusal": None}
        return {
            "message": message,
            "logprobs": self._tokens(reply.tokens),
            "finish_reason": reason,
        }

    def begin(self) -> dict[str, Any]:
        """Return the chunk that names the role."""
        return self._delta({"role": "assistant", "content": ""})

    def piece(self, piece: Piece) -> dict[str, Any]:
        """Return a piece of a reply."""
        return self._delta({"content": piece.text}, piece.tokens)

    def end(self, reason: str) -> dict[str, Any]:
        """Return what comes after all pieces."""
        return {"delta": {}, "logprobs": None, "finish_reason": reason}

    def _delta(
        self, delta: dict[str, str], tokens: Sequence[TokenRecord] | None = None
    ) -> dict[str, Any]:
        logprobs = None if tokens is None else self._tokens(tokens)
        return {"delta": delta, "logprobs": logprobs, "finish_reason": None}

    def _tokens(self, tokens: Sequence[TokenRecord]) -> dict[str, Any] | None:
        if not self._has_tokens:
            return None
        entries = [
            self._token(one.token, one.logprob)
            | {"top_logprobs": [self._token(*other) for other in one.top]}
            for one in tokens
        ]
        return {"content": entries, "refusal": None}

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        data = self._bytes[token]
        return {"token": _show(data), "logprob": logprob, "bytes": list(data)}


class CompletionShape:
    """Replies of ``/v1/completions``.

    Args:
        token_bytes: the bytes of every token.
        has_tokens: whether tokens are told.
        echo: what each reply begins with.
    """

    whole = chunk = "text_completion"

    def __init__(self, token_bytes: Sequence[bytes], *, has_tokens: bool, echo: str = "") -> None:
        self._bytes, self._has_tokens, self._echo = token_bytes, has_tokens, echo
        self._offset = len(echo)

    def choice(self, reply: Collected, reason: str) -> dict[str, Any]:
        """Return a complete reply."""
        whole = self._part(self._echo + reply.text, reply.tokens)
        return whole | {"finish_reason": reason}

    def begin(self) -> dict[str, Any] | None:
        """Return the chunk with the prompt, if it belongs to the reply."""
        return self._part(self._echo, ()) if self._echo else None

    def piece(self, piece: Piece) -> dict[str, Any]:
        """Return a piece of a reply."""
        return self._part(piece.text, piece.tokens)

    def end(self, reason: str) -> dict[str, Any]:
        """Return what comes after all pieces."""
        return self._part("", ()) | {"finish_reason": reason}

    def _part(self, text: str, tokens: Sequence[TokenRecord]) -> dict[str, Any]:
        return {"text": text, "logprobs": self._tokens(tokens), "finish_reason": None}

    def _tokens(self, tokens: Sequence[TokenRecord]) -> dict[str, Any] | None:
        if not self._has_tokens:
            return None
        offsets: list[int] = []
        for one in tokens:
            offsets.append(self._offset)
            self._offset += len(_show(self._bytes[one.token]))
        return {
            "tokens": [self._name(one.token) for one in tokens],
            "token_logprobs": [one.logprob for one in tokens],
            "top_logprobs": [
                {self._name(token): logprob for token, logprob in one.top} for one in tokens
            ],
            "text_offset": offsets,
        }

    def _name(self, token: int) -> str:
        """Return a token's text; bytes that are none as the API writes them."""
        data = self._bytes[token]
        try:
            return data.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


class Envelope:
    """What all objects of one answer have in common.

    Args:
        name: of the model.
        prefix: of the answer's name.
    """

    def __init__(self, name: str, prefix: str) -> None:
        self._common = {
            "id": f"{prefix}-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": name,
        }

    def wrap(self, kind: str, choices: Sequence[dict[str, Any]], **others: Any) -> dict[str, Any]:
        """Return the object of these choices."""
        return {**self._common, "object": kind, "choices": list(choices), **others}


def count_usage(ends: Sequence[End], prompts: Sequence[int]) -> dict[str, Any]:
    """Return how many tokens an answer took.

    Args:
        ends: of all its replies.
        prompts: those of them whose prompts count: each prompt once.
    """
    read = sum(ends[number].prompt for number in prompts)
    written = sum(end.written for end in ends)
    known = sum(ends[number].known for number in prompts)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": known},
    }


def _show(data: bytes) -> str:
    return data.decode("utf-8", "replace")

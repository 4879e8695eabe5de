"""Replies that fit a JSON schema: which tokens may come next, through the package llguidance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llguidance
import numpy

from tilegrad.apps.serve.errors import ApiError

_FORM: Any = {
    # Without a bound on white space a reply could consist of nothing else.
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}
_LIMITS = {"max_grammar_size": 50_000, "max_lexer_states": 10_000, "step_max_items": 20_000}
"""States take 1 KB each, for every reply that waits. What people ask for makes less than 2000."""
ANY_OBJECT: dict[str, Any] = {"type": "object"}
"""The schema of any JSON object."""


class Grammars:
    """Makes constraints for the tokens of one model.

    Args:
        token_bytes: the bytes of every token.
        control: tokens that belong to no text.
        ends: tokens that end a reply.
        encode: returns the tokens of a text.
    """

    def __init__(
        self,
        token_bytes: Sequence[bytes],
        control: Sequence[int],
        ends: Sequence[int],
        encode: Callable[[str], list[int]],
    ) -> None:
        vocabulary = _Vocabulary(token_bytes, control, ends, encode)
        self._tokens = llguidance.LLTokenizer(
            llguidance.TokenizerWrapper(vocabulary),
            eos_token=list(ends),
            slices=llguidance.LLTokenizer.json_slices(),
        )

    def constrain(self, schema: dict[str, Any]) -> Constraint:
        """Return what keeps a reply to a schema.

        Raises:
            ApiError: the schema is damaged, too large, or uses what cannot be enforced.
        """
        try:
            grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=_FORM)
        except ValueError as error:
            raise _refuse(str(error)) from error
        limits = llguidance.LLParserLimits(verbose_errors=False, **_LIMITS)
        matcher = llguidance.LLMatcher(self._tokens, grammar, log_level=0, limits=limits)
        constraint = Constraint(matcher)
        # The first mask costs most: it is made here and not in the model's thread.
        constraint.allowed(0)
        return constraint


class Constraint:
    """What may come next in one reply."""

    def __init__(self, matcher: llguidance.LLMatcher) -> None:
        self._matcher = matcher
        self._check()

    def copy(self) -> Constraint:
        """Return the same for another reply."""
        return Constraint(self._matcher.deep_copy())

    @property
    def is_complete(self) -> bool:
        """Whether nothing more may come."""
        return self._matcher.is_stopped()

    def allowed(self, size: int) -> numpy.ndarray:
        """Return whether each token may come next, booleans of shape (size,).

        Raises:
            ApiError: that became too hard to find out.
        """
        packed = numpy.frombuffer(self._matcher.compute_bitmask(), numpy.uint8)
        self._check()
        bits = numpy.unpackbits(packed, bitorder="little")[:size].astype(numpy.bool_)
        return numpy.pad(bits, (0, size - len(bits)))

    def take(self, token: int) -> None:
        """Note the token that was chosen.

        Raises:
            ApiError: it may not come here.
        """
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise _refuse(self._matcher.get_error())


class _Vocabulary:
    """A tokeniser as llguidance wants to see it."""

    def __init__(
        self,
        token_bytes: Sequence[bytes],
        control: Sequence[int],
        ends: Sequence[int],
        encode: Callable[[str], list[int]],
    ) -> None:
        self.tokens, self.special_token_ids = list(token_bytes), list(control)
        self.eos_token_id, self.bos_token_id = min(ends), None
        self._encode = encode

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


def _refuse(message: str) -> ApiError:
    return ApiError(
        400,
        f"the JSON schema cannot be used: {message[:500]}",
        code="invalid_schema",
        param="response_format",
    )

"""Tokens one after the other: one captured step for every position, and one for chunks of a prompt.

What the model knows of the tokens so far stays in memory. A prompt that begins as they do is not
read again from its start: only what is new in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy

from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.apps.models.memory import Memory
from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import Tensor
from tilegrad.tensor.jit import jit
from tilegrad.tensor.size import SymbolicInteger, Variable

CHUNK = 32
"""Tokens of a prompt that are read at once; a shorter rest is filled up and the filling ignored."""


class Generator:
    """A model with a memory of the tokens that it has read.

    Args:
        model: predicts the next token.
        context: how many tokens there is room for.

    Attributes:
        tokens: those that are in memory.

    Raises:
        ArgumentError: the context is empty, or longer than the model was trained for.
    """

    def __init__(self, model: LanguageModel, context: int) -> None:
        longest = model.config.context
        if not 1 <= context <= longest:
            raise ArgumentError(
                "the model cannot keep so many tokens in mind",
                got=context,
                expected=f"from 1 to {longest}, for which it was trained",
            )
        self.context = context
        self.tokens: list[int] = []
        memory = Memory(model.config, context + CHUNK)
        self._position = Variable("position", 0, context)

        @jit
        def step(tokens: Tensor, position: SymbolicInteger, rows: Tensor) -> Tensor:
            return model(tokens, memory.reading(position, len(tokens)), rows).squeeze(0)

        self._step = step

    @property
    def room(self) -> int:
        """How many more tokens there is room for."""
        return self.context - len(self.tokens)

    def read(self, tokens: Sequence[int]) -> numpy.ndarray:
        """Read a whole text and return the logits of the token after it, shape (vocabulary,).

        Raises:
            ArgumentError: the text is empty or longer than the context.
        """
        if not 1 <= len(tokens) <= self.context:
            raise ArgumentError(
                "the text does not fit into the context",
                got=f"{len(tokens)} tokens",
                expected=f"1 to {self.context}",
                mend="shorten it, or choose a longer context",
            )
        known = _count_common(self.tokens, tokens)
        known = min(known, len(tokens) - 1)  # the last is read anew: its logits are wanted
        del self.tokens[known:]
        logits = numpy.empty(0, numpy.float32)
        for chunk in _divide(tokens[known:]):
            logits = self._run(chunk)
        return logits

    def add(self, token: int) -> numpy.ndarray:
        """Read one more token and return the logits of the one after it.

        Raises:
            ArgumentError: there is no room for it.
        """
        if self.room < 1:
            raise ArgumentError("the context is full", got=f"{self.context} tokens")
        return self._run([token])

    def _run(self, tokens: Sequence[int]) -> numpy.ndarray:
        position = self._position.bind(len(self.tokens))
        filled = tokens if len(tokens) == 1 else [*tokens, *[0] * (CHUNK - len(tokens))]
        row = _as_tensor([len(tokens) - 1])
        logits = self._step(_as_tensor(filled), position, row)  # type: ignore[arg-type]
        self.tokens += tokens
        return logits.numpy()


def _as_tensor(tokens: Sequence[int]) -> Tensor:
    return Tensor(numpy.array(tokens, numpy.int32), dtype=dtypes.int32)


def _divide(tokens: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield chunks of a text."""
    for start in range(0, len(tokens), CHUNK):
        yield tokens[start : start + CHUNK]


def _count_common(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many elements at the beginning are the same."""
    for count, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return count
    return min(len(first), len(second))

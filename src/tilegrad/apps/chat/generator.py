"""One sequence of tokens at a time: what a conversation needs of a decoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from tilegrad.apps.generation import Decoder, Model
from tilegrad.apps.generation import Sequence as Text
from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import DType, dtypes


class Generator:
    """A model with a memory of the tokens that it has read.

    A prompt that begins as one before is not read again from its start: what whole pages of memory
    hold of it is known.

    Args:
        model: predicts the next token.
        context: how many tokens there is room for.
        dtype: of the keys and values in memory.

    Attributes:
        decoder: what predicts.

    Raises:
        ArgumentError: the context is empty, or longer than the model was trained for.
    """

    def __init__(self, model: Model, context: int, dtype: DType = dtypes.float16) -> None:
        self.decoder = Decoder(model, context=context, dtype=dtype)
        self._sequence: Text | None = None

    @property
    def tokens(self) -> Sequence[int]:
        """The text so far."""
        return () if self._sequence is None else self._sequence.tokens

    @property
    def known(self) -> int:
        """How many tokens of the text that was read last were in memory already."""
        return 0 if self._sequence is None else self._sequence.known

    @property
    def room(self) -> int:
        """How many more tokens there is room for."""
        return self.decoder.context - len(self.tokens)

    def read(self, tokens: Sequence[int]) -> numpy.ndarray:
        """Read a whole text and return the logits of the token after it, shape (vocabulary,).

        Raises:
            ArgumentError: the text is empty or longer than the context.
        """
        if self._sequence is not None:
            self.decoder.close(self._sequence)
            self._sequence = None
        self._sequence = self.decoder.open(tokens)
        while (logits := self.decoder.read(self._sequence)) is None:
            pass
        return logits

    def add(self, token: int) -> numpy.ndarray:
        """Read one more token and return the logits of the one after it.

        Raises:
            ArgumentError: there is no room for it, or nothing has been read.
        """
        if self._sequence is None:
            raise ArgumentError("there is no text to add to", mend="read one")
        return self.decoder.step({self._sequence: token})[self._sequence]

"""What a decoder asks of a model."""

from __future__ import annotations

from typing import Protocol

from tilegrad.apps.models.memory import Reading, Sizes
from tilegrad.tensor import Tensor


class ModelSizes(Sizes, Protocol):
    """The sizes of a model that its use depends on."""

    @property
    def context(self) -> int:
        """The longest text that it was trained for."""
        ...

    @property
    def windows(self) -> tuple[int | None, ...]:
        """How many tokens back each block sees, itself included; None for all."""
        ...


class Model(Protocol):
    """What predicts tokens."""

    @property
    def config(self) -> ModelSizes:
        """Its sizes."""
        ...

    @property
    def independent_rows(self) -> int:
        """How many tokens a step may read for the logits of each to be what they are alone."""
        ...

    def __call__(self, tokens: Tensor, reading: Reading, rows: Tensor) -> Tensor:
        """Return the logits after some of the tokens, float32 of shape (rows, vocabulary)."""
        ...

"""What a language model remembers: the keys and values of the tokens that it has read.

A model sees its memory as a ``Reading``, one step's view of it, and does not know how it is kept.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy

from tilegrad.nn.state.mapped import wrap_arrays
from tilegrad.tensor import Tensor
from tilegrad.tensor.size import SymbolicInteger


class Sizes(Protocol):
    """The sizes of a model that its memory depends on."""

    @property
    def layers(self) -> int:
        """Number of blocks."""
        ...

    @property
    def key_heads(self) -> int:
        """Heads of keys and values."""
        ...

    @property
    def head_size(self) -> int:
        """Features of a head."""
        ...


class Reading(Protocol):
    """One step's view of the memory, for the tokens that the step reads."""

    @property
    def positions(self) -> Tensor:
        """The position of each token within its own sequence, int32 of shape (tokens,)."""
        ...

    def attend(
        self,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        scale: float,
        window: int | None = None,
        soft_cap: float | None = None,
    ) -> Tensor:
        """Remember new keys and values, then let each token attend to its sequence and itself.

        Args:
            layer: the number of the block.
            queries: of shape (tokens, heads, features).
            keys: of shape (tokens, key heads, features).
            values: of the same shape.
            scale: what the products of queries and keys are multiplied by.
            window: how many tokens back each one sees, itself included; None for all.
            soft_cap: what bounds the scaled products, as soft_cap·tanh(product / soft_cap).

        Returns:
            A tensor of the queries' shape.
        """
        ...


class Memory:
    """The keys and values of one sequence.

    Args:
        sizes: of the model.
        capacity: how many tokens there is room for.
    """

    def __init__(self, sizes: Sizes, capacity: int) -> None:
        self.capacity = capacity
        shape = (sizes.key_heads, capacity, sizes.head_size)
        # Zeros of NumPy take no memory until they are written.
        zeros = [numpy.zeros(shape, numpy.float32) for _ in range(2 * sizes.layers)]
        parts = wrap_arrays(zeros)
        self.keys, self.values = parts[: sizes.layers], parts[sizes.layers :]

    def reading(self, position: SymbolicInteger, count: int) -> Reading:
        """Return the view of a step that reads so many tokens from a position on."""
        return _ChunkReading(self, position, count)


class _ChunkReading:
    """Some tokens of one sequence that follow each other."""

    def __init__(self, memory: Memory, position: SymbolicInteger, count: int) -> None:
        self._memory, self._position, self._count = memory, position, count
        self.positions = Tensor.arange(count) + position

    def attend(
        self,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        scale: float,
        window: int | None = None,
        soft_cap: float | None = None,
    ) -> Tensor:
        """See ``Reading``."""
        all_keys, all_values = self._memory.keys[layer], self._memory.values[layer]
        end = self._position + self._count
        all_keys[:, self._position : end] = keys.transpose(0, 1)
        all_values[:, self._position : end] = values.transpose(0, 1)
        queries = queries.realize(all_keys, all_values)
        seen_keys, seen_values = (part[:, :end].unsqueeze(1) for part in (all_keys, all_values))
        query = queries.transpose(0, 1).unflatten(0, (len(all_keys), -1))
        scores = query @ seen_keys.transpose(-2, -1) * scale
        if soft_cap is not None:
            scores = (scores / soft_cap).tanh() * soft_cap
        if self._count > 1 or window is not None:
            column = Tensor.arange(self._memory.capacity)[:end]
            row = (Tensor.arange(self._count) + self._position).unsqueeze(1)
            mask = column <= row
            if window is not None:
                mask = mask & (column > row - window)
            scores = mask.where(scores, -math.inf)
        mixed = scores.softmax(-1) @ seen_values
        return mixed.flatten(0, 1).transpose(0, 1)

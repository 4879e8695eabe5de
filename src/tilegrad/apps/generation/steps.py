"""A model's captured steps: one for each number of tokens and of sequences.

When a step has read all weights, nothing of what Python needs is in the caches any more. So all
that Python does for a token is settled once a step has been captured: it fills arrays, and runs.
"""

from __future__ import annotations

from collections.abc import Sequence as Tokens

import numpy

from tilegrad.apps.generation.model import Model
from tilegrad.apps.generation.sequence import Sequence
from tilegrad.apps.models.memory import Memory
from tilegrad.tensor import Tensor
from tilegrad.tensor.bound_step import BoundStep
from tilegrad.tensor.jit import jit


class Steps:
    """The steps of a model.

    Args:
        model: predicts tokens.
        memory: its keys and values.
        most: pages of a sequence at most.
    """

    def __init__(self, model: Model, memory: Memory, most: int) -> None:
        @jit
        def step(tokens: Tensor, tables: Tensor, starts: Tensor, rows: Tensor) -> Tensor:
            reading = memory.reading(tables, starts, len(tokens) // len(tables))
            return model(tokens, reading, rows)

        self._step, self._most = step, most
        self._bound: dict[tuple[int, int, int], BoundStep] = {}

    def run(
        self,
        count: int,
        batch: int,
        tokens: Tokens[int],
        sequences: Tokens[Sequence],
        rows: Tokens[int],
    ) -> numpy.ndarray:
        """Read tokens, and return the logits of those that follow some of them.

        Args:
            count: how many tokens the step reads; those that are missing are 0.
            batch: of how many sequences, as many of each; missing ones remember nothing.
            tokens: of the sequences, one after the other.
            sequences: what the tokens are added to.
            rows: which tokens the logits are to follow.

        Returns:
            Logits, float32 of shape (rows, vocabulary).
        """
        key = (count, batch, len(rows))
        bound = self._bound.get(key)
        if bound is None:
            sizes = (count, (batch, self._most), batch, len(rows))
            given = tuple(numpy.zeros(size, numpy.int32) for size in sizes)
        else:
            given = bound.inputs
        _fill(given, tokens, sequences, rows)
        if bound is None:
            tensors = [Tensor(array) for array in given]
            bound = self._step.bind(*tensors)
            if bound is None:  # it is called for the first times, or on a device that interprets
                return self._step(*tensors).numpy()
            self._bound[key] = bound
        bound.run()
        return bound.outputs[0].copy()


def _fill(
    given: Tokens[numpy.ndarray],
    tokens: Tokens[int],
    sequences: Tokens[Sequence],
    rows: Tokens[int],
) -> None:
    """Write the arguments of a step."""
    read, tables, starts, wanted = given
    for array in (read, tables, starts):
        array.fill(0)
    read[: len(tokens)], wanted[:] = tokens, rows
    for number, sequence in enumerate(sequences):
        tables[number], starts[number] = sequence.table, sequence.position

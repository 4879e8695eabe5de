"""Embeddings."""

from __future__ import annotations

from tilegrad.base.errors import ArgumentError
from tilegrad.nn import init
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class Embedding(Module):
    """A row of a table for each index.

    Args:
        num_embeddings: how many rows the table has.
        embedding_dim: size of a row.
        padding_idx: index of a row that is zero at first and gets no gradient, or None.

    Attributes:
        weight: the table, shape (num_embeddings, embedding_dim), normal at first.

    Raises:
        ArgumentError: ``padding_idx`` is no row of the table.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None
    ) -> None:
        self.weight = init.normal((num_embeddings, embedding_dim))
        self.padding_idx = padding_idx
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ArgumentError(
                    "padding_idx is no row of the table",
                    got=padding_idx,
                    expected=f"less than {num_embeddings}",
                )
            self.padding_idx = padding_idx % num_embeddings
            rows = Tensor.arange(num_embeddings).unsqueeze(1)
            self.weight = (rows == self.padding_idx).where(0.0, self.weight)

    def __call__(self, index: Tensor) -> Tensor:
        """Return shape (*, embedding_dim) for integers of shape (*)."""
        rows = self.weight[index]
        if self.padding_idx is None:
            return rows
        return (index == self.padding_idx).unsqueeze(-1).where(rows.detach(), rows)

"""Embeddings: rows of a table, one for each index or one for each bag of indices."""

from __future__ import annotations

import math

from tilegrad.base.errors import ArgumentError
from tilegrad.nn import init
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import check_choice


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
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
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

    def forward(self, index: Tensor) -> Tensor:
        """Return shape (*, embedding_dim) for integers of shape (*)."""
        rows = self.weight[index]
        if self.padding_idx is None:
            return rows
        return (index == self.padding_idx).unsqueeze(-1).where(rows.detach(), rows)


class EmbeddingBag(Embedding):
    """The sum, mean or maximum of the rows of a table that each bag of indices names.

    Args:
        num_embeddings: how many rows the table has.
        embedding_dim: size of a row.
        mode: "sum", "mean" or "max".
        padding_idx: index that counts for nothing, or None.

    Attributes:
        weight: the table, shape (num_embeddings, embedding_dim), normal at first.

    Raises:
        ArgumentError: unknown mode, or ``padding_idx`` is no row of the table.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        mode: str = "mean",
        padding_idx: int | None = None,
    ) -> None:
        check_choice("mode", mode, ("sum", "mean", "max"))
        super().__init__(num_embeddings, embedding_dim, padding_idx)
        self.mode = mode

    def forward(self, index: Tensor, per_sample_weights: Tensor | None = None) -> Tensor:
        """Return shape (bags, embedding_dim) for integers of shape (bags, indices).

        Args:
            index: the indices of each bag.
            per_sample_weights: factor of each row, of the same shape; for the mode "sum".
        """
        rows = super().forward(index)
        if per_sample_weights is not None:
            rows = rows * per_sample_weights.unsqueeze(-1)
        if self.padding_idx is None:
            return {"sum": Tensor.sum, "mean": Tensor.mean, "max": Tensor.max}[self.mode](rows, 1)
        is_counted = (index != self.padding_idx).unsqueeze(-1)
        if self.mode == "max":
            greatest = is_counted.where(rows, -math.inf).max(1)
            return is_counted.any(1).where(greatest, 0.0)
        total = is_counted.where(rows, 0.0).sum(1)
        return total if self.mode == "sum" else total / is_counted.sum(1).clamp(1).cast(rows.dtype)

"""Distances between tensors, and between the rows of matrices, by p-norms."""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import ShapeError
from tilegrad.tensor.arguments import as_integer, resolve_axis
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.folding import Folding


class Distances(Folding):
    """``dist``, ``cdist``, ``pdist``, ``pairwise_distance`` and ``renorm``."""

    __slots__ = ()

    def pairwise_distance(
        self, other: Self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
    ) -> Self:
        """Return the p-norm of self - other + eps along the last axis."""
        return (self - other + eps).norm(p, -1, keepdim)

    def renorm(self, p: float, dim: int, maxnorm: float) -> Self:
        """Return the parts along an axis, those of a greater p-norm scaled down to ``maxnorm``."""
        axis = resolve_axis(dim, self.ndim)
        others = tuple(one for one in range(self.ndim) if one != axis)
        length = self.norm(p, others, keepdim=True)
        return self * (length > maxnorm).where(maxnorm / (length + 1e-7), 1.0)

    def dist(self, other: Self, p: float = 2.0) -> Self:
        """Return the p-norm of the difference."""
        return (self - other).norm(p)

    def cdist(self, other: Self, p: float = 2.0) -> Self:
        """Return the distances (.., m, n) of rows (.., m, d) from rows (.., n, d), by the p-norm.

        Raises:
            ShapeError: the rows differ in length.
        """
        if self.ndim < 2 or other.ndim < 2 or self.shape[-1] != other.shape[-1]:
            raise ShapeError(
                "cdist: the rows differ in length",
                got=f"{show_shape(self.node.shape)} and {show_shape(other.node.shape)}",
            )
        return (self.unsqueeze(-2) - other.unsqueeze(-3)).norm(p, -1)

    def pdist(self, p: float = 2.0) -> Self:
        """Return the distances of each row of a matrix from all later ones."""
        count = as_integer(self.shape[0], "the rows")
        first = [i for i in range(count) for _ in range(i + 1, count)]
        second = [j for i in range(count) for j in range(i + 1, count)]
        return (self[first] - self[second]).norm(p, -1)

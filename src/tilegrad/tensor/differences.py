"""Differences of neighbours along an axis, and integrals of samples: what running sums undo."""

from __future__ import annotations

from typing import Self

from tilegrad.tensor.arguments import resolve_axis
from tilegrad.tensor.cumulative import Cumulative


class Differences(Cumulative):
    """``diff`` and the trapezoidal rule."""

    __slots__ = ()

    def diff(
        self, n: int = 1, dim: int = -1, prepend: Self | None = None, append: Self | None = None
    ) -> Self:
        """Return the differences of neighbours along an axis, taken n times; of bools, whether any.

        Args:
            n: how often.
            dim: the axis.
            prepend: what comes before the elements along the axis, or None.
            append: what comes after them, or None.
        """
        axis = resolve_axis(dim, self.ndim)
        if n == 0:
            return self
        found = type(self).cat(
            [one for one in (prepend, self, append) if one is not None], dim=axis
        )
        for _ in range(n):
            size = found.shape[axis]
            if size == 0:
                return found
            left, right = found.narrow(axis, 0, size - 1), found.narrow(axis, 1, size - 1)
            found = right != left if self.dtype.is_boolean else right - left
        return found

    def trapezoid(self, x: Self | None = None, dx: float = 1.0, dim: int = -1) -> Self:
        """Return the integral of samples along an axis, by the trapezoidal rule.

        Args:
            x: where the samples are; ``dx`` apart if None.
            dx: their distance.
            dim: the axis.
        """
        return self._areas(x, dx, dim).sum(dim)

    def cumulative_trapezoid(self, x: Self | None = None, dx: float = 1.0, dim: int = -1) -> Self:
        """Return the integrals up to each sample but the first; see ``trapezoid``."""
        return self._areas(x, dx, dim).cumsum(dim)

    def _areas(self, x: Self | None, dx: float, dim: int) -> Self:
        axis = resolve_axis(dim, self.ndim)
        size = self.shape[axis]
        if size == 0:
            return self * (dx / 2.0)
        pairs = self.narrow(axis, 0, size - 1) + self.narrow(axis, 1, size - 1)
        if x is None:
            return pairs * (dx / 2.0)
        width = x.diff(dim=-1 if x.ndim == 1 else axis)
        if x.ndim == 1:
            width = width.reshape(-1, *(1 for _ in self.shape[axis + 1 :]))
        return pairs * width / 2.0

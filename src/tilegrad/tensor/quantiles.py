"""Statistics by order, without NaN, and of pairs of variables."""

from __future__ import annotations

import math
from typing import Self

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.movement import filled
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import Axes, as_integer, check_choice, resolve_axis
from tilegrad.tensor.base import as_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.margin_loss import MarginLoss

INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")


class Quantiles(MarginLoss):
    """Quantiles, ranks, histograms and covariances."""

    __slots__ = ()

    def nansum(self, axis: Axes = None, keepdim: bool = False, *, dim: Axes = None) -> Self:
        """Return the sum of what is not NaN."""
        return self.isnan().where(0, self).sum(axis if dim is None else dim, keepdim)

    def nanmean(self, axis: Axes = None, keepdim: bool = False, *, dim: Axes = None) -> Self:
        """Return the mean of what is not NaN; NaN if there is nothing else."""
        axes = axis if dim is None else dim
        count = self.isnan().logical_not().cast(as_float(self.node).dtype).sum(axes, keepdim)
        return self.nansum(axes, keepdim) / count

    def quantile(
        self,
        q: float | Self,
        dim: int | None = None,
        keepdim: bool = False,
        interpolation: str = "linear",
    ) -> Self:
        """Return the values below which shares of the elements lie; NaN where there is a NaN.

        Args:
            q: a share in [0, 1], or a vector of them: their results come along a new first axis.
            dim: the axis; all elements together if None.
            keepdim: whether the axis remains with size 1.
            interpolation: what to take between two elements: "linear", "lower", "higher",
                "nearest" or "midpoint".

        Raises:
            ArgumentError: unknown interpolation, or there are no elements.
        """
        found = self._quantile(q, dim, keepdim, interpolation)
        return self.isnan().any(dim, keepdim).where(math.nan, found)

    def nanquantile(
        self,
        q: float | Self,
        dim: int | None = None,
        keepdim: bool = False,
        interpolation: str = "linear",
    ) -> Self:
        """Return ``quantile`` of what is not NaN; NaN if there is nothing else."""
        return self._quantile(q, dim, keepdim, interpolation)

    def _quantile(
        self, q: float | Self, dim: int | None, keepdim: bool, interpolation: str
    ) -> Self:
        check_choice("interpolation", interpolation, INTERPOLATIONS)
        if dim is None:
            flat = self.flatten()._quantile(q, 0, False, interpolation)  # noqa: SLF001
            return flat.reshape(*flat.shape, *(1 for _ in self.shape)) if keepdim else flat
        axis = resolve_axis(dim, self.ndim)
        rows = self.movedim(axis, -1)
        size = as_integer(rows.shape[-1], "the axis of a quantile")
        if size == 0:
            raise ArgumentError("quantile: there are no elements", got=show_shape(self.node.shape))
        shares = q if isinstance(q, Quantiles) else self._number(q)
        ordered, _ = rows.sort(-1)
        last = rows.isnan().logical_not().cast(rows.dtype).sum(-1, keepdim=True) - 1.0
        place = last * shares.cast(rows.dtype).reshape(*(1 for _ in rows.shape[1:]), -1)
        found = _between(ordered, place.clamp(0.0), interpolation)
        found = (last < 0.0).where(math.nan, found)
        first = found.movedim(-1, 0)
        first = first.unsqueeze(axis + 1) if keepdim else first
        return first if isinstance(q, Quantiles) and q.ndim else first.squeeze(0)

    def _number(self, value: float) -> Self:
        return self.with_node(self.as_operand(float(value), as_float(self.node).dtype))

    def nanmedian(self, dim: int | None = None, keepdim: bool = False) -> Self:
        """Return the median of what is not NaN: of two in the middle, the lesser."""
        return self.nanquantile(0.5, dim, keepdim, "lower")

    def aminmax(self, dim: int | None = None, keepdim: bool = False) -> tuple[Self, Self]:
        """Return the least and the greatest elements."""
        return self.min(dim, keepdim), self.max(dim, keepdim)

    def searchsorted(self, values: Self, right: bool = False) -> Self:
        """Return where values would be put into this ascending last axis, as int64.

        Args:
            values: numbers; with several axes, their rows are looked for in the rows of this.
            right: whether after equal elements rather than before.
        """
        size = as_integer(self.shape[-1], "the axis of searchsorted")
        wanted = values.flatten() if self.ndim == 1 else values
        place = self.with_node(filled(0, dtypes.int64, wanted.node.shape))
        step = 1 << size.bit_length() >> 1
        while step:  # halves what is left, for all values at once
            last = place + (step - 1)
            element = self.take_along_axis(last.clamp(max=size - 1), -1)
            is_before = element <= wanted if right else element < wanted
            place = (is_before & (last < size)).where(place + step, place)
            step >>= 1
        return place.reshape_as(values)

    def bucketize(self, boundaries: Self, right: bool = False) -> Self:
        """Return the number of the interval between ascending boundaries for each element."""
        return boundaries.searchsorted(self, right)

    def histc(self, bins: int = 100, min: float = 0.0, max: float = 0.0) -> Self:
        """Return how many elements lie in each of equal intervals, in this float dtype.

        Args:
            bins: how many intervals.
            min: where the first begins.
            max: where the last ends, itself in it; the elements' own range if that equals ``min``.
        """
        flat = self.with_node(as_float(self.node)).flatten()
        if min == max and flat.shape[0] != 0:
            low, high = flat.min(), flat.max()
            low, high = (low == high).where(low - 1.0, low), (low == high).where(high + 1.0, high)
        else:
            low, high = self._number(min), self._number(max)
        place = ((flat - low) / (high - low) * float(bins)).floor().clamp(0, bins - 1)
        is_inside = (flat >= low).logical_and(flat <= high)
        number = nodes.positions(bins, flat.dtype, 2, 0)
        hits = (flat.with_node(number) == place.unsqueeze(0)).logical_and(is_inside.unsqueeze(0))
        return hits.cast(flat.dtype).sum(1)

    def isin(self, elements: Self) -> Self:
        """Return for each element whether it is among others."""
        return (self.unsqueeze(-1) == elements.flatten()).any(-1)

    def cov(self, correction: int = 1) -> Self:
        """Return the covariances of variables (rows) over observations (columns).

        They are NaN or ±∞ if there are no more observations than the correction.
        """
        rows = self if self.ndim == 2 else self.reshape(1, -1)
        centred = rows - rows.mean(1, keepdim=True)
        count = as_integer(rows.shape[1], "the observations")
        found = centred @ centred.transpose() / float(max(count - correction, 0))
        return found if self.ndim == 2 else found.reshape(())

    def corrcoef(self) -> Self:
        """Return the correlations of variables (rows) over observations (columns)."""
        found = self.cov()
        if not found.ndim:
            return found / found
        scale = found.diagonal().sqrt()
        return (found / scale.unsqueeze(0) / scale.unsqueeze(1)).clamp(-1.0, 1.0)


def _between(ordered: Quantiles, place: Quantiles, interpolation: str) -> Quantiles:
    """Return elements of ordered rows at places that need not be whole."""
    low, high = place.floor(), place.ceil()
    if interpolation == "lower":
        high = low
    elif interpolation == "higher":
        low = high
    elif interpolation == "nearest":
        low = high = place.round()
    share = place - low
    if interpolation == "midpoint":
        share = (share > 0).where(0.5, share)
    first = ordered.take_along_axis(low.cast(dtypes.int64), -1)
    second = ordered.take_along_axis(high.cast(dtypes.int64), -1)
    return (low == high).where(first, first + share * (second - first))

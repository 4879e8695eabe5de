"""Running sums, products, maxima and minima along an axis.

Sums and products of bools and integers have dtype int64 (uint64 for uint64), as in PyTorch.
"""

from __future__ import annotations

from typing import Self

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import comparison, scan
from tilegrad.ops.bounds import bounds
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.scan import Kind, ScanAttributes
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import DTypeLike, resolve_axis, resolve_dtype
from tilegrad.tensor.base import as_float
from tilegrad.tensor.functions import add_in_logarithms
from tilegrad.tensor.padding import pad_with_value
from tilegrad.tensor.reduction import sum_dtype
from tilegrad.tensor.size import Index
from tilegrad.tensor.sorting import Sorting


class Cumulative(Sorting):
    """Scans."""

    __slots__ = ()

    def cumsum(
        self, axis: int = 0, *, dim: int | None = None, dtype: DTypeLike | None = None
    ) -> Self:
        """Return the running sums along an axis.

        Args:
            axis: the axis.
            dim: the same as ``axis``.
            dtype: dtype to compute in and to return.
        """
        return self._sum_up("add", axis if dim is None else dim, dtype)

    def cumprod(
        self, axis: int = 0, *, dim: int | None = None, dtype: DTypeLike | None = None
    ) -> Self:
        """Return the running products along an axis; see ``cumsum``."""
        return self._sum_up("multiply", axis if dim is None else dim, dtype)

    def _sum_up(self, kind: Kind, axis: int, dtype: DTypeLike | None) -> Self:
        node = self.node
        wanted = sum_dtype(node.dtype) if dtype is None else resolve_dtype(dtype)
        if not node.shape and axis in (0, -1):
            return self.cast(wanted)
        place = resolve_axis(axis, len(node.shape))
        node = intern(scan.scan, (cast_to(node, wanted),), ScanAttributes(place, kind))
        return self.with_node(node)

    def cummax(self, axis: int = 0, *, dim: int | None = None) -> tuple[Self, Self]:
        """Return the running maxima along an axis, and where the last of each was found (int64)."""
        return self._extreme_so_far("maximum", axis if dim is None else dim)

    def cummin(self, axis: int = 0, *, dim: int | None = None) -> tuple[Self, Self]:
        """Return the running minima along an axis, and where the last of each was found (int64)."""
        return self._extreme_so_far("minimum", axis if dim is None else dim)

    def _extreme_so_far(self, kind: Kind, axis: int) -> tuple[Self, Self]:
        node = self.node
        place = resolve_axis(axis, len(node.shape))
        values = intern(scan.scan, (node,), ScanAttributes(place, kind))
        is_new = intern(comparison.equal, (node, values))
        if node.dtype.is_float:
            is_new = is_new | intern(comparison.is_nan, (node,))
        number = nodes.positions(node.shape[place], dtypes.int64, len(node.shape), place)
        found = nodes.where(is_new, number, constant(0, dtypes.int64))
        places = intern(scan.scan, (found,), ScanAttributes(place, "maximum"))
        return self.with_node(values), self.with_node(places)

    def logcumsumexp(self, axis: int = 0, *, dim: int | None = None) -> Self:
        """Return the logarithms of the running sums of eˣ along an axis, without undue overflow.

        Found by doubling: after each step every element holds the sum of twice as many.
        """
        source = as_float(self.node)
        place = resolve_axis(axis if dim is None else dim, len(source.shape))
        node = nodes.widen(source)
        size, step = node.shape[place], 1
        while step < bounds(size)[1]:
            node = add_in_logarithms(node, _delay(node, place, step))
            step *= 2
        return self.with_node(cast_to(node, source.dtype))


def _delay(node: Node, axis: int, step: int) -> Node:
    """Return node[.., i - step, ..], with -∞ before the beginning."""
    size = node.shape[axis]
    padding: list[tuple[Index, Index]] = [(0, 0)] * len(node.shape)
    padding[axis] = (step, 0)
    # Cut after padding: so the size is the same, not only equal, where it is symbolic.
    return nodes.shrink_axis(pad_with_value(node, tuple(padding), -float("inf")), axis, 0, size)

"""Sorting, and what follows from it. NaN counts as greater than every number and comes last."""

from __future__ import annotations

from typing import Self

import numpy

from tilegrad.base.errors import ArgumentError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import indexing, sorting, symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import filled, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import resolve_axis
from tilegrad.tensor.scattering import Scattering


class Sorting(Scattering):
    """``sort``, ``argsort``, ``topk``, ``unique``, medians."""

    __slots__ = ()

    def argsort(self, dim: int = -1, descending: bool = False, *, axis: int | None = None) -> Self:
        """Return the positions along an axis that put the elements in order, as int64.

        Equal elements keep their order.

        Args:
            dim: the axis.
            descending: whether the greatest comes first.
            axis: the same as ``dim``.
        """
        return self.with_node(self._order(dim if axis is None else axis, descending))

    def _order(self, dim: int, descending: bool, count: int | None = None) -> Node:
        place = resolve_axis(dim, len(self.node.shape))
        attributes = sorting.ArgsortAttributes(place, descending, count)
        return intern(sorting.argsort, (self.node,), attributes)

    def sort(
        self, dim: int = -1, descending: bool = False, *, axis: int | None = None
    ) -> tuple[Self, Self]:
        """Return the elements in order along an axis, and their positions before (int64).

        Of equal elements the first stays first, but of zeros, as elements, -0 comes before +0.

        Args:
            dim: the axis.
            descending: whether the greatest comes first.
            axis: the same as ``dim``.
        """
        chosen = dim if axis is None else axis
        place = resolve_axis(chosen, len(self.node.shape))
        attributes = sorting.SortAttributes(place, descending)
        values = intern(sorting.sort, (self.node,), attributes)
        return self.with_node(values), self.with_node(self._order(place, descending))

    def topk(
        self,
        k: int,
        dim: int = -1,
        largest: bool = True,
        sorted_: bool = True,
        *,
        axis: int | None = None,
    ) -> tuple[Self, Self]:
        """Return the k greatest (or least) elements along an axis in order, and their positions.

        Args:
            k: how many.
            dim: the axis.
            largest: whether the greatest are wanted, or the least.
            sorted_: accepted for PyTorch's sake; the elements are always in order.
            axis: the same as ``dim``.

        Raises:
            ArgumentError: k is negative or greater than the axis.
        """
        del sorted_
        place = resolve_axis(dim if axis is None else axis, len(self.node.shape))
        size = self.node.shape[place]
        if k < 0 or symbolic.less(size, k) is True:
            raise ArgumentError("topk: k is out of range", got=k, expected=f"from 0 to {size}")
        order = self._order(place, largest, None if k == size else k)
        return self.with_node(indexing.gather_along(self.node, order, place)), self.with_node(order)

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Self, Self]:
        """Return the k-th least element (from 1) along an axis, and its position."""
        place = resolve_axis(dim, len(self.node.shape))
        size = self.node.shape[place]
        if k < 1 or symbolic.less(size, k) is True:
            raise ArgumentError("kthvalue: k is out of range", got=k, expected=f"from 1 to {size}")
        order = nodes.shrink_axis(self._order(place, False), place, k - 1, k)
        pair = (indexing.gather_along(self.node, order, place), order)
        first, second = pair if keepdim else (nodes.drop_axes(node, (place,)) for node in pair)
        return self.with_node(first), self.with_node(second)

    def median(self, dim: int | None = None, keepdim: bool = False) -> Self | tuple[Self, Self]:
        """Return the median: of two in the middle, the lesser.

        Without ``dim`` it is the value over all elements, with it a pair of values and positions.
        """
        if dim is None:
            count = symbolic.multiply_all(self.node.shape)
            flat = self.with_node(reshape_to(self.node, (count,)))
            return flat.median(0)[0]
        place = resolve_axis(dim, len(self.node.shape))
        size = self.node.shape[place]
        if not isinstance(size, int) or size == 0:
            raise ArgumentError("median needs a known size of 1 or more", got=size)
        return self.kthvalue((size + 1) // 2, place, keepdim)

    def unique(
        self, return_inverse: bool = False, return_counts: bool = False
    ) -> Self | tuple[Self, ...]:
        """Return the different elements in ascending order, as one axis.

        The tensor is realised, as the size depends on its elements.

        Args:
            return_inverse: whether to return where among them each element is (int64).
            return_counts: whether to return how often each occurs (int64).
        """
        count = symbolic.multiply_all(self.node.shape)
        flat = self.with_node(reshape_to(self.node, (count,)))
        values, order = flat.sort()
        is_first = numpy.concatenate([[True], (values[1:] != values[:-1]).numpy()])[: len(flat)]
        starts = numpy.flatnonzero(is_first)
        results = [values[starts]]
        session = current_session()
        if return_inverse:
            number = session.from_numpy(numpy.cumsum(is_first, dtype=numpy.int64) - 1, self.device)
            base = self.with_node(filled(0, dtypes.int64, (count,)))
            inverse = base.scatter(0, order, self.with_node(number))
            results.append(self.with_node(reshape_to(inverse.node, self.node.shape)))
        if return_counts:
            counts = numpy.diff(numpy.append(starts, is_first.size)).astype(numpy.int64)
            results.append(self.with_node(session.from_numpy(counts, self.device)))
        return results[0] if len(results) == 1 else tuple(results)

    def bincount(self, minlength: int = 0) -> Self:
        """Return how often each of 0, 1, 2 .. occurs, as int64; the size depends on the elements.

        Raises:
            ArgumentError: an element is negative.
        """
        values = self.numpy()
        if values.size and values.min() < 0:
            raise ArgumentError("bincount needs numbers of 0 or more", got=values.min())
        size = max(minlength, int(values.max()) + 1 if values.size else 0)
        base = self.with_node(filled(0, dtypes.int64, (size,)))
        flat = self.with_node(cast_to(self.node, dtypes.int64)).flatten()
        return base.scatter(0, flat, 1, "add")

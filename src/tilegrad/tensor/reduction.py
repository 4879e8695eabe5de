"""Reductions along axes.

Sums and products of bools and integers have dtype int64 (uint64 for uint64), as in PyTorch. Floats
keep their dtype; those narrower than 32 bits accumulate in float32 and are rounded once. A NaN
among the elements makes sums, products, maxima and minima NaN. Every method takes ``axis`` (or
``dim``): one axis, several, or None for all; the axes are dropped unless ``keepdim`` is set.
"""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op
from tilegrad.ops import comparison, reduction, symbolic
from tilegrad.ops.affine import as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import Axes, DTypeLike, resolve_axes, resolve_axis, resolve_dtype
from tilegrad.tensor.movement import Movement


class Reduction(Movement):
    """Sums, products, extremes and their places, tests of all elements."""

    __slots__ = ()

    def _reduce(self, op: Op, node: Node, axes: tuple[int, ...], keepdim: bool) -> Self:
        reduced = nodes.reduce(op, node, axes)
        return self.with_node(reduced if keepdim else nodes.drop_axes(reduced, axes))

    def sum(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        dtype: DTypeLike | None = None,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the sum; 0 of nothing.

        Args:
            axis: axis or axes; all for None.
            keepdim: whether the axes remain with size 1.
            dtype: dtype to compute in and to return.
            dim: the same as ``axis``.
            keepdims: the same as ``keepdim``.
        """
        node = self.node
        axes = resolve_axes(axis if dim is None else dim, len(node.shape))
        node = cast_to(node, sum_dtype(node.dtype) if dtype is None else resolve_dtype(dtype))
        return self._reduce(reduction.reduce_sum, node, axes, keepdim or keepdims)

    def prod(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        dtype: DTypeLike | None = None,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the product; 1 of nothing. The arguments are those of ``sum``."""
        node = self.node
        axes = resolve_axes(axis if dim is None else dim, len(node.shape))
        node = cast_to(node, sum_dtype(node.dtype) if dtype is None else resolve_dtype(dtype))
        return self._reduce(reduction.reduce_product, node, axes, keepdim or keepdims)

    def max(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the greatest element; NaN if there is one.

        Raises:
            ShapeError: there is no element.
        """
        axes = self._extreme_axes("max", axis if dim is None else dim)
        return self._reduce(reduction.reduce_maximum, self.node, axes, keepdim or keepdims)

    def min(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the least element; NaN if there is one.

        Raises:
            ShapeError: there is no element.
        """
        axes = self._extreme_axes("min", axis if dim is None else dim)
        return self._reduce(reduction.reduce_minimum, self.node, axes, keepdim or keepdims)

    def _extreme_axes(self, name: str, axis: Axes) -> tuple[int, ...]:
        shape = self.node.shape
        axes = resolve_axes(axis, len(shape))
        if any(shape[i] == 0 for i in axes):
            raise ShapeError(
                f"{name} of no elements",
                got=f"shape {shape}, axes {axes}",
                expected="at least one element along the axes",
            )
        return axes

    def any(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return whether any element is not zero; False of nothing."""
        axes = resolve_axes(axis if dim is None else dim, len(self.node.shape))
        node = cast_to(self.node, dtypes.bool)
        return self._reduce(reduction.reduce_maximum, node, axes, keepdim or keepdims)

    def all(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return whether no element is zero; True of nothing."""
        axes = resolve_axes(axis if dim is None else dim, len(self.node.shape))
        node = cast_to(self.node, dtypes.bool)
        return self._reduce(reduction.reduce_minimum, node, axes, keepdim or keepdims)

    def allclose(
        self, other: Movement, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> Self:
        """Return whether all elements are close, as a bool scalar; see ``isclose``."""
        close = self.isclose(other, rtol, atol, equal_nan)
        return close.all()

    def count_nonzero(self, axis: Axes = None, *, dim: Axes = None) -> Self:
        """Return how many elements are not zero, as int64."""
        axes = resolve_axes(axis if dim is None else dim, len(self.node.shape))
        node = cast_to(cast_to(self.node, dtypes.bool), dtypes.int64)
        return self._reduce(reduction.reduce_sum, node, axes, False)

    def argmax(
        self,
        axis: int | None = None,
        keepdim: bool = False,
        *,
        dim: int | None = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the first position of the greatest element (of NaN, if there is one), as int64.

        Args:
            axis: the axis; None counts through the flattened tensor.
            keepdim: whether the axis remains with size 1.
            dim: the same as ``axis``.
            keepdims: the same as ``keepdim``.

        Raises:
            ShapeError: there is no element.
        """
        chosen = axis if dim is None else dim
        return self._find(reduction.reduce_maximum, chosen, keepdim or keepdims)

    def argmin(
        self,
        axis: int | None = None,
        keepdim: bool = False,
        *,
        dim: int | None = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the first position of the least element; see ``argmax``."""
        chosen = axis if dim is None else dim
        return self._find(reduction.reduce_minimum, chosen, keepdim or keepdims)

    def _find(self, op: Op, axis: int | None, keepdim: bool) -> Self:
        node = self.node
        rank = len(node.shape)
        if axis is None:
            node = reshape_to(node, (symbolic.multiply_all(node.shape),))
        place = 0 if axis is None else resolve_axis(axis, rank)
        size = node.shape[place]
        if size == 0:
            raise ShapeError("argmax or argmin of no elements", got=f"shape {self.node.shape}")
        extreme = nodes.reduce(op, node, (place,))
        found = intern(comparison.equal, (node, extreme))
        if node.dtype.is_float:
            found = found | intern(comparison.is_nan, (node,))
        # Positions of 32 bits are as wide as most elements, so that one vector holds as many.
        kind = dtypes.int32 if bounds(as_node(size))[1] <= dtypes.int32.maximum else dtypes.int64
        number = nodes.positions(size, kind, len(node.shape), place)
        beyond = constant(kind.maximum, kind)
        first = nodes.reduce(reduction.reduce_minimum, nodes.where(found, number, beyond), (place,))
        first = cast_to(first, dtypes.int64)
        if axis is None:
            return self.with_node(reshape_to(first, (1,) * rank if keepdim else ()))
        return self.with_node(first if keepdim else nodes.drop_axes(first, (place,)))

    amax = max  # noqa: A003 - the methods are meant
    amin = min  # noqa: A003


def sum_dtype(dtype: DType) -> DType:
    """Return the dtype of a sum or product of elements of a dtype."""
    return dtype if dtype.is_float or dtype is dtypes.uint64 else dtypes.int64

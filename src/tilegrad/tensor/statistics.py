"""Means, variances and standard deviations. Integers and bools give float32."""

from __future__ import annotations

from typing import Self

from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import Axes, DTypeLike, resolve_axes, resolve_dtype
from tilegrad.tensor.base import as_float
from tilegrad.tensor.powers import root
from tilegrad.tensor.reduction import Reduction
from tilegrad.tensor.size import Index


class Statistics(Reduction):
    """Moments along axes."""

    __slots__ = ()

    def mean(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        dtype: DTypeLike | None = None,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the mean; NaN of nothing. Integers and bools give float32."""
        node = self.node if dtype is None else cast_to(self.node, resolve_dtype(dtype))
        axes = resolve_axes(axis if dim is None else dim, len(node.shape))
        node = as_float(node)
        mean = cast_to(mean_of(nodes.widen(node), axes), node.dtype)
        kept = keepdim or keepdims
        return self.with_node(mean if kept else nodes.drop_axes(mean, axes))

    def var(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        correction: float = 1,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the variance: Σ(x - mean)² / (n - correction).

        Args:
            axis: axis or axes; all for None.
            keepdim: whether the axes remain with size 1.
            correction: 1 gives the unbiased estimate, 0 the variance of the elements themselves.
            dim: the same as ``axis``.
            keepdims: the same as ``keepdim``.
        """
        variance, _ = self.var_mean(axis if dim is None else dim, keepdim or keepdims, correction)
        return variance

    def var_mean(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        correction: float = 1,
        *,
        dim: Axes = None,
    ) -> tuple[Self, Self]:
        """Return variance and mean, with the arguments of ``var``."""
        axes = resolve_axes(axis if dim is None else dim, len(self.node.shape))
        source = as_float(self.node)
        node = nodes.widen(source)
        mean = mean_of(node, axes)
        variance = variance_of(node, mean, axes, correction)
        pair = (cast_to(variance, source.dtype), cast_to(mean, source.dtype))
        first, second = pair if keepdim else (nodes.drop_axes(node, axes) for node in pair)
        return self.with_node(first), self.with_node(second)

    def std(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        correction: float = 1,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return the standard deviation, the root of ``var``."""
        deviation, _ = self.std_mean(axis if dim is None else dim, keepdim or keepdims, correction)
        return deviation

    def std_mean(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        correction: float = 1,
        *,
        dim: Axes = None,
    ) -> tuple[Self, Self]:
        """Return standard deviation and mean, with the arguments of ``var``."""
        variance, mean = self.var_mean(axis if dim is None else dim, keepdim, correction)
        return self.with_node(root(variance.node)), mean


def count_along(shape: tuple[Index, ...], axes: tuple[int, ...]) -> Index:
    """Return the number of elements along some axes."""
    return symbolic.multiply_all(shape[axis] for axis in axes)


def divide_by_count(node: Node, count: Index) -> Node:
    """Return a float node divided by a number of elements (nothing by nothing is NaN)."""
    if isinstance(count, Node):
        return node / cast_to(count, node.dtype)
    return node * (1.0 / count) if count and count & (count - 1) == 0 else node / count


def mean_of(node: Node, axes: tuple[int, ...]) -> Node:
    """Return the mean along axes, which remain with size 1, of a float node."""
    return divide_by_count(nodes.reduce_sum(node, axes), count_along(node.shape, axes))


def variance_of(node: Node, mean: Node, axes: tuple[int, ...], correction: float = 0) -> Node:
    """Return Σ(x - mean)² / (n - correction) along axes, which remain with size 1.

    Where n is not above the correction the result is NaN, or ∞, as in NumPy.
    """
    difference = node - mean
    total = nodes.reduce_sum(difference * difference, axes)
    count = count_along(node.shape, axes)
    if isinstance(count, Node):
        remaining = cast_to(count, node.dtype) - float(correction)
        return total / nodes.where(remaining < 0.0, constant(0.0, node.dtype), remaining)
    if correction == 0:
        return divide_by_count(total, count)
    return total / max(0.0, count - correction)

"""Softmax and its relatives. Floats narrower than 32 bits are computed in float32."""

from __future__ import annotations

from typing import Self

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, intern
from tilegrad.ops import comparison, exponential, graph, reduction
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import Axes, DTypeLike, resolve_axes, resolve_axis, resolve_dtype
from tilegrad.tensor.base import as_float
from tilegrad.tensor.pooling import Pooling


class Softmax(Pooling):
    """Softmax, its logarithm, and logarithms of sums of exponentials."""

    __slots__ = ()

    def softmax(
        self, axis: int = -1, dtype: DTypeLike | None = None, *, dim: int | None = None
    ) -> Self:
        """Return eˣ / Σ eˣ along an axis, as eˣ · (1 / Σ eˣ): one division a row.

        Args:
            axis: the axis.
            dtype: dtype to compute in and to return; by default the tensor's (float32 for
                integers).
            dim: the same as ``axis``.
        """
        node, axes, wanted = self._prepare(axis if dim is None else dim, dtype)
        exponentials = intern(exponential.exp, (node - _greatest(node, axes),))
        total = nodes.reduce_sum(exponentials, axes)
        return self.with_node(cast_to(exponentials * (1.0 / total), wanted))

    def softmin(
        self, axis: int = -1, dtype: DTypeLike | None = None, *, dim: int | None = None
    ) -> Self:
        """Return the softmax of -self."""
        return self.neg().softmax(axis, dtype, dim=dim)

    def log_softmax(
        self, axis: int = -1, dtype: DTypeLike | None = None, *, dim: int | None = None
    ) -> Self:
        """Return the logarithm of ``softmax``, accurate where that is small."""
        node, axes, wanted = self._prepare(axis if dim is None else dim, dtype)
        return self.with_node(cast_to(log_softmax_of(node, axes), wanted))

    def logsumexp(
        self,
        axis: Axes = None,
        keepdim: bool = False,
        *,
        dim: Axes = None,
        keepdims: bool = False,
    ) -> Self:
        """Return log Σ eˣ along axes (all for None), without undue overflow."""
        axes = resolve_axes(axis if dim is None else dim, len(self.node.shape))
        node = nodes.widen(as_float(self.node))
        greatest = _greatest(node, axes)
        # Where all is -∞ (or something is +∞), the difference would be NaN.
        is_infinite = intern(comparison.is_infinite, (greatest,))
        shift = nodes.where(is_infinite, constant(0.0, node.dtype), greatest)
        total = nodes.reduce_sum(intern(exponential.exp, (node - shift,)), axes)
        result = cast_to(intern(exponential.log, (total,)) + shift, as_float(self.node).dtype)
        return self.with_node(result if keepdim or keepdims else nodes.drop_axes(result, axes))

    def _prepare(self, axis: int, dtype: DTypeLike | None) -> tuple[Node, tuple[int, ...], DType]:
        """Return the values to compute with, the axis, and the dtype of the result."""
        place = resolve_axis(axis, len(self.node.shape))
        node = as_float(self.node) if dtype is None else cast_to(self.node, resolve_dtype(dtype))
        return nodes.widen(node), (place,), node.dtype


def _greatest(node: Node, axes: tuple[int, ...]) -> Node:
    """Return the greatest element, without a gradient: the results do not depend on it."""
    return intern(graph.detach, (nodes.reduce(reduction.reduce_maximum, node, axes),))


def log_softmax_of(node: Node, axes: tuple[int, ...]) -> Node:
    """Return the logarithm of the softmax of a float node along axes."""
    shifted = node - _greatest(node, axes)
    total = nodes.reduce_sum(intern(exponential.exp, (shifted,)), axes)
    return shifted - intern(exponential.log, (total,))

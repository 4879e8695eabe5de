"""Normalisation: tensors with the mean and scale of some axes taken out.

Floats narrower than 32 bits are computed in float32 and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.node import Node, intern
from tilegrad.ops import exponential
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.activation import Activation
from tilegrad.tensor.arguments import Axes, resolve_axes, resolve_axis, resolve_shape
from tilegrad.tensor.base import TensorBase, as_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.powers import root
from tilegrad.tensor.size import Size
from tilegrad.tensor.statistics import mean_of, variance_of


class Normalisation(Activation):
    """Layer, RMS, group, instance, batch and response normalisation, and vector norms."""

    __slots__ = ()

    def _wide(self) -> Node:
        return nodes.widen(as_float(self.node))

    def _scale_and_shift(
        self, node: Node, weight: TensorBase | None, bias: TensorBase | None
    ) -> Self:
        """Return node · weight + bias, rounded to this tensor's dtype."""
        result = self.with_node(node)
        result = result if weight is None else result.mul(weight)
        result = result if bias is None else result.add(bias)
        return result.cast(as_float(self.node).dtype)

    def layernorm(self, axis: Axes = -1, eps: float = 1e-5) -> Self:
        """Return (x - mean) / √(variance + eps) along one or several axes."""
        axes = resolve_axes(axis, len(self.node.shape))
        return self._scale_and_shift(standardize(self._wide(), axes, eps), None, None)

    def layer_norm(
        self,
        normalized_shape: Size | Sequence[Size],
        weight: TensorBase | None = None,
        bias: TensorBase | None = None,
        eps: float = 1e-5,
    ) -> Self:
        """Return layer normalisation over the last axes, times ``weight``, plus ``bias``.

        Args:
            normalized_shape: the sizes of those axes.
            weight: of that shape, or None.
            bias: of that shape, or None.
            eps: added to the variance.

        Raises:
            ShapeError: the tensor does not end in those sizes.
        """
        axes = self._last_axes("layer_norm", normalized_shape)
        return self._scale_and_shift(standardize(self._wide(), axes, eps), weight, bias)

    def rms_norm(
        self,
        normalized_shape: Size | Sequence[Size],
        weight: TensorBase | None = None,
        eps: float | None = None,
    ) -> Self:
        """Return x / √(mean of x² + eps) over the last axes, times ``weight``.

        Args:
            normalized_shape: the sizes of those axes.
            weight: of that shape, or None.
            eps: added to the mean; the distance from 1 to the next float if None.

        Raises:
            ShapeError: the tensor does not end in those sizes.
        """
        axes = self._last_axes("rms_norm", normalized_shape)
        node = self._wide()
        small = 2.0 ** -as_float(self.node).dtype.mantissa if eps is None else float(eps)
        scale = intern(exponential.reciprocal_square_root, (mean_of(node * node, axes) + small,))
        return self._scale_and_shift(node * scale, weight, None)

    def _last_axes(self, name: str, sizes: Size | Sequence[Size]) -> tuple[int, ...]:
        wanted = resolve_shape((sizes,))
        rank, shape = len(self.node.shape), self.node.shape
        if len(wanted) > rank or shape[rank - len(wanted) :] != wanted:
            raise ShapeError(
                f"{name}: the tensor does not end in the sizes to normalise over",
                got=f"shape {show_shape(shape)}, sizes {show_shape(wanted)}",
            )
        return tuple(range(rank - len(wanted), rank))

    def group_norm(
        self,
        num_groups: int,
        weight: TensorBase | None = None,
        bias: TensorBase | None = None,
        eps: float = 1e-5,
    ) -> Self:
        """Return each group of channels (axis 1) of each sample normalised on its own.

        Args:
            num_groups: how many groups the channels fall into.
            weight: shape (channels,), or None.
            bias: shape (channels,), or None.
            eps: added to the variance.

        Raises:
            ShapeError: the channels do not fall into that many groups.
        """
        shape = self.node.shape
        channels = shape[1] if len(shape) > 1 else 0
        if num_groups < 1 or not isinstance(channels, int) or channels % num_groups or not channels:
            raise ShapeError(
                f"group_norm: the channels do not fall into {num_groups} groups",
                got=f"shape {show_shape(shape)}",
                expected=f"(batch, a multiple of {num_groups}, ..)",
            )
        grouped = (shape[0], num_groups, channels // num_groups, *shape[2:])
        node = standardize(reshape_to(self._wide(), grouped), tuple(range(2, len(grouped))), eps)
        factor, offset = self._per_channel(weight), self._per_channel(bias)
        return self._scale_and_shift(reshape_to(node, shape), factor, offset)

    def instance_norm(
        self,
        weight: TensorBase | None = None,
        bias: TensorBase | None = None,
        eps: float = 1e-5,
    ) -> Self:
        """Return each channel (axis 1) of each sample normalised on its own."""
        rank = len(self.node.shape)
        if rank < 3:
            raise ShapeError(
                "instance_norm needs spatial axes",
                got=f"shape {show_shape(self.node.shape)}",
                expected="(batch, channels, *spatial)",
            )
        node = standardize(self._wide(), tuple(range(2, rank)), eps)
        return self._scale_and_shift(node, self._per_channel(weight), self._per_channel(bias))

    def batchnorm(
        self,
        weight: TensorBase | None,
        bias: TensorBase | None,
        mean: TensorBase,
        invstd: TensorBase,
        axis: Axes = 1,
    ) -> Self:
        """Return (x - mean) · invstd · weight + bias with given statistics.

        Args:
            weight: one number for each element of ``axis``, or None.
            bias: likewise, or None.
            mean: likewise.
            invstd: likewise: 1 / √(variance + eps); or of the full shape.
            axis: the axis or axes of the channels.
        """
        axes = resolve_axes(axis, len(self.node.shape))
        scale, factor = self._per_channel(invstd, axes), self._per_channel(weight, axes)
        if scale is not None and factor is not None:
            scale = scale * factor
        centred = self.with_node(self._wide()) - self._per_channel(mean, axes)
        return self._scale_and_shift(centred.node, scale, self._per_channel(bias, axes))

    def batch_norm(
        self,
        running_mean: TensorBase | None = None,
        running_var: TensorBase | None = None,
        weight: TensorBase | None = None,
        bias: TensorBase | None = None,
        training: bool = False,
        eps: float = 1e-5,
    ) -> Self:
        """Return each channel (axis 1) normalised over all samples.

        Running statistics are read, never written; a layer does that.

        Args:
            running_mean: shape (channels,); used unless ``training``.
            running_var: shape (channels,); used unless ``training``.
            weight: shape (channels,), or None.
            bias: shape (channels,), or None.
            training: whether to use the statistics of this batch.
            eps: added to the variance.

        Raises:
            ArgumentError: not training, and the running statistics are missing.
        """
        if training:
            axes = tuple(axis for axis in range(len(self.node.shape)) if axis != 1)
            node = standardize(self._wide(), axes, eps)
            return self._scale_and_shift(node, self._per_channel(weight), self._per_channel(bias))
        if running_mean is None or running_var is None:
            raise ArgumentError(
                "batch_norm needs running statistics", mend="give them, or set training=True"
            )
        variance = self.with_node(nodes.widen(self.as_operand(running_var)))
        return self.batchnorm(weight, bias, running_mean, (variance + eps).rsqrt())

    def _per_channel(self, values: TensorBase | None, axes: tuple[int, ...] = (1,)) -> Self | None:
        """Return one number for each channel, shaped to broadcast against this tensor."""
        if values is None:
            return None
        node = self.as_operand(values)
        shape = self.node.shape
        if node.shape == shape:
            return self.with_node(node)
        wanted = tuple(size if axis in axes else 1 for axis, size in enumerate(shape))
        channels = tuple(shape[axis] for axis in axes)
        if node.shape not in (channels, wanted):
            raise ShapeError(
                "the numbers do not fit the channels",
                got=show_shape(node.shape),
                expected=show_shape(channels),
            )
        return self.with_node(reshape_to(node, wanted))

    def local_response_norm(
        self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> Self:
        """Return x / (k + alpha · mean of x² over ``size`` neighbouring channels)^beta."""
        x = self.with_node(self._wide())
        padding = [(0, 0)] * x.ndim
        padding[1] = (size // 2, (size - 1) // 2)
        windows = (x * x).pad(padding).unfold(1, size, 1)
        result = x / (windows.mean(-1) * alpha + k).pow(beta)
        return result.cast(as_float(self.node).dtype)

    def normalize(
        self, p: float = 2.0, dim: int = 1, eps: float = 1e-12, *, axis: int | None = None
    ) -> Self:
        """Return x divided by its p-norm along an axis (by ``eps``, if that is greater)."""
        place = dim if axis is None else axis
        x = self.with_node(self._wide())
        return (x / x.norm(p, place, keepdim=True).maximum(eps)).cast(as_float(self.node).dtype)

    def norm(
        self,
        p: float | str = 2.0,
        axis: Axes = None,
        keepdim: bool = False,
        *,
        dim: Axes = None,
    ) -> Self:
        """Return the p-norm (Σ |x|ᵖ)^(1/p) along axes (all for None).

        Args:
            p: the order; ±inf gives the greatest or least magnitude, 0 counts what is not zero,
                "fro" is 2.
            axis: axis or axes.
            keepdim: whether the axes remain with size 1.
            dim: the same as ``axis``.
        """
        axes = resolve_axes(axis if dim is None else dim, len(self.node.shape))
        order = 2.0 if p == "fro" else float(p)
        x = self.with_node(self._wide())
        if order == math.inf:
            result = x.abs().max(axes, keepdim)
        elif order == -math.inf:
            result = x.abs().min(axes, keepdim)
        elif order == 0:
            result = (x != 0).cast(x.node.dtype).sum(axes, keepdim)
        elif order == 1:
            result = x.abs().sum(axes, keepdim)
        elif order == 2:
            result = x.with_node(root((x * x).sum(axes, keepdim).node))
        else:
            result = x.with_node(root(x.abs().pow(order).sum(axes, keepdim).node, order))
        return result.cast(as_float(self.node).dtype)

    def cosine_similarity(
        self, other: TensorBase, dim: int = 1, eps: float = 1e-8, *, axis: int | None = None
    ) -> Self:
        """Return the cosine of the angle between vectors along an axis."""
        place = dim if axis is None else axis
        first, second = (
            self.with_node(nodes.widen(as_float(node)))
            for node in (self.node, self.as_operand(other))
        )
        resolve_axis(place, max(first.ndim, second.ndim))
        lengths = first.norm(2, place).maximum(eps) * second.norm(2, place).maximum(eps)
        return (first * second).sum(place).div(lengths).cast(as_float(self.node).dtype)


def standardize(node: Node, axes: tuple[int, ...], eps: float) -> Node:
    """Return (x - mean) / √(variance + eps) of a float node along axes."""
    mean = mean_of(node, axes)
    scale = intern(
        exponential.reciprocal_square_root, (variance_of(node, mean, axes) + float(eps),)
    )
    return (node - mean) * scale

"""Convolutions and transposed convolutions over one, two or three spatial axes.

Both are one expression for every stride, dilation, padding and number of groups: windows of the
input (or, transposed, the input spread out by ``unslide``) times the weight, summed.
"""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops import movement, symbolic
from tilegrad.ops.movement import pad_with, reshape_to, shrink_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import DTypeLike, as_integer, per_axis, resolve_dtype
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.broadcasting import show_shape, unify_dtypes
from tilegrad.tensor.contraction import multiply_and_sum
from tilegrad.tensor.padding import Padding
from tilegrad.tensor.size import Index, as_size
from tilegrad.tensor.windows import Numbers, Windows, check_rank, open_windows, read_windows


class Convolution(Padding):
    """Convolutions. Shapes are (batch, channels, *spatial), or without the batch."""

    __slots__ = ()

    def conv2d(
        self,
        weight: TensorBase,
        bias: TensorBase | None = None,
        groups: int = 1,
        stride: Numbers = 1,
        dilation: Numbers = 1,
        padding: Numbers | str = 0,
        dtype: DTypeLike | None = None,
    ) -> Self:
        """Return the convolution (cross-correlation) with a weight.

        result[n, o, y, ..] = bias[o] + Σ x[n, c, y·stride + i·dilation, ..] · w[o, c, i, ..].
        The number of spatial axes is the weight's: this method serves one, two and three.

        Args:
            weight: shape (outputs, channels / groups, *window).
            bias: shape (outputs,), or None.
            groups: the channels fall into so many groups, each with outputs of its own.
            stride: distance between windows, one number or one for each axis.
            dilation: distance between the samples of a window.
            padding: zeros before and after each axis: one number, one for each axis, flat pairs
                from the last axis on, "same" or "valid".
            dtype: dtype of the result; the common one by default. Narrow floats are summed in
                float32 in any case.

        Raises:
            ShapeError: the channels do not fit, or a window is longer than the padded axis.
            ArgumentError: a number is out of its range.

        Example:
            ``Tensor.rand(1, 3, 32, 32).conv2d(Tensor.rand(8, 3, 3, 3), padding=1)`` has the shape
            (1, 8, 32, 32).
        """
        x, w, sizes = self._read_operands(weight, "(outputs, channels, *window)")
        plan = read_windows(sizes, stride, dilation, padding)
        check_groups("conv", x.shape[1], w.shape[1], w.shape[0], groups)
        wanted = None if dtype is None else resolve_dtype(dtype)
        return self._finish(convolve(x, w, groups, plan, wanted), bias)

    conv1d = conv2d
    conv3d = conv2d

    def conv_transpose2d(
        self,
        weight: TensorBase,
        bias: TensorBase | None = None,
        groups: int = 1,
        stride: Numbers = 1,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        output_padding: Numbers = 0,
    ) -> Self:
        """Return the transposed convolution: the gradient of ``conv2d`` with the same numbers.

        The number of spatial axes is the weight's: this method serves one, two and three.

        Args:
            weight: shape (channels, outputs / groups, *window).
            bias: shape (outputs,), or None.
            groups: the channels fall into so many groups, each with outputs of its own.
            stride: distance at which the inputs are spread out.
            dilation: distance between the samples of a window.
            padding: how much is cut off before and after each axis.
            output_padding: how much the result is longer at the end of each axis.

        Raises:
            ShapeError: the channels do not fit.
            ArgumentError: a number is out of its range.
        """
        x, w, sizes = self._read_operands(weight, "(channels, outputs, *window)")
        plan = read_windows(sizes, stride, dilation, padding)
        check_groups("conv_transpose", x.shape[1], None, w.shape[0], groups)
        if x.shape[1] != w.shape[0]:
            raise channel_misfit("conv_transpose", x.shape[1], w.shape[0], groups)
        extra = per_axis(output_padding, len(plan.sizes), "output_padding")
        return self._finish(spread(x, w, groups, plan, extra), bias)

    conv_transpose1d = conv_transpose2d
    conv_transpose3d = conv_transpose2d

    def _read_operands(self, weight: TensorBase, layout: str) -> tuple[Node, Node, tuple[int, ...]]:
        """Return input, with an axis for the batch, and weight in one dtype, and the window."""
        x, w = unify_dtypes(self.node, self.as_operand(weight))
        rank = len(w.shape)
        check_rank("the weight of a convolution", w, (3, 4, 5), layout)
        check_rank("a convolution", x, (rank - 1, rank), "([batch,] channels, *spatial)")
        sizes = tuple(as_integer(as_size(size), "a size of the window") for size in w.shape[2:])
        return x if len(x.shape) == rank else reshape_to(x, (1, *x.shape)), w, sizes

    def _finish(self, result: Node, bias: TensorBase | None) -> Self:
        has_batch = len(result.shape) == len(self.node.shape)
        result = result if has_batch else reshape_to(result, result.shape[1:])
        tensor = self.with_node(result)
        if bias is None:
            return tensor
        added = self.as_operand(bias)
        outputs = result.shape[1 if has_batch else 0]
        if added.shape not in ((outputs,), (1,), ()):
            raise ShapeError(
                "the bias does not fit the outputs",
                got=show_shape(added.shape),
                expected=f"({outputs},)",
            )
        spatial = len(result.shape) - (2 if has_batch else 1)
        return tensor.add(self.with_node(reshape_to(added, (*added.shape, *(1,) * spatial))))


def convolve(x: Node, w: Node, groups: int, plan: Windows, dtype: DType | None) -> Node:
    """Return the convolution of (batch, channels, *spatial) with (outputs, channels, *window)."""
    spatial = len(plan.sizes)
    batch, channels, *extents = x.shape
    outputs, each, *_ = w.shape
    counts = plan.count(extents)
    opened = open_windows(pad_with(x, ((0, 0), (0, 0), *plan.padding)), plan, counts)
    if groups == 1:  # (batch, outputs, channels, *counts, *window)
        left = reshape_to(opened, (batch, 1, channels, *counts, *plan.sizes))
        right = reshape_to(w, (1, outputs, each, *(1,) * spatial, *plan.sizes))
        first = 2
    else:  # (batch, groups, outputs of a group, channels of a group, *counts, *window)
        per_group = symbolic.floor_divide(outputs, groups)
        left = reshape_to(opened, (batch, groups, 1, each, *counts, *plan.sizes))
        right = reshape_to(w, (1, groups, per_group, each, *(1,) * spatial, *plan.sizes))
        first = 3
    last = first + 1 + spatial
    axes = (first, *range(last, last + spatial))
    summed = multiply_and_sum(left, right, axes, dtype or x.dtype)
    return reshape_to(summed, (batch, outputs, *counts))


def spread(x: Node, w: Node, groups: int, plan: Windows, extra: tuple[int, ...]) -> Node:
    """Return the transposed convolution of (batch, channels, *spatial)."""
    spatial = len(plan.sizes)
    batch, channels, *extents = x.shape
    each = symbolic.floor_divide(channels, groups)
    per_group = w.shape[1]
    head = (batch, groups, 1, each)
    wide = reshape_to(x, (*head, *extents, *(1,) * spatial))
    wide = movement.expand_to(wide, (*head, *extents, *plan.sizes))
    bounds = []
    for place, extent in enumerate(extents):
        stride, dilation = plan.strides[place], plan.dilations[place]
        before, after = plan.padding[place]
        size = symbolic.add(
            symbolic.multiply(symbolic.add(extent, -1), stride), plan.spans[place] + extra[place]
        )
        wide = nodes.unslide(wide, 4 + place, 4 + spatial + place, size, (stride, dilation))
        bounds.append((before, symbolic.subtract(size, after)))
    heads = tuple((0, size) for size in head)
    tails = tuple((0, size) for size in plan.sizes)
    wide = shrink_to(wide, (*heads, *bounds, *tails))
    right = reshape_to(w, (1, groups, each, per_group, *(1,) * spatial, *plan.sizes))
    right = movement.permute_axes(right, (0, 1, 3, 2, *range(4, 4 + 2 * spatial)))
    axes = (3, *range(4 + spatial, 4 + 2 * spatial))
    summed = multiply_and_sum(wide, right, axes, x.dtype)
    outputs = symbolic.multiply(per_group, groups)
    return reshape_to(summed, (batch, outputs, *wide.shape[4 : 4 + spatial]))


def check_groups(
    name: str, channels: Index, each: Index | None, outputs: Index, groups: int
) -> None:
    """Check that channels and outputs fall into groups.

    Raises:
        ArgumentError: they cannot be divided evenly.
        ShapeError: the weight has another number of channels.
    """
    if groups < 1 or not isinstance(channels, int) or not isinstance(outputs, int):
        raise ArgumentError("groups and channels must be known and positive", got=groups)
    if channels % groups or outputs % groups:
        raise ArgumentError(
            f"{name}: the channels do not fall into {groups} groups",
            got=f"{channels} channels and {outputs} outputs",
            expected=f"multiples of {groups}",
        )
    if each is not None and channels != symbolic.multiply(each, groups):
        raise channel_misfit(name, channels, each, groups)


def channel_misfit(name: str, channels: Index, each: Index, groups: int) -> ShapeError:
    """Return the error for a weight with another number of channels than the input."""
    return ShapeError(
        f"{name}: the input and the weight differ in their channels",
        got=f"{channels} channels, a weight for {each}" + (f" in {groups} groups" * (groups > 1)),
        expected="the same number",
    )

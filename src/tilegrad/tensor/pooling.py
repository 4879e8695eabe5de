"""Pooling: one number for each window, on the same path for every stride, dilation and padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops import indexing, reduction, symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import expand_to, filled, reshape_to
from tilegrad.ops.symbolic import multiply_all
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import per_axis
from tilegrad.tensor.base import TensorBase, as_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.convolution import Convolution
from tilegrad.tensor.pooling_windows import (
    Request,
    adapt_axis,
    close_windows,
    count_real,
    find_places,
    open_padded,
    plan_windows,
)
from tilegrad.tensor.size import Index
from tilegrad.tensor.windows import Numbers


class Pooling(Convolution):
    """Pooling over the last axes; whatever is in front of them are batches and channels.

    The number of spatial axes is that of the window, or for a window given as one number, the one
    in the method's name.
    """

    __slots__ = ()

    def avg_pool2d(
        self,
        kernel_size: Numbers = 2,
        stride: Numbers | None = None,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Self:
        """Return the mean of each window.

        Args:
            kernel_size: size of a window, one number or one for each axis.
            stride: distance between windows; the size of a window if None.
            dilation: distance between the samples of a window.
            padding: zeros before and after.
            ceil_mode: whether a last window may reach beyond the end.
            count_include_pad: whether padding counts in the mean.

        Raises:
            ShapeError: a window is longer than the padded axis.
            ArgumentError: a number is out of its range.
        """
        return self._average(
            2, (kernel_size, stride, dilation, padding), ceil_mode, count_include_pad
        )

    def avg_pool1d(
        self,
        kernel_size: Numbers = 2,
        stride: Numbers | None = None,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Self:
        """Return the mean of each window over one axis; see ``avg_pool2d``."""
        return self._average(
            1, (kernel_size, stride, dilation, padding), ceil_mode, count_include_pad
        )

    def avg_pool3d(
        self,
        kernel_size: Numbers = 2,
        stride: Numbers | None = None,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Self:
        """Return the mean of each window over three axes; see ``avg_pool2d``."""
        return self._average(
            3, (kernel_size, stride, dilation, padding), ceil_mode, count_include_pad
        )

    def _average(
        self, spatial: int, numbers: Request, ceil_mode: bool, count_include_pad: bool
    ) -> Self:
        source = as_float(self.node)
        extents, plan, counts, extra = plan_windows(source, spatial, numbers, ceil_mode)
        opened = open_padded(nodes.widen(source), plan, counts, extra, 0)
        summed = close_windows(reduction.reduce_sum, opened, len(plan.sizes))
        if any(extra) or (not count_include_pad and any(map(sum, plan.padding))):
            mean = summed / count_real(plan, extents, counts, count_include_pad, summed)
        else:
            mean = summed * (1.0 / math.prod(plan.sizes))
        return self.with_node(cast_to(mean, source.dtype))

    def max_pool2d(
        self,
        kernel_size: Numbers = 2,
        stride: Numbers | None = None,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Self | tuple[Self, Self]:
        """Return the greatest element of each window; padding never wins.

        Args:
            kernel_size: size of a window, one number or one for each axis.
            stride: distance between windows; the size of a window if None.
            dilation: distance between the samples of a window.
            padding: elements before and after.
            ceil_mode: whether a last window may reach beyond the end.
            return_indices: whether to return also where each was found, as int64 positions in the
                flattened spatial axes.

        Raises:
            ShapeError: a window is longer than the padded axis.
            ArgumentError: a number is out of its range, or the padding is more than half a window.
        """
        numbers = (kernel_size, stride, dilation, padding)
        return self._greatest(2, numbers, ceil_mode, return_indices)

    def max_pool1d(
        self,
        kernel_size: Numbers = 2,
        stride: Numbers | None = None,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Self | tuple[Self, Self]:
        """Return the greatest element of each window over one axis; see ``max_pool2d``."""
        numbers = (kernel_size, stride, dilation, padding)
        return self._greatest(1, numbers, ceil_mode, return_indices)

    def max_pool3d(
        self,
        kernel_size: Numbers = 2,
        stride: Numbers | None = None,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Self | tuple[Self, Self]:
        """Return the greatest element of each window over three axes; see ``max_pool2d``."""
        numbers = (kernel_size, stride, dilation, padding)
        return self._greatest(3, numbers, ceil_mode, return_indices)

    def _greatest(
        self, spatial: int, numbers: Request, ceil_mode: bool, return_indices: bool
    ) -> Self | tuple[Self, Self]:
        node = self.node
        extents, plan, counts, extra = plan_windows(node, spatial, numbers, ceil_mode)
        if any(2 * max(pair) > size for pair, size in zip(plan.padding, plan.sizes, strict=True)):
            raise ArgumentError(
                "the padding is more than half a window",
                got=f"padding {plan.padding}, window {plan.sizes}",
            )
        opened = open_padded(node, plan, counts, extra, node.dtype.minimum)
        closed = close_windows(reduction.reduce_maximum, opened, len(plan.sizes))
        result = self.with_node(closed)
        if not return_indices:
            return result
        return result, self.with_node(find_places(opened, closed, plan, extents, counts))

    def lp_pool2d(
        self, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None
    ) -> Self:
        """Return (Σ xᵖ)^(1/p) of each window over two axes."""
        return self._power_mean(2, norm_type, kernel_size, stride)

    def lp_pool1d(
        self, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None
    ) -> Self:
        """Return (Σ xᵖ)^(1/p) of each window over one axis."""
        return self._power_mean(1, norm_type, kernel_size, stride)

    def _power_mean(
        self, spatial: int, power: float, kernel_size: Numbers, stride: Numbers | None
    ) -> Self:
        powered = self.pow(float(power))
        _, plan, counts, _ = plan_windows(powered.node, spatial, (kernel_size, stride, 1, 0), False)
        opened = open_padded(powered.node, plan, counts, (0,) * len(plan.sizes), 0)
        summed = close_windows(reduction.reduce_sum, opened, len(plan.sizes))
        return self.with_node(summed).pow(1.0 / power)

    def adaptive_avg_pool2d(self, output_size: int | Sequence[int | None]) -> Self:
        """Return means of windows that are laid out to give ``output_size`` numbers an axis.

        Args:
            output_size: one number for all, or one for each axis (None keeps its size). Window i
                of n over an axis of size s goes from ⌊i·s/n⌋ to before ⌈(i + 1)·s/n⌉.
        """
        return self._adapt(2, output_size, is_mean=True)

    def adaptive_avg_pool1d(self, output_size: int | Sequence[int | None]) -> Self:
        """Return means of adaptive windows over one axis; see ``adaptive_avg_pool2d``."""
        return self._adapt(1, output_size, is_mean=True)

    def adaptive_avg_pool3d(self, output_size: int | Sequence[int | None]) -> Self:
        """Return means of adaptive windows over three axes; see ``adaptive_avg_pool2d``."""
        return self._adapt(3, output_size, is_mean=True)

    def adaptive_max_pool3d(self, output_size: int | Sequence[int | None]) -> Self:
        """Return the greatest of adaptive windows over three axes; see ``adaptive_avg_pool2d``."""
        return self._adapt(3, output_size, is_mean=False)

    def adaptive_max_pool2d(self, output_size: int | Sequence[int | None]) -> Self:
        """Return the greatest of adaptive windows; see ``adaptive_avg_pool2d``."""
        return self._adapt(2, output_size, is_mean=False)

    def adaptive_max_pool1d(self, output_size: int | Sequence[int | None]) -> Self:
        """Return the greatest of adaptive windows over one axis; see ``adaptive_avg_pool2d``."""
        return self._adapt(1, output_size, is_mean=False)

    def _adapt(
        self, spatial: int, output_size: int | Sequence[int | None], *, is_mean: bool
    ) -> Self:
        node = as_float(self.node) if is_mean else self.node
        sizes = [output_size] * spatial if isinstance(output_size, int) else list(output_size)
        first = len(node.shape) - len(sizes)
        if first < 0:
            raise ShapeError("too few axes to pool", got=show_shape(node.shape))
        dtype = node.dtype
        node = nodes.widen(node) if is_mean else node
        for axis, size in enumerate(sizes, first):
            if size is not None and size != node.shape[axis]:
                node = adapt_axis(node, axis, size, is_mean=is_mean)
        return self.with_node(cast_to(node, dtype))

    def max_unpool2d(
        self,
        indices: TensorBase,
        kernel_size: Numbers = 2,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        output_size: Sequence[int] | None = None,
    ) -> Self:
        """Return zeros with the elements put back where ``max_pool2d`` found them.

        Args:
            indices: what ``max_pool2d`` returned with ``return_indices``.
            kernel_size: as given to ``max_pool2d``.
            stride: as given to ``max_pool2d``.
            padding: as given to ``max_pool2d``.
            output_size: the spatial sizes of the result (its last axes); by default the least that
                the windows cover.
        """
        node, places = self.node, self.as_operand(indices)
        sizes = per_axis(kernel_size, 2 if isinstance(kernel_size, int) else len(kernel_size), "")
        spatial = len(sizes)
        strides = sizes if stride is None else per_axis(stride, spatial, "stride")
        cut = per_axis(padding, spatial, "padding")
        head, extents = node.shape[:-spatial], node.shape[-spatial:]
        shape: tuple[Index, ...] = tuple((output_size or ())[-spatial:])
        if not shape:
            rows = zip(extents, sizes, strides, cut, strict=True)
            shape = tuple(
                symbolic.add(symbolic.multiply(extent, s), k - s - 2 * p)
                for extent, k, s, p in rows
            )
        flat = (multiply_all(head), multiply_all(extents))
        row = expand_to(nodes.positions(flat[0], dtypes.int64, 2, 0), flat)
        base = filled(0, node.dtype, (flat[0], multiply_all(shape)))
        chosen = (row, cast_to(reshape_to(places, flat), dtypes.int64))
        result = indexing.scatter_into(base, reshape_to(node, flat), chosen, (0, 1), "set")
        return self.with_node(reshape_to(result, (*head, *shape)))

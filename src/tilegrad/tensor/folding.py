"""Windows as columns and back, and pixels moved between channels and space."""

from __future__ import annotations

import math
from typing import Self

from tilegrad.base.errors import ShapeError
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.movement import pad_with, permute_axes, reshape_to, shrink_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import as_integer, per_axis
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.special_functions import SpecialFunctions
from tilegrad.tensor.windows import Numbers, Windows, check_rank, open_windows, read_windows


class Folding(SpecialFunctions):
    """``im2col`` and ``col2im``, which PyTorch calls unfold and fold; shuffles of pixels."""

    __slots__ = ()

    def im2col(
        self,
        kernel_size: Numbers,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        stride: Numbers = 1,
    ) -> Self:
        """Return the windows of images as columns, as ``torch.nn.functional.unfold``.

        Args:
            kernel_size: height and width of a window.
            dilation: distance between the samples of a window.
            padding: zeros before and after each axis.
            stride: distance between windows.

        Returns:
            (batch, channels · samples of a window, windows) for (batch, channels, height, width).
        """
        node = self.node
        check_rank("im2col", node, (4,), "(batch, channels, height, width)")
        plan = _plan(kernel_size, dilation, padding, stride)
        counts = plan.count(node.shape[2:])
        opened = open_windows(pad_with(node, ((0, 0), (0, 0), *plan.padding)), plan, counts)
        columns = permute_axes(opened, (0, 1, 4, 5, 2, 3))
        rows = symbolic.multiply(node.shape[1], math.prod(plan.sizes))
        windows = symbolic.multiply_all(counts)
        return self.with_node(reshape_to(columns, (node.shape[0], rows, windows)))

    def col2im(
        self,
        output_size: Numbers,
        kernel_size: Numbers,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        stride: Numbers = 1,
    ) -> Self:
        """Return images in which columns are added up at their windows' places.

        The adjoint of ``im2col``, as ``torch.nn.functional.fold``.

        Args:
            output_size: height and width of the images.
            kernel_size: height and width of a window.
            dilation: distance between the samples of a window.
            padding: what ``im2col`` put before and after each axis.
            stride: distance between windows.

        Raises:
            ShapeError: the columns are not those of such images.
        """
        check_rank("col2im", self.node, (3,), "(batch, channels · samples, windows)")
        plan = _plan(kernel_size, dilation, padding, stride)
        sizes = per_axis(output_size, 2, "output_size")
        counts = plan.count(sizes)
        batch, rows, columns = self.node.shape
        samples = math.prod(plan.sizes)
        is_counted = columns == symbolic.multiply_all(counts)
        if not is_counted or not isinstance(rows, int) or rows % samples:
            raise ShapeError(
                "col2im: the columns do not fit the images",
                got=show_shape(self.node.shape),
                expected=f"a multiple of {samples} rows and {counts[0]} · {counts[1]} columns",
            )
        node = reshape_to(self.node, (batch, rows // samples, *plan.sizes, *counts))
        return self.with_node(_close_windows(permute_axes(node, (0, 1, 4, 5, 2, 3)), plan, sizes))

    def pixel_shuffle(self, upscale_factor: int) -> Self:
        """Return (.., c, h · r, w · r) for (.., c · r², h, w): channels spread out over space."""
        *batch, channels, height, width = _images("pixel_shuffle", self, upscale_factor**2)
        r = upscale_factor
        apart = self.reshape(*batch, channels // r**2, r, r, height, width)
        rank = len(batch)
        order = (*range(rank + 1), rank + 3, rank + 1, rank + 4, rank + 2)
        return apart.permute(*order).reshape(*batch, channels // r**2, height * r, width * r)

    def pixel_unshuffle(self, downscale_factor: int) -> Self:
        """Return (.., c · r², h / r, w / r) for (.., c, h, w), undoing ``pixel_shuffle``."""
        *batch, channels, height, width = _images("pixel_unshuffle", self, 1)
        r = downscale_factor
        if height % r or width % r:
            raise ShapeError(
                "pixel_unshuffle: the image cannot be divided",
                got=f"{height} × {width}",
                expected=f"multiples of {r}",
            )
        apart = self.reshape(*batch, channels, height // r, r, width // r, r)
        rank = len(batch)
        order = (*range(rank + 1), rank + 2, rank + 4, rank + 1, rank + 3)
        return apart.permute(*order).reshape(*batch, channels * r**2, height // r, width // r)

    def channel_shuffle(self, groups: int) -> Self:
        """Return the channels (axis 1) of groups by turns: the first of each, the second .."""
        batch, channels, *rest = self.shape
        apart = self.reshape(batch, groups, channels // groups, *rest)
        return apart.transpose(1, 2).reshape(batch, channels, *rest)


def _plan(kernel_size: Numbers, dilation: Numbers, padding: Numbers, stride: Numbers) -> Windows:
    return read_windows(per_axis(kernel_size, 2, "kernel_size"), stride, dilation, padding)


def _close_windows(node: Node, plan: Windows, sizes: tuple[int, ...]) -> Node:
    """Return the sums of windows (.., *counts, *samples) at their places in images."""
    first = len(node.shape) - 4
    padded = [
        size + before + after for size, (before, after) in zip(sizes, plan.padding, strict=True)
    ]
    for place, size in enumerate(padded):
        step = (plan.strides[place], plan.dilations[place])
        node = nodes.unslide(node, first + place, first + 2 + place, size, step)
    node = nodes.reduce_sum(node, (first + 2, first + 3))
    node = nodes.drop_axes(node, (first + 2, first + 3))
    bounds = tuple(
        (before, before + size) for size, (before, _) in zip(sizes, plan.padding, strict=True)
    )
    return shrink_to(node, ((0, node.shape[0]), (0, node.shape[1]), *bounds))


def _images(name: str, tensor: Folding, factor: int) -> tuple[int, ...]:
    """Return the sizes of images, whose channels must be a multiple of a factor."""
    shape = tuple(as_integer(size, "a size of an image") for size in tensor.shape)
    if len(shape) < 3 or shape[-3] % factor:
        raise ShapeError(
            f"{name} needs images",
            got=show_shape(tensor.node.shape),
            expected=f"(.., channels, height, width) with a multiple of {factor} channels",
        )
    return shape

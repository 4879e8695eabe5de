"""Layers that move elements: between shapes, channels and space, and to other sizes."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.applied import Applied
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor
from tilegrad.tensor.windows import Numbers


class Flatten(Applied):
    """Several axes made one.

    Args:
        start_dim: the first of them.
        end_dim: the last of them.
    """

    function = Tensor.flatten

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim


class Unflatten(Applied):
    """One axis made several.

    Args:
        dim: the axis.
        unflattened_size: their sizes; one may be -1.
    """

    function = Tensor.unflatten

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim, self.sizes = dim, tuple(unflattened_size)


class Unfold(Applied):
    """The windows of images as columns; see ``Tensor.im2col``."""

    function = Tensor.im2col

    def __init__(
        self,
        kernel_size: Numbers,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        stride: Numbers = 1,
    ) -> None:
        self.kernel_size, self.dilation = kernel_size, dilation
        self.padding, self.stride = padding, stride


class Fold(Applied):
    """Images in which columns are added up at their windows' places; see ``Tensor.col2im``."""

    function = Tensor.col2im

    def __init__(
        self,
        output_size: Numbers,
        kernel_size: Numbers,
        dilation: Numbers = 1,
        padding: Numbers = 0,
        stride: Numbers = 1,
    ) -> None:
        self.output_size, self.kernel_size, self.dilation = output_size, kernel_size, dilation
        self.padding, self.stride = padding, stride


class PixelShuffle(Applied):
    """Channels spread out over space: (.., c, h · r, w · r) for (.., c · r², h, w)."""

    function = Tensor.pixel_shuffle

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor


class PixelUnshuffle(Applied):
    """Space gathered in channels: (.., c · r², h, w) for (.., c, h · r, w · r)."""

    function = Tensor.pixel_unshuffle

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = downscale_factor


class ChannelShuffle(Applied):
    """The channels of groups by turns: the first of each, the second .."""

    function = Tensor.channel_shuffle

    def __init__(self, groups: int) -> None:
        self.groups = groups


class Upsample(Module):
    """The last axes brought to other sizes.

    Args:
        size: the sizes, or None.
        scale_factor: factors of the sizes, or None.
        mode: how; see ``Tensor.interpolate``.
        align_corners: whether the first and last samples keep their places.

    Raises:
        ArgumentError: neither size nor factor is given, or both.
    """

    def __init__(
        self,
        size: Numbers | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool = False,
    ) -> None:
        if (size is None) == (scale_factor is None):
            raise ArgumentError(
                "Upsample needs a size or a factor", got=f"{size} and {scale_factor}"
            )
        self.size, self.scale_factor = size, scale_factor
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, channels, *sizes) for (batch, channels, ..)."""
        size = (self.size,) * (x.ndim - 2) if isinstance(self.size, int) else self.size
        return x.interpolate(size, self.mode, self.align_corners, self.scale_factor)

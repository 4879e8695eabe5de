"""Convolutions over one, two and three spatial axes, and their transposes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tilegrad.base.errors import ArgumentError
from tilegrad.nn import init
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import check_choice, per_axis
from tilegrad.tensor.windows import Numbers

PADDING_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


class _Convolution(Module):
    """What the convolutions share: numbers, weight (outputs, inputs / groups, *window) and bias."""

    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Numbers,
        stride: Numbers = 1,
        padding: Numbers | str = 0,
        dilation: Numbers = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        _check_groups(groups, in_channels, out_channels)
        check_choice("padding mode", padding_mode, tuple(PADDING_MODES))
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = per_axis(kernel_size, self.axes, "kernel_size")
        self.stride = per_axis(stride, self.axes, "stride")
        self.dilation = per_axis(dilation, self.axes, "dilation")
        self.padding = _pair_padding(padding, self.kernel_size, self.stride, self.dilation)
        self.groups, self.padding_mode = groups, padding_mode
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        bound = _bound(shape)
        self.weight = init.uniform(shape, -bound, bound)
        self.bias = init.uniform((out_channels,), -bound, bound) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, out_channels, *spatial) for (batch, in_channels, *spatial)."""
        # Pairs from the last axis on, as PyTorch's flat form of padding has them.
        flat = [amount for pair in reversed(self.padding) for amount in pair]
        if self.padding_mode != "zeros":
            x, flat = x.pad(flat, PADDING_MODES[self.padding_mode]), [0] * len(flat)
        return x.conv2d(self.weight, self.bias, self.groups, self.stride, self.dilation, flat)


class Conv1d(_Convolution):
    """Convolution (cross-correlation) over one axis, as in PyTorch.

    Args:
        in_channels: size of axis 1 of the input.
        out_channels: size of axis 1 of the output.
        kernel_size: size of the window, one number or one for each axis.
        stride: distance between windows.
        padding: what is put before and after each axis, or "same" or "valid".
        dilation: distance between the samples of a window.
        groups: how many groups the channels fall into.
        bias: whether there is a bias.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Attributes:
        weight: shape (out_channels, in_channels / groups, *window), uniform in ±1/√inputs.
        bias: shape (out_channels,), uniform likewise, or None.

    Raises:
        ArgumentError: the channels do not fall into the groups, or the padding makes no sense.
    """

    axes = 1


class Conv2d(_Convolution):
    """Convolution over two axes; the arguments are those of ``Conv1d``."""

    axes = 2


class Conv3d(_Convolution):
    """Convolution over three axes; the arguments are those of ``Conv1d``."""

    axes = 3


class _TransposedConvolution(Module):
    """What the transposed convolutions share: weight (inputs, outputs / groups, *window)."""

    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Numbers,
        stride: Numbers = 1,
        padding: Numbers = 0,
        output_padding: Numbers = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Numbers = 1,
    ) -> None:
        _check_groups(groups, in_channels, out_channels)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = per_axis(kernel_size, self.axes, "kernel_size")
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.output_padding, self.groups = output_padding, groups
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        bound = _bound(shape)
        self.weight = init.uniform(shape, -bound, bound)
        self.bias = init.uniform((out_channels,), -bound, bound) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, out_channels, *spatial) for (batch, in_channels, *spatial)."""
        return x.conv_transpose2d(
            self.weight,
            self.bias,
            self.groups,
            self.stride,
            self.dilation,
            self.padding,
            self.output_padding,
        )


class ConvTranspose1d(_TransposedConvolution):
    """Transposed convolution over one axis: the gradient of ``Conv1d`` as a layer.

    Args:
        in_channels: size of axis 1 of the input.
        out_channels: size of axis 1 of the output.
        kernel_size: size of the window, one number or one for each axis.
        stride: distance at which the inputs are spread out.
        padding: how much is cut off before and after each axis.
        output_padding: how much longer the output is at the end of each axis.
        groups: how many groups the channels fall into.
        bias: whether there is a bias.
        dilation: distance between the samples of a window.

    Attributes:
        weight: shape (in_channels, out_channels / groups, *window), uniform as in PyTorch.
        bias: shape (out_channels,), uniform likewise, or None.

    Raises:
        ArgumentError: the channels do not fall into the groups.
    """

    axes = 1


class ConvTranspose2d(_TransposedConvolution):
    """Transposed convolution over two axes; the arguments are those of ``ConvTranspose1d``."""

    axes = 2


class ConvTranspose3d(_TransposedConvolution):
    """Transposed convolution over three axes; the arguments are those of ``ConvTranspose1d``."""

    axes = 3


def _bound(shape: Sequence[int]) -> float:
    fan_in, _ = init.count_fans(shape)
    return 1 / math.sqrt(fan_in) if fan_in else 0.0


def _check_groups(groups: int, in_channels: int, out_channels: int) -> None:
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise ArgumentError(
            "the channels do not fall into the groups",
            got=f"{in_channels} and {out_channels} channels, {groups} groups",
            expected="multiples of the number of groups",
        )


def _pair_padding(
    padding: Numbers | str,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> list[tuple[int, int]]:
    """Return what is put before and after each axis."""
    if not isinstance(padding, str):
        return [(amount, amount) for amount in per_axis(padding, len(window), "padding")]
    check_choice("padding", padding, ("same", "valid"))
    if padding == "valid":
        return [(0, 0)] * len(window)
    if any(step != 1 for step in stride):
        raise ArgumentError('padding "same" needs a stride of 1', got=stride)
    totals = [gap * (size - 1) for gap, size in zip(dilation, window, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]

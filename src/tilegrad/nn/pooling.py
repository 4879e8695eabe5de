"""Pooling as layers."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.nn.applied import Applied
from tilegrad.tensor import Tensor
from tilegrad.tensor.windows import Numbers


class _MaxPool(Applied):
    """The greatest element of each window.

    Args:
        kernel_size: size of a window.
        stride: distance between windows; the size of a window if None.
        padding: what is put before and after each axis.
        dilation: distance between the samples of a window.
        return_indices: whether to return also where in its image each was found.
        ceil_mode: whether a last window may reach beyond the end.
    """

    def __init__(
        self,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        dilation: Numbers = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.return_indices, self.ceil_mode = dilation, return_indices, ceil_mode


class _AvgPool(Applied):
    """The mean of each window.

    Args:
        kernel_size: size of a window.
        stride: distance between windows; the size of a window if None.
        padding: zeros that are put before and after each axis.
        ceil_mode: whether a last window may reach beyond the end.
        count_include_pad: whether the zeros count.
    """

    def __init__(
        self,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad


class MaxPool1d(_MaxPool):
    """The greatest element of each window over the last axis."""

    function = Tensor.max_pool1d


class AvgPool1d(_AvgPool):
    """The mean of each window over the last axis."""

    function = Tensor.avg_pool1d


class MaxPool2d(_MaxPool):
    """The greatest element of each window over the last two axes."""

    function = Tensor.max_pool2d


class AvgPool2d(_AvgPool):
    """The mean of each window over the last two axes."""

    function = Tensor.avg_pool2d


class MaxPool3d(_MaxPool):
    """The greatest element of each window over the last three axes."""

    function = Tensor.max_pool3d


class AvgPool3d(_AvgPool):
    """The mean of each window over the last three axes."""

    function = Tensor.avg_pool3d


class _Adaptive(Applied):
    """Windows of such sizes that a given number of them covers each axis.

    Args:
        output_size: how many windows there are along each axis; None keeps an axis.
    """

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        self.output_size = output_size


class AdaptiveAvgPool1d(_Adaptive):
    """The means of as many windows over the last axis as are asked for."""

    function = Tensor.adaptive_avg_pool1d


class AdaptiveMaxPool1d(_Adaptive):
    """The greatest elements of as many windows over the last axis as are asked for."""

    function = Tensor.adaptive_max_pool1d


class AdaptiveAvgPool2d(_Adaptive):
    """The means of as many windows over the last two axes as are asked for."""

    function = Tensor.adaptive_avg_pool2d


class AdaptiveMaxPool2d(_Adaptive):
    """The greatest elements of as many windows over the last two axes as are asked for."""

    function = Tensor.adaptive_max_pool2d


class AdaptiveAvgPool3d(_Adaptive):
    """The means of as many windows over the last three axes as are asked for."""

    function = Tensor.adaptive_avg_pool3d


class AdaptiveMaxPool3d(_Adaptive):
    """The greatest elements of as many windows over the last three axes as are asked for."""

    function = Tensor.adaptive_max_pool3d


class _LPPool(Applied):
    """(Σ xᵖ)^(1/p) over each window.

    Args:
        norm_type: p.
        kernel_size: size of a window.
        stride: distance between windows; the size of a window if None.
    """

    def __init__(
        self, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None
    ) -> None:
        self.norm_type, self.kernel_size, self.stride = norm_type, kernel_size, stride


class LPPool1d(_LPPool):
    """(Σ xᵖ)^(1/p) over windows of the last axis."""

    function = Tensor.lp_pool1d


class LPPool2d(_LPPool):
    """(Σ xᵖ)^(1/p) over windows of the last two axes."""

    function = Tensor.lp_pool2d


class MaxUnpool2d(Applied):
    """Elements put back where ``MaxPool2d`` found them: ``layer(x, indices)``.

    Args:
        kernel_size: size of a window.
        stride: distance between windows; the size of a window if None.
        padding: what was put before and after each axis.
    """

    function = Tensor.max_unpool2d

    def __init__(
        self, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

"""Activations and pooling as layers, for those who list layers by class as in PyTorch.

The methods of tensors serve as well: ``nn.Sequential(nn.Linear(2, 3), Tensor.relu)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor

Numbers = int | Sequence[int]


class _Elementwise(Module):
    """A layer without arguments that applies a method of tensors."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return type(self).function(x)


class ReLU(_Elementwise):
    """max(x, 0)."""

    function = Tensor.relu


class SiLU(_Elementwise):
    """x · sigmoid(x)."""

    function = Tensor.silu


class Sigmoid(_Elementwise):
    """1 / (1 + e⁻ˣ)."""

    function = Tensor.sigmoid


class Tanh(_Elementwise):
    """The hyperbolic tangent."""

    function = Tensor.tanh


class Hardswish(_Elementwise):
    """x · min(max(x + 3, 0), 6) / 6."""

    function = Tensor.hardswish


class GELU(Module):
    """x · Φ(x) with Φ the normal distribution function.

    Args:
        approximate: "none", or "tanh" for the approximation with a hyperbolic tangent.
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.gelu(self.approximate)


class LeakyReLU(Module):
    """x where it is positive, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.leaky_relu(self.negative_slope)


class ELU(Module):
    """x where it is positive, else alpha · (eˣ - 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.elu(self.alpha)


class Softplus(Module):
    """log(1 + e^(beta·x)) / beta."""

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.softplus(self.beta)


class Softmax(Module):
    """eˣ / Σ eˣ along an axis."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.softmax(self.dim)


class LogSoftmax(Module):
    """The logarithm of ``Softmax``."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.log_softmax(self.dim)


class MaxPool2d(Module):
    """The greatest element of each window.

    Args:
        kernel_size: size of a window.
        stride: distance between windows; the size of a window if None.
        padding: what is put before and after each axis.
        dilation: distance between the samples of a window.
        ceil_mode: whether a last window may reach beyond the end.
    """

    def __init__(
        self,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        dilation: Numbers = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode

    def __call__(self, x: Tensor) -> Tensor:
        """Return the pooled tensor."""
        pooled = x.max_pool2d(
            self.kernel_size, self.stride, self.dilation, self.padding, self.ceil_mode
        )
        return cast("Tensor", pooled)


class AvgPool2d(Module):
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

    def __call__(self, x: Tensor) -> Tensor:
        """Return the pooled tensor."""
        return x.avg_pool2d(
            self.kernel_size, self.stride, 1, self.padding, self.ceil_mode, self.count_include_pad
        )

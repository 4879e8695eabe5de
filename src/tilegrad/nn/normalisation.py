"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from tilegrad.base.errors import ShapeError
from tilegrad.nn import init
from tilegrad.nn.applied import Applied
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class BatchNorm(Module):
    """Each channel (axis 1) normalised by the statistics of the batch, then scaled and shifted.

    While ``Tensor.training`` is set, the statistics are those of the batch, and running averages of
    them are assigned, which an optimiser's step realises with all else; otherwise the running
    averages are used (S. Ioffe and C. Szegedy, "Batch normalization", 2015).

    Args:
        num_features: size of axis 1.
        eps: added to the variance.
        momentum: share of a batch in the running averages; None for the average of all batches.
        affine: whether there are a weight and a bias.
        track_running_stats: whether there are running averages; without them, the batch's
            statistics are always used.

    Attributes:
        weight: shape (num_features,), ones at first, or None.
        bias: shape (num_features,), zeros at first, or None.
        running_mean: shape (num_features,), or None.
        running_var: shape (num_features,), unbiased, or None.
        num_batches_tracked: how many batches the averages hold; counted if momentum is None.
    """

    num_batches_tracked: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = init.ones(num_features) if affine else None
        self.bias = init.zeros(num_features) if affine else None
        self.running_mean: Tensor | None = None
        self.running_var: Tensor | None = None
        if track_running_stats:
            self.register_buffer("running_mean", init.zeros(num_features))
            self.register_buffer("running_var", init.ones(num_features))
            self.register_buffer("num_batches_tracked", Tensor(numpy.array(0)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised tensor, of the same shape.

        Raises:
            ShapeError: axis 1 does not have ``num_features`` elements.
        """
        if x.ndim < 2 or x.shape[1] != self.num_features:
            raise ShapeError(
                "the channels do not fit the normalisation",
                got=f"shape {x.shape}",
                expected=f"(batch, {self.num_features}, ..)",
            )
        if self.running_mean is None or self.running_var is None or Tensor.training:
            mean, variance = self._measure(x)
        else:
            mean, variance = self.running_mean, self.running_var
        return x.batchnorm(self.weight, self.bias, mean, (variance + self.eps).rsqrt())

    def _measure(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the batch's mean and variance, and take them into the running averages."""
        if x.numel() == self.num_features:
            raise ShapeError(
                "the statistics of a batch need more than one value per channel",
                got=f"shape {x.shape}",
                mend="train on larger batches, or call .eval() on the module",
            )
        wide = x.float() if x.dtype.bits < 32 else x
        axes = [axis for axis in range(x.ndim) if axis != 1]
        mean, variance = wide.mean(axes), wide.var(axes, correction=0)
        if self.running_mean is not None and self.running_var is not None:
            share = self._count()
            measured = ((self.running_mean, mean), (self.running_var, wide.var(axes, correction=1)))
            for running, new in measured:
                running.assign(running + share * (new.detach() - running))
        return mean, variance

    def _count(self) -> Tensor | float:
        if self.momentum is not None:
            return self.momentum
        self.num_batches_tracked.assign(self.num_batches_tracked + 1)
        return 1 / self.num_batches_tracked.float()


BatchNorm1d = BatchNorm2d = BatchNorm3d = BatchNorm


class LayerNorm(Module):
    """The last axes normalised, then scaled and shifted.

    From J. Ba et al., "Layer normalization", 2016.

    Args:
        normalized_shape: sizes of those axes.
        eps: added to the variance.
        elementwise_affine: whether there are a weight and a bias.
        bias: whether there is a bias, if there is a weight.

    Attributes:
        weight: shape ``normalized_shape``, ones at first, or None.
        bias: shape ``normalized_shape``, zeros at first, or None.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        self.normalized_shape, self.eps = _as_shape(normalized_shape), eps
        self.weight = init.ones(*self.normalized_shape) if elementwise_affine else None
        self.bias = init.zeros(*self.normalized_shape) if elementwise_affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised tensor, of the same shape."""
        return x.layer_norm(self.normalized_shape, self.weight, self.bias, self.eps)


class LayerNorm2d(LayerNorm):
    """``LayerNorm`` over axis 1 of (batch, channels, height, width)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised tensor, of the same shape."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class RMSNorm(Module):
    """The last axes divided by the root of their mean square, then scaled.

    From B. Zhang and R. Sennrich, "Root mean square layer normalization", 2019.

    Args:
        normalized_shape: sizes of those axes.
        eps: added to the mean square.
        elementwise_affine: whether there is a weight.

    Attributes:
        weight: shape ``normalized_shape``, ones at first, or None.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-6,
        elementwise_affine: bool = True,
    ) -> None:
        self.normalized_shape, self.eps = _as_shape(normalized_shape), eps
        self.weight = init.ones(*self.normalized_shape) if elementwise_affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised tensor, of the same shape."""
        return x.rms_norm(self.normalized_shape, self.weight, self.eps)


class LocalResponseNorm(Applied):
    """Elements divided by a power of the mean square of neighbouring channels (axis 1).

    From A. Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
    2012; see ``Tensor.local_response_norm``.
    """

    function = Tensor.local_response_norm

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k


class GroupNorm(Module):
    """Each group of channels (axis 1) of each sample normalised, then scaled and shifted.

    From Y. Wu and K. He, "Group normalization", 2018.

    Args:
        num_groups: how many groups the channels fall into.
        num_channels: size of axis 1.
        eps: added to the variance.
        affine: whether there are a weight and a bias.

    Attributes:
        weight: shape (num_channels,), ones at first, or None.
        bias: shape (num_channels,), zeros at first, or None.

    Raises:
        ShapeError: the channels do not fall into the groups.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ShapeError(
                "the channels do not fall into the groups",
                got=f"{num_channels} channels, {num_groups} groups",
            )
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = init.ones(num_channels) if affine else None
        self.bias = init.zeros(num_channels) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised tensor, of the same shape."""
        return x.group_norm(self.num_groups, self.weight, self.bias, self.eps)


class InstanceNorm(Module):
    """Each channel (axis 1) of each sample normalised, then scaled and shifted.

    From D. Ulyanov et al., "Instance normalization", 2016.

    Args:
        num_features: size of axis 1.
        eps: added to the variance.
        affine: whether there are a weight and a bias.

    Attributes:
        weight: shape (num_features,), ones at first, or None.
        bias: shape (num_features,), zeros at first, or None.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = True) -> None:
        self.num_features, self.eps = num_features, eps
        self.weight = init.ones(num_features) if affine else None
        self.bias = init.zeros(num_features) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised tensor, of the same shape."""
        return x.instance_norm(self.weight, self.bias, self.eps)


class InstanceNorm1d(InstanceNorm):
    """``InstanceNorm`` with PyTorch's default of no weight and no bias."""

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__(num_features, eps, affine)


InstanceNorm2d = InstanceNorm3d = InstanceNorm1d


def _as_shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)

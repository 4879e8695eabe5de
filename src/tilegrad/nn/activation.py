"""Activations as layers, for those who list layers by class as in PyTorch.

The methods of tensors serve as well: ``nn.Sequential(nn.Linear(2, 3), Tensor.relu)``.
"""

from __future__ import annotations

import numpy

from tilegrad.nn.applied import Applied
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class ReLU(Applied):
    """max(x, 0)."""

    function = Tensor.relu


class ReLU6(Applied):
    """x limited to [0, 6]."""

    function = Tensor.relu6


class SiLU(Applied):
    """x · sigmoid(x)."""

    function = Tensor.silu


class Mish(Applied):
    """x · tanh(log(1 + eˣ))."""

    function = Tensor.mish


class Sigmoid(Applied):
    """1 / (1 + e⁻ˣ)."""

    function = Tensor.sigmoid


class LogSigmoid(Applied):
    """The logarithm of ``Sigmoid``."""

    function = Tensor.logsigmoid


class Hardsigmoid(Applied):
    """min(max(x + 3, 0), 6) / 6."""

    function = Tensor.hardsigmoid


class Tanh(Applied):
    """The hyperbolic tangent."""

    function = Tensor.tanh


class Tanhshrink(Applied):
    """x - tanh(x)."""

    function = Tensor.tanhshrink


class Hardtanh(Applied):
    """x limited to [min_val, max_val]."""

    function = Tensor.hardtanh

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = min_val, max_val


class Hardswish(Applied):
    """x · min(max(x + 3, 0), 6) / 6."""

    function = Tensor.hardswish


class Softsign(Applied):
    """x / (1 + |x|)."""

    function = Tensor.softsign


class GELU(Applied):
    """x · Φ(x) with Φ the normal distribution function.

    Args:
        approximate: "none", or "tanh" for the approximation with a hyperbolic tangent.
    """

    function = Tensor.gelu

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate


class LeakyReLU(Module):
    """x where it is positive, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.leaky_relu(self.negative_slope)


class PReLU(Module):
    """x where it is positive, else a slope that is learned times x.

    Args:
        num_parameters: 1, or one slope for each channel (axis 1).
        init: the slope to begin with.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.weight = Tensor(numpy.full((num_parameters,), init, numpy.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Return the function of the tensor, of the same shape."""
        return x.prelu(self.weight)


class RReLU(Applied):
    """x where it is positive, else x times a slope that is random while ``Tensor.training``."""

    function = Tensor.rrelu

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3) -> None:
        self.lower, self.upper = lower, upper


class ELU(Applied):
    """x where it is positive, else alpha · (eˣ - 1)."""

    function = Tensor.elu

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha


class CELU(Applied):
    """x where it is positive, else alpha · (e^(x / alpha) - 1)."""

    function = Tensor.celu

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha


class SELU(Applied):
    """``ELU`` scaled so that mean 0 and variance 1 are kept."""

    function = Tensor.selu


class GLU(Applied):
    """The first half of an axis times the sigmoid of the second."""

    function = Tensor.glu

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim


class Softplus(Applied):
    """log(1 + e^(beta·x)) / beta."""

    function = Tensor.softplus

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta


class Softshrink(Applied):
    """x moved toward 0 by lambd, and 0 within."""

    function = Tensor.softshrink

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd


class Hardshrink(Applied):
    """x where it is farther than lambd from 0, else 0."""

    function = Tensor.hardshrink

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd


class Threshold(Applied):
    """x above the threshold, else a value."""

    function = Tensor.threshold

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold, self.value = threshold, value


class Softmax(Applied):
    """eˣ / Σ eˣ along an axis."""

    function = Tensor.softmax

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim


class Softmin(Applied):
    """e⁻ˣ / Σ e⁻ˣ along an axis."""

    function = Tensor.softmin

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim


class LogSoftmax(Applied):
    """The logarithm of ``Softmax``."""

    function = Tensor.log_softmax

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim


class CosineSimilarity(Applied):
    """The cosine of the angle between vectors along an axis of two tensors."""

    function = Tensor.cosine_similarity

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim, self.eps = dim, eps


class PairwiseDistance(Applied):
    """The p-norm of the difference of two tensors along the last axis."""

    function = Tensor.pairwise_distance

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.p, self.eps, self.keepdim = p, eps, keepdim

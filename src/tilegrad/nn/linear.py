"""Linear layers."""

from __future__ import annotations

import math

from tilegrad.nn import init
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class Linear(Module):
    """x @ weightᵀ + bias.

    Args:
        in_features: size of the last axis of the input.
        out_features: size of the last axis of the output.
        bias: whether there is a bias.

    Attributes:
        weight: shape (out_features, in_features), uniform in ±1/√in_features.
        bias: shape (out_features,), uniform likewise, or None.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / math.sqrt(in_features) if in_features else 0.0
        self.weight = init.uniform((out_features, in_features), -bound, bound)
        self.bias = init.uniform((out_features,), -bound, bound) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (*, out_features) for shape (*, in_features)."""
        return x.linear(self.weight.transpose(), self.bias)


class Bilinear(Module):
    """xᵀ·A·y + bias, one matrix A for each output.

    Args:
        in1_features: size of the last axis of x.
        in2_features: size of the last axis of y.
        out_features: size of the last axis of the output.
        bias: whether there is a bias.

    Attributes:
        weight: shape (out_features, in1_features, in2_features), uniform in ±1/√in1_features.
        bias: shape (out_features,), uniform likewise, or None.
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True
    ) -> None:
        self.in1_features, self.in2_features = in1_features, in2_features
        self.out_features = out_features
        bound = 1 / math.sqrt(in1_features)
        self.weight = init.uniform((out_features, in1_features, in2_features), -bound, bound)
        self.bias = init.uniform((out_features,), -bound, bound) if bias else None

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return shape (*, out_features) for shapes (*, in1_features) and (*, in2_features)."""
        result = Tensor.einsum("...i,oij,...j->...o", x, self.weight, y)
        return result if self.bias is None else result + self.bias

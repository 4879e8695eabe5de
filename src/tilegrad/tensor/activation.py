"""Activation functions.

All are elementwise, but for those with an axis. Integers give float32; floats narrower than 32 bits
are computed in float32 and rounded once. NaN stays NaN, and gradients are finite where the function
is smooth: a branch that is not taken gets an argument that it can bear.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, exponential, special, trigonometry
from tilegrad.ops.comparison import relu
from tilegrad.ops.conversion import cast_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import check_choice, resolve_axis
from tilegrad.tensor.base import Number, TensorBase, as_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.size import as_index
from tilegrad.tensor.softmax import Softmax

SELU_ALPHA = 1.6732632423543772
SELU_GAMMA = 1.0507009873554805


class Activation(Softmax):
    """The activation functions of PyTorch and tinygrad."""

    __slots__ = ()

    def by_formula(self, formula: Callable[[Node], Node]) -> Self:
        """Return a formula of the values, computed in float32 at least and rounded once."""
        source = as_float(self.node)
        return self.with_node(cast_to(formula(nodes.widen(source)), source.dtype))

    def relu(self) -> Self:
        """Return x above 0, else 0, with a gradient of 0 at 0."""
        return self.with_node(relu(self.node))

    def relu6(self) -> Self:
        """Return x limited to [0, 6]."""
        return self.hardtanh(0, 6)

    def hardtanh(self, min_val: Number = -1, max_val: Number = 1) -> Self:
        """Return x limited to [min_val, max_val], with a gradient of 0 at the limits.

        Raises:
            ArgumentError: the limits are in the wrong order.
        """
        if min_val > max_val:
            raise ArgumentError(
                "hardtanh: the limits are in the wrong order", got=f"{min_val} and {max_val}"
            )
        return (self <= min_val).where(min_val, (self >= max_val).where(max_val, self))

    def leaky_relu(self, neg_slope: float = 0.01) -> Self:
        """Return x above 0, else neg_slope · x."""
        return self.by_formula(lambda x: nodes.where(x > 0.0, x, x * neg_slope))

    def prelu(self, weight: TensorBase) -> Self:
        """Return x above 0, else weight · x, with one weight, or one for each channel (axis 1).

        Raises:
            ShapeError: the number of weights fits neither.
        """
        slopes = self.with_node(self.as_operand(weight))
        rank, count = len(self.node.shape), slopes.numel()
        if count != 1:
            if rank < 2 or self.shape[1] != count or slopes.ndim != 1:
                raise ShapeError(
                    "prelu needs one weight, or one for each channel",
                    got=f"{show_shape(slopes.node.shape)} for {show_shape(self.node.shape)}",
                )
            slopes = slopes.reshape(count, *(1,) * (rank - 2))
        elif slopes.ndim > rank:
            slopes = slopes.reshape(())
        return (self > 0).where(self, self * slopes)

    def elu(self, alpha: float = 1.0) -> Self:
        """Return x above 0, else alpha · (eˣ - 1)."""
        return self.by_formula(lambda x: _exponential_below(x, alpha, 1.0))

    def celu(self, alpha: float = 1.0) -> Self:
        """Return x above 0, else alpha · (e^(x / alpha) - 1)."""
        return self.by_formula(lambda x: _exponential_below(x, alpha, 1.0 / alpha))

    def selu(self, alpha: float = SELU_ALPHA, gamma: float = SELU_GAMMA) -> Self:
        """Return gamma · elu(x, alpha), which keeps mean 0 and variance 1."""
        return self.by_formula(lambda x: _exponential_below(x, alpha, 1.0) * gamma)

    def sigmoid(self) -> Self:
        """Return 1 / (1 + e⁻ˣ)."""
        return self.by_formula(logistic)

    def logsigmoid(self) -> Self:
        """Return log sigmoid(x), accurate where that is small."""
        return self.by_formula(lambda x: -softplus(-x))

    def softplus(self, beta: float = 1.0) -> Self:
        """Return log(1 + e^(beta · x)) / beta."""
        if beta == 1.0:
            return self.by_formula(softplus)
        return self.by_formula(lambda x: softplus(x * beta) / float(beta))

    def silu(self) -> Self:
        """Return x · sigmoid(x)."""
        return self.by_formula(lambda x: x * logistic(x))

    swish = silu

    def mish(self) -> Self:
        """Return x · tanh(softplus(x))."""
        return self.by_formula(lambda x: x * trigonometry.tanh(softplus(x)))

    def gelu(self, approximate: str = "none") -> Self:
        """Return x · Φ(x) with the distribution function Φ of the normal distribution.

        Args:
            approximate: "none" for the error function, "tanh" for the approximation
                x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
        """
        check_choice("approximation", approximate, ("none", "tanh"))
        if approximate == "none":
            return self.by_formula(lambda x: x * 0.5 * (special.erf(x * math.sqrt(0.5)) + 1.0))
        # (1 + tanh y) / 2 is the logistic function of 2y, of which nothing cancels below 0.
        slope = 2.0 * math.sqrt(2.0 / math.pi)
        return self.by_formula(lambda x: x * logistic((x * x * (0.044715 * slope) + slope) * x))

    def quick_gelu(self) -> Self:
        """Return x · sigmoid(1.702 x)."""
        return self.by_formula(lambda x: x * logistic(x * 1.702))

    def hardsigmoid(self, alpha: float = 1 / 6, beta: float = 0.5) -> Self:
        """Return alpha · x + beta limited to [0, 1]."""
        return self.by_formula(lambda x: _limit(x * alpha + beta, 0.0, 1.0))

    def hardswish(self) -> Self:
        """Return x · relu6(x + 3) / 6."""
        return self.by_formula(lambda x: x * _limit(x + 3.0, 0.0, 6.0) * (1 / 6))

    def softsign(self) -> Self:
        """Return x / (1 + |x|)."""
        return self.by_formula(lambda x: x / (arithmetic.absolute(x) + 1.0))

    def tanhshrink(self) -> Self:
        """Return x - tanh(x)."""
        return self.by_formula(lambda x: x - trigonometry.tanh(x))

    def softshrink(self, lambd: float = 0.5) -> Self:
        """Return x moved toward 0 by ``lambd``, and 0 within."""
        return self.by_formula(
            lambda x: nodes.where(
                arithmetic.absolute(x) <= lambd, 0.0, x - arithmetic.sign(x) * lambd
            )
        )

    def hardshrink(self, lambd: float = 0.5) -> Self:
        """Return x, or 0 where |x| ≤ lambd."""
        return self.by_formula(lambda x: nodes.where(arithmetic.absolute(x) <= lambd, 0.0, x))

    def threshold(self, threshold: float, value: float) -> Self:
        """Return x above the threshold, else ``value``."""
        return (self <= threshold).where(value, self)

    def glu(self, dim: int = -1, *, axis: int | None = None) -> Self:
        """Return the first half of an axis times the sigmoid of the second.

        Raises:
            ShapeError: the size of the axis is odd.
        """
        place = resolve_axis(dim if axis is None else axis, len(self.node.shape))
        size = as_index(self.shape[place])
        if size % 2 != 0:
            raise ShapeError("glu needs an axis of even size", got=show_shape(self.node.shape))
        half = size // 2
        value = self.with_node(nodes.shrink_axis(self.node, place, 0, half))
        gate = self.with_node(nodes.shrink_axis(self.node, place, half, size))
        return value * gate.sigmoid()


def decay(x: Node) -> Node:
    """Return exp(-|x|) of a float node, with the gradient of the right side at 0."""
    return exponential.exp(nodes.where(x >= 0.0, -x, x))


def logistic(x: Node) -> Node:
    """Return 1 / (1 + e⁻ˣ) of a float node, never dividing ∞ by ∞."""
    falling = decay(x)
    return nodes.where(x >= 0.0, 1.0, falling) / (falling + 1.0)


def softplus(x: Node) -> Node:
    """Return log(1 + eˣ) of a float node."""
    return nodes.where(x >= 0.0, x, 0.0) + exponential.log1p(decay(x))


def _exponential_below(x: Node, alpha: float, rate: float) -> Node:
    """Return x above 0, else alpha · (e^(rate · x) - 1)."""
    is_positive = x > 0.0
    below = nodes.where(is_positive, 0.0, x)
    curve = exponential.expm1(below if rate == 1.0 else below * rate)
    return nodes.where(is_positive, x, curve if alpha == 1.0 else curve * alpha)


def _limit(x: Node, low: float, high: float) -> Node:
    return nodes.where(x <= low, low, nodes.where(x >= high, high, x))

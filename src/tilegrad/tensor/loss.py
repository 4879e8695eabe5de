"""Losses between a prediction and a target.

``reduction`` is "mean", "sum" or "none". Floats narrower than 32 bits are computed in float32 and
rounded once.
"""

from __future__ import annotations

import math
from typing import Self

from tilegrad.base.errors import ShapeError
from tilegrad.ir.node import Node, intern
from tilegrad.ops import arithmetic, comparison, exponential
from tilegrad.ops.leaves import constant
from tilegrad.tensor import nodes
from tilegrad.tensor.activation import decay
from tilegrad.tensor.base import TensorBase, as_float
from tilegrad.tensor.broadcasting import show_shape, unify
from tilegrad.tensor.classification import Classification


class Loss(Classification):
    """Losses by differences, by probabilities, and by distances between vectors."""

    __slots__ = ()

    def _compare(self, name: str, target: TensorBase | float) -> tuple[Node, Node]:
        """Return prediction and target, wide floats of one shape."""
        left, right = unify(as_float(self.node), self.as_operand(target))
        if left.shape != right.shape and right.shape:
            raise ShapeError(
                f"{name}: prediction and target differ in shape",
                got=f"{show_shape(self.node.shape)} and {show_shape(right.shape)}",
                expected="equal shapes",
            )
        return nodes.widen(left), nodes.widen(right)

    def mse_loss(self, target: TensorBase, reduction: str = "mean") -> Self:
        """Return (self - target)²."""
        left, right = self._compare("mse_loss", target)
        difference = left - right
        return self.reduce_loss(difference * difference, reduction)

    def l1_loss(self, target: TensorBase, reduction: str = "mean") -> Self:
        """Return |self - target|."""
        left, right = self._compare("l1_loss", target)
        return self.reduce_loss(arithmetic.absolute(left - right), reduction)

    def smooth_l1_loss(
        self, target: TensorBase, reduction: str = "mean", beta: float = 1.0
    ) -> Self:
        """Return d² / (2 beta) where d = |self - target| is below beta, else d - beta / 2."""
        if beta == 0.0:
            return self.l1_loss(target, reduction)
        left, right = self._compare("smooth_l1_loss", target)
        return self.reduce_loss(_huber(left - right, beta) / float(beta), reduction)

    def huber_loss(self, target: TensorBase, reduction: str = "mean", delta: float = 1.0) -> Self:
        """Return d² / 2 where d = |self - target| is below delta, else delta · (d - delta / 2)."""
        left, right = self._compare("huber_loss", target)
        return self.reduce_loss(_huber(left - right, delta), reduction)

    def binary_crossentropy(
        self, target: TensorBase, reduction: str = "mean", weight: TensorBase | None = None
    ) -> Self:
        """Return -target · log self - (1 - target) · log(1 - self); logarithms end at -100.

        Args:
            target: the probabilities wanted.
            reduction: what becomes of the elements.
            weight: factor of each element, or None.
        """
        left, right = self._compare("binary_crossentropy", target)
        loss = -(right * _bounded_log(left) + (1.0 - right) * _bounded_log(1.0 - left))
        return self.reduce_loss(loss, reduction, weight)

    binary_cross_entropy = binary_crossentropy

    def binary_crossentropy_logits(
        self,
        target: TensorBase,
        reduction: str = "mean",
        pos_weight: TensorBase | None = None,
        weight: TensorBase | None = None,
    ) -> Self:
        """Return ``binary_crossentropy`` of sigmoid(self), without undue overflow.

        Args:
            target: the probabilities wanted.
            reduction: what becomes of the elements.
            pos_weight: factor of the positive part, broadcast against the elements.
            weight: factor of each element, or None.
        """
        left, right = self._compare("binary_crossentropy_logits", target)
        # log(1 + e⁻ˣ) = log(1 + e^-|x|) + max(-x, 0)
        negative = exponential.log1p(decay(left)) + nodes.where(left >= 0.0, 0.0, -left)
        if pos_weight is None:
            return self.reduce_loss((1.0 - right) * left + negative, reduction, weight)
        x, y = self.with_node(left), self.with_node(right)
        factor = (self.with_node(self.as_operand(pos_weight)) - 1.0) * y + 1.0
        loss = (1.0 - y) * x + factor * self.with_node(negative)
        return self.reduce_loss(loss.node, reduction, weight)

    binary_cross_entropy_with_logits = binary_crossentropy_logits

    def kl_div(self, target: TensorBase, reduction: str = "mean", log_target: bool = False) -> Self:
        """Return target · (log target - self), where self holds logarithms of probabilities.

        Args:
            target: probabilities, or their logarithms.
            reduction: "batchmean" too: the sum divided by the first size.
            log_target: whether the target holds logarithms.
        """
        left, right = self._compare("kl_div", target)
        if log_target:
            loss = exponential.exp(right) * (right - left)
        else:
            is_positive = right > 0.0
            logarithm = exponential.log(nodes.where(is_positive, right, 1.0))
            loss = nodes.where(is_positive, right * (logarithm - left), 0.0)
        if reduction != "batchmean":
            return self.reduce_loss(loss, reduction)
        total = self.reduce_loss(loss, "sum")
        return total / self.shape[0]

    def poisson_nll_loss(
        self,
        target: TensorBase,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> Self:
        """Return rate - target · log rate for counts of a Poisson distribution.

        Args:
            target: the counts.
            log_input: whether self holds logarithms of the rate.
            full: whether to add Stirling's approximation of log(target!).
            eps: added to the rate before its logarithm.
            reduction: what becomes of the elements.
        """
        left, right = self._compare("poisson_nll_loss", target)
        if log_input:
            loss = exponential.exp(left) - right * left
        else:
            loss = left - right * exponential.log(left + float(eps))
        if full:
            is_large = right > 1.0
            safe = nodes.where(is_large, right, 1.0)
            stirling = safe * exponential.log(safe) - safe
            stirling = stirling + exponential.log(safe * (2.0 * math.pi)) * 0.5
            loss = loss + nodes.where(is_large, stirling, 0.0)
        return self.reduce_loss(loss, reduction)

    def gaussian_nll_loss(
        self,
        target: TensorBase,
        var: TensorBase | float,
        full: bool = False,
        eps: float = 1e-6,
        reduction: str = "mean",
    ) -> Self:
        """Return ½ (log var + (self - target)² / var) for a normal distribution.

        Args:
            target: what was observed.
            var: the variance predicted, not below ``eps``.
            full: whether to add ½ log 2π.
            eps: least variance.
            reduction: what becomes of the elements.
        """
        left, right = (self.with_node(node) for node in self._compare("gaussian_nll_loss", target))
        variance = self.with_node(self.as_operand(var)).maximum(eps)
        loss = (variance.log() + (left - right).square() / variance) * 0.5
        if full:
            loss = loss + 0.5 * math.log(2.0 * math.pi)
        return self.reduce_loss(loss.node, reduction)

    def soft_margin_loss(self, target: TensorBase, reduction: str = "mean") -> Self:
        """Return log(1 + e^(-target · self)) for targets of 1 and -1."""
        left, right = self._compare("soft_margin_loss", target)
        product = self.with_node(-(left * right))
        return self.reduce_loss(product.softplus().node, reduction)

    def hinge_embedding_loss(
        self, target: TensorBase, margin: float = 1.0, reduction: str = "mean"
    ) -> Self:
        """Return self where the target is 1, else max(0, margin - self)."""
        left, right = self._compare("hinge_embedding_loss", target)
        below = self.with_node(margin - left).relu()
        loss = nodes.where(_equals(right, 1.0), left, below.node)
        return self.reduce_loss(loss, reduction)

    def margin_ranking_loss(
        self, other: TensorBase, target: TensorBase, margin: float = 0.0, reduction: str = "mean"
    ) -> Self:
        """Return max(0, margin - target · (self - other)) for targets of 1 and -1."""
        left, right = (self.with_node(node) for node in self._compare("margin_ranking_loss", other))
        loss = (margin - (left - right) * target).relu()
        return self.reduce_loss(loss.node, reduction)

    def cosine_embedding_loss(
        self, other: TensorBase, target: TensorBase, margin: float = 0.0, reduction: str = "mean"
    ) -> Self:
        """Return 1 - cos where the target is 1, else max(0, cos - margin), along the last axis."""
        cosine = self.cosine_similarity(other, dim=-1)
        alike = cosine.with_node(self.as_operand(target)) == 1
        loss = alike.where(1.0 - cosine, (cosine - margin).relu())
        return self.reduce_loss(loss.node, reduction)

    def triplet_margin_loss(
        self,
        positive: TensorBase,
        negative: TensorBase,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        reduction: str = "mean",
    ) -> Self:
        """Return max(0, |self - positive| - |self - negative| + margin) of p-norms over vectors."""
        near = (self - positive + eps).norm(p, -1)
        far = (self - negative + eps).norm(p, -1)
        return self.reduce_loss((near - far + margin).relu().node, reduction)


def _huber(difference: Node, delta: float) -> Node:
    distance = arithmetic.absolute(difference)
    small = distance * distance * 0.5
    large = (distance - 0.5 * delta) * float(delta)
    return nodes.where(distance < delta, small, large)


def _bounded_log(node: Node) -> Node:
    """Return the logarithm, not below -100; its gradient at 0 is 0 and not infinite."""
    is_zero = _equals(node, 0.0)
    logarithm = exponential.log(nodes.where(is_zero, 1.0, node))
    bounded = nodes.where(logarithm < -100.0, -100.0, logarithm)
    return nodes.where(is_zero, -100.0, bounded)


def _equals(node: Node, value: float) -> Node:
    return intern(comparison.equal, (node, constant(value, node.dtype)))

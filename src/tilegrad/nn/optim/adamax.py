"""Adamax: Adam by the greatest gradient instead of the mean square."""

from __future__ import annotations

from collections.abc import Iterable

from tilegrad.nn.optim.adam import Adam, correction
from tilegrad.nn.optim.base import add_penalty
from tilegrad.tensor import Tensor


class Adamax(Adam):
    """p ← p - lr · m / u with u ← max(β₂·u, |g| + eps) and m corrected as Adam's, as in PyTorch.

    From D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, section 7. The
    arguments are ``Adam``'s.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return p moved by the corrected average over the greatest gradient."""
        gradient = add_penalty(gradient, parameter, self.weight_decay)
        first, greatest, count = self.advance(index, gradient)
        return parameter - lr / correction(self.betas[0], count) * (first / greatest)

    def next_second_moment(self, moment: Tensor, gradient: Tensor) -> Tensor:
        """Return the greatest magnitude of a gradient, decayed."""
        return (self.betas[1] * moment).maximum(gradient.abs() + self.eps)

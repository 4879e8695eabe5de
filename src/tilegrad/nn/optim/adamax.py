"""Adamax: Adam by the greatest gradient instead of the mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilegrad.nn.optim.adam import Adam, correction
from tilegrad.nn.optim.base import add_penalty
from tilegrad.nn.optim.parameter_group import Parameters
from tilegrad.tensor import Tensor


class Adamax(Adam):
    """p ← p - lr · m / u with u ← max(β₂·u, |g| + eps) and m corrected as Adam's, as in PyTorch.

    From D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, section 7. The
    arguments are ``Adam``'s.
    """

    second_name = "exp_inf"

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved by the corrected average over the greatest gradient."""
        gradient = add_penalty(gradient, parameter, options["weight_decay"])
        first, greatest, count = self.advance(gradient, state, options)
        return parameter - lr / correction(options["betas"][0], count) * (first / greatest)

    def next_second_moment(
        self, moment: Tensor, gradient: Tensor, options: Mapping[str, Any]
    ) -> Tensor:
        """Return the greatest magnitude of a gradient, decayed."""
        return (options["betas"][1] * moment).maximum(gradient.abs() + options["eps"])

"""Lion: steps of one size, along the sign of an average."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilegrad.nn.optim.base import Optimizer, check_fractions, new_zeros
from tilegrad.nn.optim.parameter_group import Parameters
from tilegrad.tensor import Tensor


class Lion(Optimizer):
    """p ← p - lr · (sign(β₁·m + (1-β₁)·g) + weight_decay · p), then m ← β₂·m + (1-β₂)·g.

    From X. Chen et al., "Symbolic discovery of optimization algorithms", 2023.

    Args:
        params: the tensors to optimise, or groups of them; see ``Optimizer``.
        lr: learning rate.
        betas: share of the average in the step, and its decay.
        weight_decay: decoupled weight decay.

    Raises:
        ArgumentError: a decay is not in [0, 1).
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that both decays are in [0, 1)."""
        check_fractions(beta1=options["betas"][0], beta2=options["betas"][1])

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the average of the gradient."""
        del options
        return {"exp_avg": new_zeros(parameter)}

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved along the sign of the average, and decayed."""
        beta1, beta2 = options["betas"]
        moment = state["exp_avg"].detach()
        direction = (beta1 * moment + (1 - beta1) * gradient).sign()
        state["exp_avg"].assign(beta2 * moment + (1 - beta2) * gradient)
        return parameter * (1 - lr * options["weight_decay"]) - lr * direction

"""Adam and AdamW."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tilegrad.nn.optim.base import (
    Optimizer,
    add_penalty,
    check_fractions,
    new_count,
    new_zeros,
)
from tilegrad.nn.optim.parameter_group import Parameters
from tilegrad.tensor import Tensor


class Adam(Optimizer):
    """Adam with an L2 penalty, as in PyTorch.

    m ← β₁·m + (1-β₁)·g and v ← β₂·v + (1-β₂)·g², both corrected for their start at zero, and
    p ← p - lr · m / (√v + eps) (D. Kingma and J. Ba, "Adam: a method for stochastic
    optimization", 2015).

    Args:
        params: the tensors to optimise, or groups of them; see ``Optimizer``.
        lr: learning rate.
        betas: decay of the averages of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: factor of the L2 penalty, which is added to the gradient.

    Raises:
        ArgumentError: a decay is not in [0, 1).
    """

    is_decoupled = False
    second_name = "exp_avg_sq"

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that both decays are in [0, 1)."""
        check_fractions(beta1=options["betas"][0], beta2=options["betas"][1])

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the averages of the gradient and of its square, and the count of steps."""
        del options
        return {
            "exp_avg": new_zeros(parameter),
            self.second_name: new_zeros(parameter),
            "step": new_count(parameter),
        }

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved by the corrected averages, and decayed."""
        if not self.is_decoupled:
            gradient = add_penalty(gradient, parameter, options["weight_decay"])
        first, second, count = self.advance(gradient, state, options)
        beta1, beta2 = options["betas"]
        root = second.sqrt() / correction(beta2, count).sqrt() + options["eps"]
        if options["weight_decay"] and self.is_decoupled:
            parameter = parameter * (1 - lr * options["weight_decay"])
        return parameter - lr / correction(beta1, count) * (first / root)

    def advance(
        self, gradient: Tensor, state: Mapping[str, Tensor], options: Mapping[str, Any]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Assign and return the new averages of the gradient and of its square, and the count."""
        beta1 = options["betas"][0]
        first = beta1 * state["exp_avg"] + (1 - beta1) * gradient
        second = self.next_second_moment(state[self.second_name], gradient, options)
        state["exp_avg"].assign(first)
        state[self.second_name].assign(second)
        return first, second, state["step"].assign(state["step"] + 1)

    def next_second_moment(
        self, moment: Tensor, gradient: Tensor, options: Mapping[str, Any]
    ) -> Tensor:
        """Return the new average of the square of the gradient."""
        beta2 = options["betas"][1]
        return beta2 * moment + (1 - beta2) * (gradient * gradient)


class AdamW(Adam):
    """Adam with decoupled weight decay, as in PyTorch: p ← (1 - lr·weight_decay)·p first.

    From I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019. The arguments
    are ``Adam``'s.
    """

    is_decoupled = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


def correction(beta: float, count: Tensor) -> Tensor:
    """Return 1 - beta^count, the share of a decaying average that ``count`` steps have filled.

    Computed as -expm1(count · ln beta), which loses no digits where beta is close to 1.
    """
    return -(count * math.log(beta)).expm1() if beta else count * 0 + 1

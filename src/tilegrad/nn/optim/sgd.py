"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer, add_penalty, new_count, new_zeros
from tilegrad.nn.optim.parameter_group import Parameters
from tilegrad.tensor import Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, as in PyTorch.

    With g the gradient plus weight_decay · p, the velocity is
    v ← momentum · v + (1 - dampening) · g (v ← g at the first step), and p ← p - lr · v, or
    p - lr · (g + momentum · v) with Nesterov's momentum (I. Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013).

    Args:
        params: the tensors to optimise, or groups of them; see ``Optimizer``.
        lr: learning rate.
        momentum: share of the velocity that is kept.
        dampening: share of the gradient that does not enter the velocity.
        weight_decay: factor of the L2 penalty.
        nesterov: whether to look ahead along the velocity.

    Raises:
        ArgumentError: Nesterov's momentum was asked for without momentum or with dampening.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that Nesterov's momentum has momentum and no dampening."""
        momentum, dampening = options["momentum"], options["dampening"]
        if options["nesterov"] and (momentum <= 0 or dampening != 0):
            raise ArgumentError(
                "Nesterov's momentum needs momentum and no dampening",
                got=f"momentum {momentum}, dampening {dampening}",
            )

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the velocity and the count of steps, if the options need them."""
        state = {"momentum_buffer": new_zeros(parameter)} if options["momentum"] else {}
        if options["momentum"] and options["dampening"]:
            state["step"] = new_count(parameter)
        return state

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p - lr · step, where the step is the gradient or the velocity."""
        gradient = add_penalty(gradient, parameter, options["weight_decay"])
        step = gradient
        momentum, dampening = options["momentum"], options["dampening"]
        if momentum:
            velocity = momentum * state["momentum_buffer"] + (1 - dampening) * gradient
            if dampening:
                count = state["step"].assign(state["step"] + 1)
                velocity = (count == 1).where(gradient, velocity)
            state["momentum_buffer"].assign(velocity)
            step = gradient + momentum * velocity if options["nesterov"] else velocity
        return parameter - lr * step

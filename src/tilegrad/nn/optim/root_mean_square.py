"""RMSprop, Adagrad and Adadelta: steps divided by the size that past gradients had."""

from __future__ import annotations

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


class RMSprop(Optimizer):
    """p ← p - lr · g / (√v + eps) with v ← alpha·v + (1-alpha)·g², as in PyTorch.

    From T. Hinton, "Neural networks for machine learning", lecture 6e, 2012.

    Args:
        params: the tensors to optimise, or groups of them; see ``Optimizer``.
        lr: learning rate.
        alpha: decay of the average of the square.
        eps: added to the denominator.
        weight_decay: factor of the L2 penalty, which is added to the gradient.
        momentum: share of the velocity that is kept.
        centered: whether to subtract the square of the average gradient from v.

    Raises:
        ArgumentError: a decay is not in [0, 1).
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that the decay is in [0, 1)."""
        check_fractions(alpha=options["alpha"])

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the averages and the velocity, if the options need them."""
        names = ["square_avg"]
        names += ["grad_avg"] if options["centered"] else []
        names += ["momentum_buffer"] if options["momentum"] else []
        return {name: new_zeros(parameter) for name in names}

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved by the gradient over its root mean square."""
        gradient = add_penalty(gradient, parameter, options["weight_decay"])
        alpha = options["alpha"]
        square = alpha * state["square_avg"] + (1 - alpha) * (gradient * gradient)
        state["square_avg"].assign(square)
        if options["centered"]:
            average = alpha * state["grad_avg"] + (1 - alpha) * gradient
            state["grad_avg"].assign(average)
            square = square - average * average
        step = gradient / (square.sqrt() + options["eps"])
        if options["momentum"]:
            step = options["momentum"] * state["momentum_buffer"] + step
            state["momentum_buffer"].assign(step)
        return parameter - lr * step


class Adagrad(Optimizer):
    """p ← p - lr / (1 + (t-1)·lr_decay) · g / (√v + eps) with v ← v + g², as in PyTorch.

    From J. Duchi et al., "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.

    Args:
        params: the tensors to optimise, or groups of them; see ``Optimizer``.
        lr: learning rate.
        lr_decay: how fast the learning rate falls.
        weight_decay: factor of the L2 penalty, which is added to the gradient.
        eps: added to the denominator.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the sum of squares, and the count of steps, if the options need it."""
        state = {"sum": new_zeros(parameter)}
        if options["lr_decay"]:
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
        """Return p moved by the gradient over the root of its summed squares."""
        gradient = add_penalty(gradient, parameter, options["weight_decay"])
        square = state["sum"] + gradient * gradient
        state["sum"].assign(square)
        if options["lr_decay"]:
            count = state["step"].assign(state["step"] + 1)
            lr = lr / (1 + (count - 1) * options["lr_decay"])
        return parameter - lr * (gradient / (square.sqrt() + options["eps"]))


class Adadelta(Optimizer):
    """p ← p - lr · d with d = √(w + eps) / √(v + eps) · g, as in PyTorch.

    v ← rho·v + (1-rho)·g² and then w ← rho·w + (1-rho)·d² (M. Zeiler, "ADADELTA: an adaptive
    learning rate method", 2012).

    Args:
        params: the tensors to optimise, or groups of them; see ``Optimizer``.
        lr: factor of the steps.
        rho: decay of the averages of the squares.
        eps: added to both averages.
        weight_decay: factor of the L2 penalty, which is added to the gradient.

    Raises:
        ArgumentError: the decay is not in [0, 1).
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that the decay is in [0, 1)."""
        check_fractions(rho=options["rho"])

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the averages of the squares of gradients and of steps."""
        del options
        return {"square_avg": new_zeros(parameter), "acc_delta": new_zeros(parameter)}

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved by the gradient over its root mean square, times that of the steps."""
        gradient = add_penalty(gradient, parameter, options["weight_decay"])
        rho, eps, delta = options["rho"], options["eps"], state["acc_delta"]
        square = rho * state["square_avg"] + (1 - rho) * (gradient * gradient)
        step = ((delta + eps) / (square + eps)).sqrt() * gradient
        state["square_avg"].assign(square)
        delta.assign(rho * delta + (1 - rho) * (step * step))
        return parameter - lr * step

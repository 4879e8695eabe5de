"""RMSprop, Adagrad and Adadelta: steps divided by the size that past gradients had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tilegrad.nn.optim.base import Optimizer, add_penalty, check_fractions
from tilegrad.tensor import Tensor


class RMSprop(Optimizer):
    """p ← p - lr · g / (√v + eps) with v ← alpha·v + (1-alpha)·g², as in PyTorch.

    From T. Hinton, "Neural networks for machine learning", lecture 6e, 2012.

    Args:
        params: the tensors to optimise.
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
        params: Iterable[Tensor],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(params, lr)
        check_fractions(alpha=alpha)
        self.alpha, self.eps, self.weight_decay = alpha, eps, weight_decay
        self.momentum, self.centered = momentum, centered
        self.squares = self.new_state()
        self.averages = self.new_state() if centered else []
        self.velocities = self.new_state() if momentum else []

    def state(self) -> Sequence[list[Tensor]]:
        """Return the averages and velocities that are in use."""
        return [one for one in (self.squares, self.averages, self.velocities) if one]

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return p moved by the gradient over its root mean square."""
        gradient = add_penalty(gradient, parameter, self.weight_decay)
        square = self.alpha * self.squares[index] + (1 - self.alpha) * (gradient * gradient)
        self.squares[index].assign(square)
        if self.centered:
            average = self.alpha * self.averages[index] + (1 - self.alpha) * gradient
            self.averages[index].assign(average)
            square = square - average * average
        step = gradient / (square.sqrt() + self.eps)
        if self.momentum:
            step = self.momentum * self.velocities[index] + step
            self.velocities[index].assign(step)
        return parameter - lr * step


class Adagrad(Optimizer):
    """p ← p - lr / (1 + (t-1)·lr_decay) · g / (√v + eps) with v ← v + g², as in PyTorch.

    From J. Duchi et al., "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.

    Args:
        params: the tensors to optimise.
        lr: learning rate.
        lr_decay: how fast the learning rate falls.
        weight_decay: factor of the L2 penalty, which is added to the gradient.
        eps: added to the denominator.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(params, lr)
        self.lr_decay, self.weight_decay, self.eps = lr_decay, weight_decay, eps
        self.squares = self.new_state()
        self.steps = self.new_counts() if lr_decay else []

    def state(self) -> Sequence[list[Tensor]]:
        """Return the sums of squares, and the counts of steps, if there are any."""
        return [one for one in (self.squares, self.steps) if one]

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return p moved by the gradient over the root of its summed squares."""
        gradient = add_penalty(gradient, parameter, self.weight_decay)
        square = self.squares[index] + gradient * gradient
        self.squares[index].assign(square)
        if self.lr_decay:
            count = self.steps[index].assign(self.steps[index] + 1)
            lr = lr / (1 + (count - 1) * self.lr_decay)
        return parameter - lr * (gradient / (square.sqrt() + self.eps))


class Adadelta(Optimizer):
    """p ← p - lr · d with d = √(w + eps) / √(v + eps) · g, as in PyTorch.

    v ← rho·v + (1-rho)·g² and then w ← rho·w + (1-rho)·d² (M. Zeiler, "ADADELTA: an adaptive
    learning rate method", 2012).

    Args:
        params: the tensors to optimise.
        lr: factor of the steps.
        rho: decay of the averages of the squares.
        eps: added to both averages.
        weight_decay: factor of the L2 penalty, which is added to the gradient.

    Raises:
        ArgumentError: the decay is not in [0, 1).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        check_fractions(rho=rho)
        self.rho, self.eps, self.weight_decay = rho, eps, weight_decay
        self.squares, self.steps = self.new_state(), self.new_state()

    def state(self) -> Sequence[list[Tensor]]:
        """Return the averages of the squares of gradients and of steps."""
        return self.squares, self.steps

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return p moved by the gradient over its root mean square, times that of the steps."""
        gradient = add_penalty(gradient, parameter, self.weight_decay)
        square = self.rho * self.squares[index] + (1 - self.rho) * (gradient * gradient)
        step = ((self.steps[index] + self.eps) / (square + self.eps)).sqrt() * gradient
        self.squares[index].assign(square)
        self.steps[index].assign(self.rho * self.steps[index] + (1 - self.rho) * (step * step))
        return parameter - lr * step

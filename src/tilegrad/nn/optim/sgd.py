"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer, add_penalty
from tilegrad.tensor import Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, as in PyTorch.

    With g the gradient plus weight_decay · p, the velocity is
    v ← momentum · v + (1 - dampening) · g (v ← g at the first step), and p ← p - lr · v, or
    p - lr · (g + momentum · v) with Nesterov's momentum (I. Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013).

    Args:
        params: the tensors to optimise.
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
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ArgumentError(
                "Nesterov's momentum needs momentum and no dampening",
                got=f"momentum {momentum}, dampening {dampening}",
            )
        self.momentum, self.dampening = momentum, dampening
        self.weight_decay, self.nesterov = weight_decay, nesterov
        self.velocities = self.new_state() if momentum else []
        self.steps = self.new_counts() if momentum and dampening else []

    def state(self) -> Sequence[list[Tensor]]:
        """Return the velocities and counts of steps, if there are any."""
        return [one for one in (self.velocities, self.steps) if one]

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return p - lr · step, where the step is the gradient or the velocity."""
        gradient = add_penalty(gradient, parameter, self.weight_decay)
        step = gradient
        if self.momentum:
            velocity = self.momentum * self.velocities[index] + (1 - self.dampening) * gradient
            if self.dampening:
                count = self.steps[index].assign(self.steps[index] + 1)
                velocity = (count == 1).where(gradient, velocity)
            self.velocities[index].assign(velocity)
            step = gradient + self.momentum * velocity if self.nesterov else velocity
        return parameter - lr * step

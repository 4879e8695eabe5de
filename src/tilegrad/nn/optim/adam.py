"""Adam and AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tilegrad.nn.optim.base import Optimizer, add_penalty, check_fractions
from tilegrad.tensor import Tensor


class Adam(Optimizer):
    """Adam with an L2 penalty, as in PyTorch.

    m ← β₁·m + (1-β₁)·g and v ← β₂·v + (1-β₂)·g², both corrected for their start at zero, and
    p ← p - lr · m / (√v + eps) (D. Kingma and J. Ba, "Adam: a method for stochastic
    optimization", 2015).

    Args:
        params: the tensors to optimise.
        lr: learning rate.
        betas: decay of the averages of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: factor of the L2 penalty, which is added to the gradient.

    Raises:
        ArgumentError: a decay is not in [0, 1).
    """

    is_decoupled = False

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        check_fractions(beta1=betas[0], beta2=betas[1])
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.first_moments, self.second_moments = self.new_state(), self.new_state()
        self.steps = self.new_counts()

    def state(self) -> Sequence[list[Tensor]]:
        """Return the averages of the gradient and of its square, and the counts of steps."""
        return self.first_moments, self.second_moments, self.steps

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return p moved by the corrected averages, and decayed."""
        if not self.is_decoupled:
            gradient = add_penalty(gradient, parameter, self.weight_decay)
        first, second, count = self.advance(index, gradient)
        root = second.sqrt() / correction(self.betas[1], count).sqrt() + self.eps
        if self.weight_decay and self.is_decoupled:
            parameter = parameter * (1 - lr * self.weight_decay)
        return parameter - lr / correction(self.betas[0], count) * (first / root)

    def advance(self, index: int, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Assign and return the new averages of the gradient and of its square, and the count."""
        beta1 = self.betas[0]
        first = beta1 * self.first_moments[index] + (1 - beta1) * gradient
        second = self.next_second_moment(self.second_moments[index], gradient)
        self.first_moments[index].assign(first)
        self.second_moments[index].assign(second)
        return first, second, self.steps[index].assign(self.steps[index] + 1)

    def next_second_moment(self, moment: Tensor, gradient: Tensor) -> Tensor:
        """Return the new average of the square of the gradient."""
        return self.betas[1] * moment + (1 - self.betas[1]) * (gradient * gradient)


class AdamW(Adam):
    """Adam with decoupled weight decay, as in PyTorch: p ← (1 - lr·weight_decay)·p first.

    From I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019. The arguments
    are ``Adam``'s.
    """

    is_decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor],
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

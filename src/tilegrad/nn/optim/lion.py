"""Lion: steps of one size, along the sign of an average."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tilegrad.nn.optim.base import Optimizer, check_fractions
from tilegrad.tensor import Tensor


class Lion(Optimizer):
    """p ← p - lr · (sign(β₁·m + (1-β₁)·g) + weight_decay · p), then m ← β₂·m + (1-β₂)·g.

    From X. Chen et al., "Symbolic discovery of optimization algorithms", 2023.

    Args:
        params: the tensors to optimise.
        lr: learning rate.
        betas: share of the average in the step, and its decay.
        weight_decay: decoupled weight decay.

    Raises:
        ArgumentError: a decay is not in [0, 1).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        check_fractions(beta1=betas[0], beta2=betas[1])
        self.betas, self.weight_decay = betas, weight_decay
        self.moments = self.new_state()

    def state(self) -> Sequence[list[Tensor]]:
        """Return the averages of the gradient."""
        return (self.moments,)

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return p moved along the sign of the average, and decayed."""
        beta1, beta2 = self.betas
        moment = self.moments[index].detach()
        direction = (beta1 * moment + (1 - beta1) * gradient).sign()
        self.moments[index].assign(beta2 * moment + (1 - beta2) * gradient)
        return parameter * (1 - lr * self.weight_decay) - lr * direction

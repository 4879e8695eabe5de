"""Schedules by factors of the base rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from tilegrad.nn.optim.base import Optimizer, OptimizerGroup
from tilegrad.nn.optim.lr_scheduler.base import LRScheduler, check_positive, for_each_group

Factor = Callable[[int], float]
"""What a learning rate is multiplied by at an epoch."""


class LambdaLR(LRScheduler):
    """The base rate times a function of the epoch.

    Args:
        optimizer: whose learning rate to set.
        lr_lambda: factor at an epoch, one for all groups of parameters or one for each.
    """

    def __init__(
        self, optimizer: Optimizer | OptimizerGroup, lr_lambda: Factor | Sequence[Factor]
    ) -> None:
        self.factors = for_each_group("lr_lambda", lr_lambda, len(optimizer.param_groups))
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate times the function's value."""
        return self.base_lrs[group] * self.factors[group](epoch)


class StepLR(LRScheduler):
    """The rate times ``gamma`` every ``step_size`` epochs."""

    def __init__(
        self, optimizer: Optimizer | OptimizerGroup, step_size: int, gamma: float = 0.1
    ) -> None:
        check_positive("step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate, multiplied once for each full interval."""
        return self.base_lrs[group] * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` at each of the milestones."""

    def __init__(
        self, optimizer: Optimizer | OptimizerGroup, milestones: Sequence[int], gamma: float = 0.1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate, multiplied once for each milestone that was reached."""
        return self.base_lrs[group] * self.gamma ** bisect_right(self.milestones, epoch)


class ExponentialLR(LRScheduler):
    """The rate times ``gamma`` every epoch."""

    def __init__(self, optimizer: Optimizer | OptimizerGroup, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate times gamma^epoch."""
        return self.base_lrs[group] * self.gamma**epoch


class LinearLR(LRScheduler):
    """The base rate times a factor that goes in a straight line from one value to another.

    Args:
        optimizer: whose learning rate to set.
        start_factor: factor at the start.
        end_factor: factor from epoch ``total_iters`` on.
        total_iters: how many epochs the change takes.
    """

    def __init__(
        self,
        optimizer: Optimizer | OptimizerGroup,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        check_positive("total_iters", total_iters)
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate times the factor."""
        share = min(epoch, self.total_iters) / self.total_iters
        return self.base_lrs[group] * (
            self.start_factor + (self.end_factor - self.start_factor) * share
        )


class ConstantLR(LRScheduler):
    """The base rate times ``factor`` for ``total_iters`` epochs, then the base rate."""

    def __init__(
        self, optimizer: Optimizer | OptimizerGroup, factor: float = 1.0 / 3, total_iters: int = 5
    ) -> None:
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate, or its share."""
        return self.base_lrs[group] * (self.factor if epoch < self.total_iters else 1.0)


class PolynomialLR(LRScheduler):
    """The base rate times (1 - epoch / total_iters)^power, and 0 from epoch ``total_iters`` on."""

    def __init__(
        self, optimizer: Optimizer | OptimizerGroup, total_iters: int = 5, power: float = 1.0
    ) -> None:
        check_positive("total_iters", total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate times the power."""
        return (
            self.base_lrs[group]
            * (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power
        )


class MultiplicativeLR(LRScheduler):
    """The rate of the epoch before times a function of the epoch.

    Args:
        optimizer: whose learning rate to set.
        lr_lambda: factor at an epoch, one for all groups of parameters or one for each; that of
            epoch 0 is not used.
    """

    def __init__(
        self, optimizer: Optimizer | OptimizerGroup, lr_lambda: Factor | Sequence[Factor]
    ) -> None:
        self.factors = for_each_group("lr_lambda", lr_lambda, len(optimizer.param_groups))
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the base rate times the factors of the epochs up to this one."""
        return self.base_lrs[group] * math.prod(map(self.factors[group], range(1, epoch + 1)))

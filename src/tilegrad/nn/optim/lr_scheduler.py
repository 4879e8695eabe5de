"""Schedules of the learning rate.

A schedule is a function of the number of times that ``step`` was called, as in PyTorch; calling it
writes the optimiser's learning rate in place, so a captured training step uses the new one. To go
on from a checkpoint, set ``epoch`` before the next ``step``.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer


class LRScheduler:
    """Base of the schedules that depend on the step alone.

    Args:
        optimizer: whose learning rate to set; the one that it has now is the base.

    Attributes:
        base_lr: the learning rate that factors apply to.
        epoch: how often ``step`` has been called.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base_lr = float(optimizer.lr.item())
        self.epoch = 0
        optimizer.set_lr(self.rate_at(0))

    def step(self) -> None:
        """Go on to the next learning rate."""
        self.epoch += 1
        self.optimizer.set_lr(self.rate_at(self.epoch))

    def get_lr(self) -> float:
        """Return the learning rate that is in force."""
        return self.rate_at(self.epoch)

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate after ``epoch`` calls of ``step``."""
        raise NotImplementedError


class LambdaLR(LRScheduler):
    """The base rate times a function of the epoch.

    Args:
        optimizer: whose learning rate to set.
        lr_lambda: factor at an epoch.
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        self.factor = lr_lambda
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the base rate times the function's value."""
        return self.base_lr * self.factor(epoch)


class StepLR(LRScheduler):
    """The rate times ``gamma`` every ``step_size`` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        _check_positive("step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the base rate, multiplied once for each full interval."""
        return self.base_lr * self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` at each of the milestones."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the base rate, multiplied once for each milestone that was reached."""
        return self.base_lr * self.gamma ** bisect_right(self.milestones, epoch)


class ExponentialLR(LRScheduler):
    """The rate times ``gamma`` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the base rate times gamma^epoch."""
        return self.base_lr * self.gamma**epoch


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
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        _check_positive("total_iters", total_iters)
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the base rate times the factor."""
        share = min(epoch, self.total_iters) / self.total_iters
        return self.base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the base rate down to ``eta_min``, optionally after a linear warm-up.

    From I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Args:
        optimizer: whose learning rate to set.
        T_max: epochs from the base rate to the least one; beyond them the cosine rises again.
        eta_min: the least rate.
        warmup: epochs before that, in which the rate rises in a straight line to the base rate.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803 - PyTorch's name
        eta_min: float = 0.0,
        warmup: int = 0,
    ) -> None:
        _check_positive("T_max", T_max)
        self.length, self.eta_min, self.warmup = T_max, eta_min, warmup
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the rate on the line or on the cosine."""
        if epoch < self.warmup:
            return self.base_lr * (epoch + 1) / (self.warmup + 1)
        share = (epoch - self.warmup) / self.length
        return _interpolate(self.base_lr, self.eta_min, share)


class OneCycleLR(LRScheduler):
    """Up along half a cosine from a low rate to ``max_lr``, and down to a far lower one.

    From L. Smith and N. Topin, "Super-convergence", 2018. It leaves momentum alone.

    Args:
        optimizer: whose learning rate to set.
        max_lr: the highest rate.
        total_steps: length of the cycle; ``step`` may be called one time fewer.
        pct_start: share of the cycle in which the rate rises.
        div_factor: the first rate is ``max_lr / div_factor``.
        final_div_factor: the last rate is the first one divided by this.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        _check_positive("total_steps", total_steps - 1)
        self.max_lr, self.total_steps = max_lr, total_steps
        self.first_lr = max_lr / div_factor
        self.last_lr = self.first_lr / final_div_factor
        self.peak = pct_start * total_steps - 1
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the rate on the rising or falling side.

        Raises:
            ArgumentError: the cycle is over.
        """
        if epoch >= self.total_steps:
            raise ArgumentError(
                "the one-cycle schedule is over",
                got=f"step {epoch}",
                expected=f"fewer than {self.total_steps} steps",
            )
        if epoch <= self.peak:
            return _interpolate(self.first_lr, self.max_lr, epoch / self.peak)
        share = (epoch - self.peak) / (self.total_steps - 1 - self.peak)
        return _interpolate(self.max_lr, self.last_lr, share)


class ReduceLROnPlateau:
    """The rate times ``factor`` when a measure has not improved for a while.

    Args:
        optimizer: whose learning rate to set.
        mode: "min" if less is better, "max" if more is.
        factor: what to multiply the rate by.
        patience: how many calls without improvement are forgiven.
        threshold: how much counts as an improvement, relative to the best.
        cooldown: calls after a reduction in which nothing is counted.
        min_lr: the least rate.

    Raises:
        ArgumentError: the mode is neither, or the factor is not below 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        if mode not in {"min", "max"}:
            raise ArgumentError("unknown mode", got=repr(mode), expected="'min' or 'max'")
        if factor >= 1:
            raise ArgumentError("the factor must reduce the rate", got=factor, expected="below 1")
        self.optimizer, self.mode, self.factor = optimizer, mode, factor
        self.patience, self.threshold = patience, threshold
        self.cooldown, self.min_lr = cooldown, min_lr
        self.rate = float(optimizer.lr.item())
        self.best = math.inf if mode == "min" else -math.inf
        self.bad = 0
        self.cooling = 0

    def step(self, metrics: float) -> None:
        """Take note of the measure's value and reduce the rate if it is time.

        Args:
            metrics: the value, a number or a tensor with one element.
        """
        current = float(metrics)
        self.bad = 0 if self._is_better(current) else self.bad + 1
        self.best = current if self.bad == 0 else self.best
        if self.cooling > 0:
            self.cooling -= 1
            self.bad = 0
        if self.bad > self.patience:
            self.rate = max(self.rate * self.factor, self.min_lr)
            self.optimizer.set_lr(self.rate)
            self.cooling, self.bad = self.cooldown, 0

    def _is_better(self, current: float) -> bool:
        if self.mode == "min":
            return current < self.best * (1 - self.threshold)
        return current > self.best * (1 + self.threshold)


def _interpolate(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise ArgumentError(f"{name} is too small", got=value, expected="1 or more")

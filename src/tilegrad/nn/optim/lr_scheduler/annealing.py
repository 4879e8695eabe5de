"""Schedules that go between two rates along cosines and lines."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer, OptimizerGroup
from tilegrad.nn.optim.lr_scheduler.base import (
    LRScheduler,
    check_positive,
    for_each_group,
    interpolate,
)
from tilegrad.tensor.arguments import check_choice


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
        optimizer: Optimizer | OptimizerGroup,
        T_max: int,  # noqa: N803 - PyTorch's name
        eta_min: float = 0.0,
        warmup: int = 0,
    ) -> None:
        check_positive("T_max", T_max)
        self.length, self.eta_min, self.warmup = T_max, eta_min, warmup
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the rate on the line or on the cosine."""
        if epoch < self.warmup:
            return self.base_lrs[group] * (epoch + 1) / (self.warmup + 1)
        share = (epoch - self.warmup) / self.length
        return interpolate(self.base_lrs[group], self.eta_min, share)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the base rate down to ``eta_min``, again and again.

    From I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Args:
        optimizer: whose learning rate to set.
        T_0: epochs of the first cosine.
        T_mult: how many times as long each cosine is as the one before.
        eta_min: the least rate.
    """

    def __init__(
        self,
        optimizer: Optimizer | OptimizerGroup,
        T_0: int,  # noqa: N803 - PyTorch's name
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
    ) -> None:
        check_positive("T_0", T_0)
        check_positive("T_mult", T_mult)
        self.length, self.growth, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the rate on the cosine that the epoch lies in."""
        start, length = 0, self.length
        while epoch >= start + length:
            start, length = start + length, length * self.growth
        return interpolate(self.base_lrs[group], self.eta_min, (epoch - start) / length)


class OneCycleLR(LRScheduler):
    """Up along half a cosine from a low rate to ``max_lr``, and down to a far lower one.

    From L. Smith and N. Topin, "Super-convergence", 2018. It leaves momentum alone.

    Args:
        optimizer: whose learning rate to set.
        max_lr: the highest rate, one for all groups of parameters or one for each.
        total_steps: length of the cycle; ``step`` may be called one time fewer.
        pct_start: share of the cycle in which the rate rises.
        div_factor: the first rate is ``max_lr / div_factor``.
        final_div_factor: the last rate is the first one divided by this.

    Raises:
        ArgumentError: the cycle is shorter than 2 steps, or the share is not in [0, 1].
    """

    def __init__(
        self,
        optimizer: Optimizer | OptimizerGroup,
        max_lr: float | Sequence[float],
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        if total_steps < 2:
            raise ArgumentError("total_steps is too small", got=total_steps, expected="2 or more")
        if not 0 <= pct_start <= 1:
            raise ArgumentError(
                "pct_start is out of range", got=pct_start, expected="0 <= pct_start <= 1"
            )
        self.max_lrs = for_each_group("max_lr", max_lr, len(optimizer.param_groups))
        self.total_steps, self.peak = total_steps, pct_start * total_steps - 1
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
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
        max_lr = self.max_lrs[group]
        first_lr = max_lr / self.div_factor
        if epoch <= self.peak:
            # At a peak of 0 the rise has no length, and the cycle starts at the highest rate.
            share = epoch / self.peak if self.peak else 1.0
            return interpolate(first_lr, max_lr, share)
        share = (epoch - self.peak) / (self.total_steps - 1 - self.peak)
        return interpolate(max_lr, first_lr / self.final_div_factor, share)


class CyclicLR(LRScheduler):
    """Up and down in straight lines between two rates.

    From L. Smith, "Cyclical learning rates for training neural networks", 2017. It leaves momentum
    alone.

    Args:
        optimizer: whose learning rate to set.
        base_lr: the lower rate, one for all groups of parameters or one for each.
        max_lr: the upper rate, likewise.
        step_size_up: epochs on the way up.
        step_size_down: epochs on the way down; as many as up if None.
        mode: "triangular"; "triangular2", whose height halves with each cycle; or "exp_range",
            whose height is multiplied by ``gamma`` each epoch.
        gamma: for the mode "exp_range".

    Raises:
        ArgumentError: unknown mode, or a number of epochs is not positive.
    """

    def __init__(
        self,
        optimizer: Optimizer | OptimizerGroup,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
    ) -> None:
        check_choice("mode", mode, ("triangular", "triangular2", "exp_range"))
        check_positive("step_size_up", step_size_up)
        groups = len(optimizer.param_groups)
        self.lows = for_each_group("base_lr", base_lr, groups)
        self.highs = for_each_group("max_lr", max_lr, groups)
        self.mode, self.gamma = mode, gamma
        self.up, self.down = (
            step_size_up,
            step_size_up if step_size_down is None else step_size_down,
        )
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the rate on the rising or falling side of the cycle."""
        cycle, place = divmod(epoch, self.up + self.down)
        share = place / self.up if place <= self.up else 1 - (place - self.up) / self.down
        height = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**epoch}
        low = self.lows[group]
        return low + (self.highs[group] - low) * share * height[self.mode]

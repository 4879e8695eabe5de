"""A schedule by what has been reached."""

from __future__ import annotations

import math

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer


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

"""What the schedules share."""

from __future__ import annotations

import math

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer


class LRScheduler:
    """Base of the schedules that depend on the step alone.

    Args:
        optimizer: whose learning rate to set; the one that it had before any schedule is the base.

    Attributes:
        base_lr: the learning rate that factors apply to.
        epoch: how often ``step`` has been called.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        if optimizer.initial_lr is None:
            optimizer.initial_lr = float(optimizer.lr.item())
        self.base_lr = optimizer.initial_lr
        self.epoch = 0
        optimizer.set_lr(self.rate_at(0))

    def step(self) -> None:
        """Go on to the next learning rate."""
        self.epoch += 1
        self.optimizer.set_lr(self.rate_at(self.epoch))

    def get_lr(self) -> float:
        """Return the learning rate that is in force."""
        return self.rate_at(self.epoch)

    def get_last_lr(self) -> list[float]:
        """Return the learning rate that is in force, in a list as PyTorch has it."""
        return [self.get_lr()]

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate after ``epoch`` calls of ``step``."""
        raise NotImplementedError


def interpolate(first: float, last: float, share: float) -> float:
    """Return a number on half a cosine that goes from ``first`` to ``last`` as the share does."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def check_positive(name: str, value: int) -> None:
    """Check a count.

    Raises:
        ArgumentError: it is below 1.
    """
    if value < 1:
        raise ArgumentError(f"{name} is too small", got=value, expected="1 or more")

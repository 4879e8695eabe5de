"""Schedules one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer
from tilegrad.nn.optim.lr_scheduler.base import LRScheduler


class SequentialLR(LRScheduler):
    """Schedules that take turns, such as a warm-up and what follows it.

    Args:
        optimizer: whose learning rate to set.
        schedulers: the schedules, of this optimiser.
        milestones: the epoch at which each but the first begins, ascending.

    Raises:
        ArgumentError: there is not one milestone fewer than there are schedules.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        if len(schedulers) != len(milestones) + 1:
            raise ArgumentError(
                "there must be a milestone between each two schedules",
                got=f"{len(schedulers)} schedules, {len(milestones)} milestones",
            )
        self.schedulers, self.starts = list(schedulers), [0, *milestones]
        super().__init__(optimizer)

    def rate_at(self, epoch: int) -> float:
        """Return the rate of the schedule whose turn it is."""
        turn = bisect_right(self.starts, epoch) - 1
        return self.schedulers[turn].rate_at(epoch - self.starts[turn])

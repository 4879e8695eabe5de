"""Schedules one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from tilegrad.base.errors import ArgumentError, DataError
from tilegrad.nn.optim.base import Optimizer, OptimizerGroup
from tilegrad.nn.optim.lr_scheduler.base import LRScheduler, read_entries


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
        self,
        optimizer: Optimizer | OptimizerGroup,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
    ) -> None:
        if len(schedulers) != len(milestones) + 1:
            raise ArgumentError(
                "there must be a milestone between each two schedules",
                got=f"{len(schedulers)} schedules, {len(milestones)} milestones",
            )
        self.schedulers, self.starts = list(schedulers), [0, *milestones]
        super().__init__(optimizer)

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the rate of the schedule whose turn it is."""
        turn = bisect_right(self.starts, epoch) - 1
        return self.schedulers[turn].rate_at(epoch - self.starts[turn], group)

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule is, and where each of its parts."""
        parts = [schedule.state_dict() for schedule in self.schedulers]
        return {"last_epoch": self.last_epoch, "_schedulers": parts}  # PyTorch's names

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from where a schedule was; see ``LRScheduler.load_state_dict``.

        Raises:
            DataError: it is not the state of such a schedule.
            ArgumentError: it is that of a schedule for another number of groups.
        """
        last_epoch, parts = read_entries(state_dict, ("last_epoch", "_schedulers"))
        if len(parts) != len(self.schedulers):
            raise DataError(
                "the state is that of another number of schedules",
                got=len(parts),
                expected=len(self.schedulers),
            )
        for schedule, part in zip(self.schedulers, parts, strict=True):
            schedule.load_state_dict(part)
        self.last_epoch = last_epoch

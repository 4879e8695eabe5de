"""What the schedules share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from tilegrad.base.errors import ArgumentError, DataError
from tilegrad.nn.optim.base import Optimizer, OptimizerGroup

T = TypeVar("T")


class LRScheduler:
    """Base of the schedules that depend on the step alone.

    A schedule acts on the groups of parameters that the optimiser has when the schedule is made;
    the rate of a group that is added later stays as it is.

    Args:
        optimizer: whose learning rates to set; those before any schedule are the bases.

    Attributes:
        base_lrs: for each group, the learning rate that factors apply to.
        last_epoch: how often ``step`` has been called.
    """

    def __init__(self, optimizer: Optimizer | OptimizerGroup) -> None:
        self.optimizer = optimizer
        self.base_lrs: list[float] = []
        self._groups = list(optimizer.param_groups)
        for group in self._groups:
            if group.initial_lr is None:
                group.initial_lr = group["lr"]
            self.base_lrs.append(group.initial_lr)
        self.last_epoch = 0
        self._set_rates()

    def step(self) -> None:
        """Go on to the next learning rates."""
        self.last_epoch += 1
        self._set_rates()

    def _set_rates(self) -> None:
        for group, rate in zip(self._groups, self.get_last_lr(), strict=True):
            group["lr"] = rate

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group that the schedule has set last."""
        return [self.rate_at(self.last_epoch, group) for group in range(len(self.base_lrs))]

    def rate_at(self, epoch: int, group: int = 0) -> float:
        """Return the learning rate of a group after ``epoch`` calls of ``step``."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule is, as numbers that any format can hold."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from where a schedule was; the rates change with the next ``step``.

        Args:
            state_dict: what ``state_dict`` gives, here or in PyTorch.

        Raises:
            DataError: it is not the state of such a schedule.
            ArgumentError: it is that of a schedule for another number of groups.
        """
        last_epoch, base_lrs = read_entries(state_dict, ("last_epoch", "base_lrs"))
        self.base_lrs = for_each_group("base_lrs", base_lrs, len(self.base_lrs))
        self.last_epoch = last_epoch


def for_each_group(name: str, value: T | Sequence[T], groups: int) -> list[T]:
    """Return a value for each group: the one for all that was given, or one each.

    Raises:
        ArgumentError: there are as many values as groups neither.
    """
    if not isinstance(value, Sequence):
        return [value] * groups
    if len(value) != groups:
        raise ArgumentError(
            f"{name} does not fit the optimiser's groups of parameters",
            got=f"{len(value)} values",
            expected=f"one, or {groups}",
        )
    return list(value)


def read_entries(state_dict: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Return entries of a schedule's state.

    Raises:
        DataError: one is missing.
    """
    missing = [name for name in names if name not in state_dict]
    if missing:
        raise DataError(
            "this is not the state of such a schedule",
            got=f"entries {', '.join(state_dict)}",
            expected=", ".join(names),
        )
    return [state_dict[name] for name in names]


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

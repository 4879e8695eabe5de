"""A schedule by what has been reached."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim.base import Optimizer, OptimizerGroup
from tilegrad.nn.optim.lr_scheduler.base import for_each_group, read_entries

_COUNTED = ("best", "num_bad_epochs", "cooldown_counter")
"""What the schedule holds beside its arguments, by PyTorch's names."""


class ReduceLROnPlateau:
    """The rate times ``factor`` when a measure has not improved for a while.

    Args:
        optimizer: whose learning rate to set.
        mode: "min" if less is better, "max" if more is.
        factor: what to multiply the rate by.
        patience: how many calls without improvement are forgiven.
        threshold: how much counts as an improvement, relative to the best.
        cooldown: calls after a reduction in which nothing is counted.
        min_lr: the least rate, one for all groups of parameters or one for each.

    Raises:
        ArgumentError: the mode is neither, or the factor is not below 1.
    """

    def __init__(
        self,
        optimizer: Optimizer | OptimizerGroup,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
    ) -> None:
        if mode not in {"min", "max"}:
            raise ArgumentError("unknown mode", got=repr(mode), expected="'min' or 'max'")
        if factor >= 1:
            raise ArgumentError("the factor must reduce the rate", got=factor, expected="below 1")
        self.optimizer, self.mode, self.factor = optimizer, mode, factor
        self.patience, self.threshold = patience, threshold
        self.cooldown, self._groups = cooldown, list(optimizer.param_groups)
        self.min_lrs = for_each_group("min_lr", min_lr, len(self._groups))
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0

    def step(self, metrics: float) -> None:
        """Take note of the measure's value and reduce the rate if it is time.

        Args:
            metrics: the value, a number or a tensor with one element.
        """
        current = float(metrics)
        self.num_bad_epochs = 0 if self._is_better(current) else self.num_bad_epochs + 1
        self.best = current if self.num_bad_epochs == 0 else self.best
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self._groups, self.min_lrs, strict=True):
                group["lr"] = max(group["lr"] * self.factor, least)
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group."""
        return [group["lr"] for group in self._groups]

    def state_dict(self) -> dict[str, Any]:
        """Return what has been counted, as numbers that any format can hold."""
        return {name: getattr(self, name) for name in _COUNTED}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on counting from where a schedule was.

        Args:
            state_dict: what ``state_dict`` gives, here or in PyTorch.

        Raises:
            DataError: it is not the state of such a schedule.
        """
        for name, value in zip(_COUNTED, read_entries(state_dict, _COUNTED), strict=True):
            setattr(self, name, value)

    def _is_better(self, current: float) -> bool:
        if self.mode == "min":
            return current < self.best * (1 - self.threshold)
        return current > self.best * (1 + self.threshold)

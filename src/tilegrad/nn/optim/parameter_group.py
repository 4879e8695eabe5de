"""The parameters of an optimiser, in groups that have options of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy

from tilegrad.base.errors import ArgumentError, ArgumentTypeError
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import Tensor

Parameters = Iterable[Tensor] | Iterable[Mapping[str, Any]]
"""Tensors; or groups, each a dictionary with ``params`` and the options that differ."""


class ParameterGroup:
    """Parameters that are optimised with the same options.

    It is read like a dictionary: ``group["lr"]``, ``group["params"]``, ``group["weight_decay"]``.
    ``group["lr"] = 0.1`` writes the learning rate in place, so captured steps use the new one too.
    The other options are numbers in the kernels of a step, and stay as they are.

    Args:
        params: the tensors, each once.
        options: the learning rate ``lr``, and what else the optimiser knows.

    Attributes:
        lr: the learning rate, a scalar tensor.
        initial_lr: the learning rate that schedules start from; None before there is one.

    Raises:
        ArgumentError: the learning rate is negative.
    """

    def __init__(self, params: Sequence[Tensor], options: Mapping[str, Any]) -> None:
        self._params = list(params)
        self._options = {name: value for name, value in options.items() if name != "lr"}
        is_wide = any(parameter.dtype is dtypes.float64 for parameter in self._params)
        self._lr_type = (dtypes.float64 if is_wide else dtypes.float32).numpy
        self.lr = self._as_rate(options["lr"])
        self.initial_lr: float | None = None

    def _as_rate(self, lr: float) -> Tensor:
        if lr < 0:
            raise ArgumentError("the learning rate is negative", got=lr, expected="0 or more")
        device = self._params[0].device if self._params else None
        return Tensor(numpy.array(lr, self._lr_type), device=device, requires_grad=False)

    @property
    def params(self) -> list[Tensor]:
        """The tensors."""
        return self._params

    @property
    def options(self) -> Mapping[str, Any]:
        """The options but for the learning rate."""
        return self._options

    def keys(self) -> Iterator[str]:
        """Return the names of all that can be read."""
        yield from ("params", "lr", *self._options)

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __getitem__(self, name: str) -> Any:
        if name == "params":
            return self._params
        # By way of its shortest text, a rate of 0.1 is read as 0.1, not as the float32 next to it.
        return float(str(self.lr.numpy()[()])) if name == "lr" else self._options[name]

    def __setitem__(self, name: str, value: float) -> None:
        if name != "lr":
            raise ArgumentError(
                "of a group's options only the learning rate can be changed",
                got=repr(name),
                expected="'lr'",
                mend="make another optimiser; captured steps hold the other options as numbers",
            )
        self.lr.assign(self._as_rate(float(value))).realize()

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self._options.items())
        return f"ParameterGroup({len(self._params)} tensors, lr={self['lr']:g}, {options})"


def as_groups(params: Parameters) -> list[dict[str, Any]]:
    """Return the groups that an optimiser was given, or tensors as the one group that they are.

    Raises:
        ArgumentError: there is nothing to optimise.
    """
    given: list[Any] = [params] if isinstance(params, Tensor) else list(params)
    if not any(isinstance(one, Mapping) for one in given):
        given = [{"params": given}]
    groups = [read_group(one) for one in given]
    if not any(group["params"] for group in groups):
        raise ArgumentError(
            "there are no parameters to optimise",
            mend="pass model.parameters() unfiltered: frozen ones are left out, and the others' "
            "requires_grad is None, not True, until an optimiser takes them",
        )
    return groups


def read_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group with a list of those of its parameters that are not frozen, each once.

    Raises:
        ArgumentTypeError: the group is no dictionary with ``params``, or a parameter is not a
            floating-point tensor.
    """
    if not isinstance(group, Mapping) or "params" not in group:
        raise ArgumentTypeError(
            "a group of parameters is a dictionary",
            got=f"keys {', '.join(group)}" if isinstance(group, Mapping) else type(group).__name__,
            expected='such as {"params": layer.parameters(), "lr": 0.01}',
        )
    params = group["params"]
    found: dict[int, Tensor] = {}
    for parameter in [params] if isinstance(params, Tensor) else params:
        if not isinstance(parameter, Tensor) or not parameter.is_floating_point():
            raise ArgumentTypeError(
                "only floating-point tensors can be optimised",
                got=parameter.dtype if isinstance(parameter, Tensor) else type(parameter).__name__,
                mend="pass model.parameters() or nn.state.get_parameters(model)",
            )
        if parameter.requires_grad is not False:
            found[id(parameter)] = parameter
    return {**group, "params": list(found.values())}

"""State dictionaries of PyTorch's optimisers, read as ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tilegrad.base.errors import DataError
from tilegrad.ir.dtype import dtypes
from tilegrad.nn.optim.parameter_group import ParameterGroup
from tilegrad.tensor import Tensor

_VARIANTS = ("amsgrad", "maximize")
"""Options of PyTorch's optimisers that change the formula and that no optimiser here has."""


def take_groups(
    saved: Mapping[str, Any], groups: Sequence[ParameterGroup], own: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the tensors of a state dictionary of PyTorch's layout, by the names that we use.

    Args:
        saved: ``state``, a dictionary for each parameter by its number, and ``param_groups``.
        groups: those of the optimiser that is to take them over.
        own: that optimiser's tensors. Counts of steps that it has no use for are left out.

    Raises:
        DataError: the saved optimiser had other groups or options.
    """
    entries = saved["param_groups"]
    if len(entries) != len(groups):
        raise DataError(
            "the saved optimiser had other groups of parameters",
            got=f"{len(entries)} groups",
            expected=f"{len(groups)}",
        )
    flat: dict[str, Tensor] = {}
    for number, (entry, group) in enumerate(zip(entries, groups, strict=True)):
        _check_options(number, entry, group)
        flat[f"param_groups.{number}.lr"] = _as_tensor(entry["lr"])
    for number, parts in saved["state"].items():
        for name, value in parts.items():
            path = f"state.{number}.{name}"
            if value is not None and (name != "step" or path in own):
                flat[path] = _as_tensor(value)
    return flat


def _as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor(float(value), dtype=dtypes.float64)


def _check_options(number: int, entry: Mapping[str, Any], group: ParameterGroup) -> None:
    expected = {**group.options, **dict.fromkeys(_VARIANTS, False)}
    for name, value in expected.items():
        found = entry.get(name, value)
        found = tuple(found) if isinstance(found, list) else found
        if found != value:
            raise DataError(
                f"the saved optimiser had another {name} in group {number}",
                got=found,
                expected=value,
                mend="make the optimiser with the options of the one that was saved",
            )

"""State dictionaries: the tensors of a model by name."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping

from tilegrad.base.errors import DataError
from tilegrad.tensor import Tensor

_MANY = 10
_OPAQUE = (type, types.FunctionType, types.MethodType, types.ModuleType)


def get_state_dict(model: object, prefix: str = "") -> dict[str, Tensor]:
    """Return the tensors that a model holds, by name.

    The model is walked through attributes, dictionaries, lists and tuples; a name is the path, with
    dots, such as ``layers.0.weight``. Attributes that start with an underscore are left out. What
    is held in several places is listed under each name.

    Args:
        model: any object; tensors, too, are found in optimisers and in plain containers.
        prefix: what to put before every name.
    """
    return dict(_walk(model, prefix.removesuffix("."), ()))


def _walk(value: object, path: str, above: tuple[int, ...]) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
        return
    if id(value) in above or isinstance(value, _OPAQUE):
        return
    for name, part in _parts(value):
        yield from _walk(part, f"{path}.{name}" if path else name, (*above, id(value)))


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from ((str(key), part) for key, part in value.items())
    elif isinstance(value, (list, tuple)):
        names = getattr(value, "_fields", map(str, range(len(value))))
        yield from zip(names, value, strict=True)
    for name, part in getattr(value, "__dict__", {}).items():
        if not name.startswith("_"):
            yield name, part


def get_parameters(model: object) -> list[Tensor]:
    """Return the tensors of a model that can be trained, each once.

    These are the floating-point ones whose ``requires_grad`` is not False.
    """
    found: dict[int, Tensor] = {}
    for tensor in get_state_dict(model).values():
        if tensor.is_floating_point() and tensor.requires_grad is not False:
            found[id(tensor)] = tensor
    return list(found.values())


def load_state_dict(model: object, state: Mapping[str, Tensor], strict: bool = True) -> None:
    """Give the tensors of a model the values of a state dictionary.

    The values are taken over without a copy where dtype and device agree, else cast and moved.

    Args:
        model: the object to load into.
        state: values by the names that ``get_state_dict`` gives.
        strict: whether names that only one side has are errors.

    Raises:
        DataError: names are missing or unexpected, or shapes differ; the model is unchanged.
    """
    own = get_state_dict(model)
    problems = _compare_names(own, state) if strict else []
    for name, tensor in own.items():
        if name in state and state[name].shape != tensor.shape:
            problems.append(f"{name}: shape {state[name].shape} instead of {tensor.shape}")
    if problems:
        raise DataError(
            "the state does not fit the model",
            got="\n    ".join(problems),
            mend="load with strict=False to leave out what only one side has"
            if strict and all("shape" not in problem for problem in problems)
            else "build the model with the sizes of the one that was saved",
        )
    for name, tensor in own.items():
        if name in state:
            tensor.replace(state[name].to(tensor.device).cast(tensor.dtype))


def _compare_names(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    problems = []
    for what, names in (
        ("missing", [name for name in own if name not in state]),
        ("unexpected", [name for name in state if name not in own]),
    ):
        if names:
            more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
            problems.append(f"{what}: {', '.join(names[:_MANY])}{more}")
    return problems

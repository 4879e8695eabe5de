"""State dictionaries: the tensors of a model by name."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from tilegrad.base.errors import DataError
from tilegrad.tensor import Tensor

T = TypeVar("T")

_MANY = 10
_OPAQUE = (type, types.FunctionType, types.MethodType, types.ModuleType)


class Held(NamedTuple):
    """Something that a model holds.

    Attributes:
        path: its name, with dots.
        value: what it is.
        owner: the object that holds it, which may say that it is a buffer (``nn.Module``).
        name: its name there.
    """

    path: str
    value: object
    owner: object
    name: str

    @property
    def is_buffer(self) -> bool:
        """Whether the owner says that it is no parameter, whatever ``requires_grad`` is."""
        return self.name in getattr(self.owner, "_buffers", ())

    @property
    def is_saved(self) -> bool:
        """Whether it belongs to the state that is saved."""
        return getattr(self.owner, "_buffers", {}).get(self.name, True)


class Mismatch(NamedTuple):
    """The names that only one side had when a state was loaded.

    Attributes:
        missing_keys: those that only the model has.
        unexpected_keys: those that only the state has.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


def get_state_dict(model: object, prefix: str = "") -> dict[str, Tensor]:
    """Return the tensors that a model holds, by name.

    The model is walked through attributes, dictionaries, lists and tuples; a name is the path, with
    dots, such as ``layers.0.weight``. Attributes that start with an underscore are left out, and
    buffers that are not persistent. What is held in several places is listed under each name.

    Args:
        model: any object; tensors, too, are found in optimisers and in plain containers.
        prefix: what to put before every name.
    """
    return {
        held.path: held.value
        for held in walk(model, prefix.removesuffix("."))
        if isinstance(held.value, Tensor) and held.is_saved
    }


def walk(model: object, path: str = "") -> Iterator[Held]:
    """Go through all that a model holds, itself first and each thing before what it holds.

    What is held in several places comes once for each path.

    Args:
        model: any object.
        path: its own name.
    """
    return _walk(Held(path, model, None, ""), ())


def _walk(held: Held, above: tuple[int, ...]) -> Iterator[Held]:
    value = held.value
    if id(value) in above or isinstance(value, _OPAQUE):
        return
    yield held
    if not isinstance(value, Tensor):
        for name, part in _parts(value):
            path = f"{held.path}.{name}" if held.path else name
            yield from _walk(Held(path, part, value, name), (*above, id(value)))


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

    These are the floating-point ones whose ``requires_grad`` is not False, but no buffers.
    """
    found = find_parameters(model).values()
    return [tensor for tensor in found if tensor.requires_grad is not False]


def find_parameters(model: object) -> dict[str, Tensor]:
    """Return the floating-point tensors of a model but its buffers, each once, by name."""
    named = ((held.path, held.value) for held in walk(model) if not held.is_buffer)
    return dict(
        list_once(
            (path, value)
            for path, value in named
            if isinstance(value, Tensor) and value.is_floating_point()
        )
    )


def list_once(named: Iterable[tuple[str, T]]) -> list[tuple[str, T]]:
    """Return each thing that has names once, under the first of them."""
    found: dict[int, tuple[str, T]] = {}
    for path, value in named:
        found.setdefault(id(value), (path, value))
    return list(found.values())


def load_state_dict(model: object, state: Mapping[str, Tensor], strict: bool = True) -> Mismatch:
    """Give the tensors of a model the values of a state dictionary.

    The values are taken over without a copy where dtype and device agree, else cast and moved.

    Args:
        model: the object to load into.
        state: values by the names that ``get_state_dict`` gives.
        strict: whether names that only one side has are errors.

    Returns:
        The names that only one side had.

    Raises:
        DataError: names are missing or unexpected, or shapes differ; the model is unchanged.
    """
    own = get_state_dict(model)
    mismatch = Mismatch(
        [name for name in own if name not in state], [name for name in state if name not in own]
    )
    problems = _list_names(mismatch) if strict else []
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
    return mismatch


def _list_names(mismatch: Mismatch) -> list[str]:
    problems = []
    for what, names in zip(("missing", "unexpected"), mismatch, strict=True):
        if names:
            more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
            problems.append(f"{what}: {', '.join(names[:_MANY])}{more}")
    return problems

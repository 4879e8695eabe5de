"""How the arguments that many tensor methods share are read: axes, shapes, dtypes, devices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex, TypeVar

from tilegrad.base.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    OutOfRangeError,
)
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType, dtypes, from_name
from tilegrad.ir.node import Node
from tilegrad.tensor.size import Index, Size, SymbolicInteger, as_index

T = TypeVar("T")
Axes = int | Sequence[int] | None
DTypeLike = DType | str

DEFAULT_FLOAT = dtypes.float32
DEFAULT_INTEGER = dtypes.int64


def resolve_dtype(dtype: DTypeLike) -> DType:
    """Return a dtype given as itself or by name.

    Raises:
        DTypeError: it is no dtype that a tensor can have.
    """
    found = from_name(dtype) if isinstance(dtype, str) else dtype
    if not isinstance(found, DType) or found is dtypes.void or found is dtypes.index:
        raise DTypeError("no dtype of a tensor", got=repr(dtype), expected="such as dtypes.float32")
    return found


def resolve_float(dtype: DTypeLike | None) -> DType:
    """Return a dtype given as itself or by name, the default float for None.

    Raises:
        DTypeError: it is no dtype that a tensor can have.
    """
    return DEFAULT_FLOAT if dtype is None else resolve_dtype(dtype)


def resolve_device(device: str | None) -> str:
    """Return the name of a device, the session's default one for None.

    Raises:
        DeviceError: there is no such device.
    """
    session = current_session()
    if device is None:
        return session.default_device
    if device not in session.device_names:
        raise DeviceError(
            "there is no such device",
            got=repr(device),
            expected="one of " + ", ".join(session.device_names),
        )
    return device


def resolve_axis(axis: int, rank: int) -> int:
    """Return an axis counted from the front.

    Raises:
        OutOfRangeError: there is no such axis.
    """
    if -rank <= axis < rank:
        return axis + rank if axis < 0 else axis
    expected = f"from {-rank} to {rank - 1}" if rank else "none: the tensor has no axes"
    raise OutOfRangeError("the axis is out of range", got=axis, expected=expected)


def resolve_axes(axes: Axes, rank: int) -> tuple[int, ...]:
    """Return axes counted from the front, in ascending order; all of them for None.

    Raises:
        OutOfRangeError: there is no such axis.
        ArgumentError: an axis is named twice.
    """
    if axes is None:
        return tuple(range(rank))
    if isinstance(axes, int):
        return (resolve_axis(axes, rank),)
    found = sorted(resolve_axis(axis, rank) for axis in axes)
    if len(set(found)) != len(found):
        raise ArgumentError("an axis is named twice", got=tuple(axes), expected="distinct axes")
    return tuple(found)


def spread(arguments: tuple[T | Sequence[T], ...]) -> tuple[T, ...]:
    """Return ``f(2, 3)`` and ``f((2, 3))`` alike as ``(2, 3)``."""
    if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
        return tuple(arguments[0])
    return arguments  # type: ignore[return-value]


def resolve_shape(shape: tuple[Size | Sequence[Size], ...]) -> tuple[Index, ...]:
    """Return the sizes given as one sequence or one by one.

    Raises:
        ArgumentTypeError: a size is no integer.
        ArgumentError: a size is negative.
    """
    sizes = tuple(as_index(size) for size in spread(shape))
    for size in sizes:
        if not isinstance(size, Node) and size < 0:
            raise ArgumentError("a size is negative", got=sizes, expected="sizes of 0 or more")
    return sizes


def per_axis(value: int | Sequence[int], count: int, name: str) -> tuple[int, ...]:
    """Return one number for each spatial axis: the one given for all, or as many as there are.

    Raises:
        ArgumentError: there are too few or too many.
        ArgumentTypeError: one is no integer.
    """
    if isinstance(value, Sequence):
        if len(value) != count:
            raise ArgumentError(
                f"{name} has the wrong length", got=tuple(value), expected=f"{count} numbers or one"
            )
        return tuple(as_integer(number, name) for number in value)
    return (as_integer(value, name),) * count


def as_integer(value: SupportsIndex | SymbolicInteger, name: str) -> int:
    """Return a Python int.

    Raises:
        ArgumentTypeError: it is no integer.
    """
    if isinstance(value, SymbolicInteger):
        raise ArgumentTypeError(f"{name} cannot be symbolic", got=value, expected="int")
    try:
        return operator.index(value)
    except TypeError as error:
        raise ArgumentTypeError(
            f"{name} must be an integer", got=repr(value), expected="int"
        ) from error


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Check a named option.

    Raises:
        ArgumentError: it is none of the choices.
    """
    if value not in choices:
        raise ArgumentError(
            f"unknown {name}", got=repr(value), expected="one of " + ", ".join(map(repr, choices))
        )

"""Values of a file's metadata, of the kind that is asked for: files come from strangers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf.texts import Texts

T = TypeVar("T", bool, int, float, str)
D = TypeVar("D")


def find_value(metadata: Mapping[str, Any], key: str, kind: type[T], default: D) -> T | D:
    """Return a value, or the default if there is none; whole numbers are floats too.

    Raises:
        DataError: the value is of another kind, or no finite number.
    """
    value = metadata.get(key)
    if value is None:
        return default
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise _refuse(key, value, kind.__name__)
    return value


def find_values(metadata: Mapping[str, Any], key: str, kind: type[T]) -> Sequence[T]:
    """Return a list of values, empty if there is none.

    Raises:
        DataError: it is no list, or something in it is of another kind.
    """
    found = metadata.get(key, [])
    if kind is str and isinstance(found, Texts):
        return found  # type: ignore[return-value]
    if not isinstance(found, list) or any(type(value) is not kind for value in found):
        raise _refuse(key, found, f"a list of {kind.__name__}")
    return found


def _refuse(key: str, value: object, expected: str) -> DataError:
    return DataError(
        "what the GGUF file says makes no sense",
        got=f"{key}: {value!r:.100}",
        expected=expected,
        mend="take another file of the same model",
    )

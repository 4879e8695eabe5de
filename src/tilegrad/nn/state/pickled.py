"""A reader of pickles that runs nothing: every global is refused but a short list of inert records.

A pickle is a program that may call any function of any module. This reader gives the program
nothing to call but the records below, which only note their arguments; whoever reads a record
checks it and decides what it means. The records are tuples without a ``__dict__``, so that the
opcodes that set state (``BUILD``) cannot change them either.
"""

from __future__ import annotations

import collections
import pickle
from typing import IO, NamedTuple, TypeGuard

from tilegrad.base.errors import DataError
from tilegrad.ir.dtype import DType, dtypes

ELEMENT_TYPES: dict[str, DType] = {
    "bool": dtypes.bool,
    "int8": dtypes.int8,
    "int16": dtypes.int16,
    "int32": dtypes.int32,
    "int64": dtypes.int64,
    "uint8": dtypes.uint8,
    "uint16": dtypes.uint16,
    "uint32": dtypes.uint32,
    "uint64": dtypes.uint64,
    "float8_e4m3fn": dtypes.float8_e4m3,
    "float8_e5m2": dtypes.float8_e5m2,
    "float16": dtypes.float16,
    "bfloat16": dtypes.bfloat16,
    "float32": dtypes.float32,
    "float64": dtypes.float64,
}
"""PyTorch's names of the dtypes that both libraries have."""

_STORAGE_TYPES: dict[str, DType] = {
    "BoolStorage": dtypes.bool,
    "CharStorage": dtypes.int8,
    "ShortStorage": dtypes.int16,
    "IntStorage": dtypes.int32,
    "LongStorage": dtypes.int64,
    "ByteStorage": dtypes.uint8,
    "HalfStorage": dtypes.float16,
    "BFloat16Storage": dtypes.bfloat16,
    "FloatStorage": dtypes.float32,
    "DoubleStorage": dtypes.float64,
}


class StorageType(NamedTuple):
    """The class of a storage; untyped storages count bytes."""

    dtype: DType

    @property
    def itemsize(self) -> int:
        """Bytes of one of the elements that the storage counts."""
        return self.dtype.itemsize


class ElementType(NamedTuple):
    """A dtype that was saved as a value."""

    dtype: DType


class StorageRecord(NamedTuple):
    """A reference to a block of bytes that lies outside the pickle."""

    storage_type: StorageType
    key: str
    size: int
    start: int = 0
    """First element, for storages that are views of others (the older format only)."""


class Call(NamedTuple):
    """A call that the pickle asked for and that was noted instead of made."""

    name: str
    arguments: tuple[object, ...]


class _Callee(NamedTuple):
    """Stands for a function that may be called: calling it notes the call."""

    name: str

    def __call__(self, *arguments: object) -> Call:
        return Call(self.name, arguments)


_NOTED_CALLS = {
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_tensor_v3"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch._utils", "_rebuild_parameter_with_state"),
    ("torch", "Size"),
    ("torch", "device"),
}
_PLAIN_CLASSES = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
}


def _find_global(module: str, name: str) -> object:
    if (module, name) in _PLAIN_CLASSES:
        return _PLAIN_CLASSES[module, name]
    if (module, name) in _NOTED_CALLS:
        return _Callee(name)
    if module == "torch.storage" and name == "UntypedStorage":
        return StorageType(dtypes.uint8)
    if module == "torch" and name in _STORAGE_TYPES:
        return StorageType(_STORAGE_TYPES[name])
    if module == "torch" and name in ELEMENT_TYPES:
        return ElementType(ELEMENT_TYPES[name])
    raise DataError(
        "the file holds something else than tensors and plain containers, so it is not read",
        got=f"a reference to {module}.{name}",
        expected="tensors, numbers, strings, lists, tuples, sets and dictionaries",
        mend="save the state dictionary: torch.save(model.state_dict(), path)",
    )


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:  # type: ignore[override]
        return _find_global(module, name)

    def persistent_load(self, reference: object) -> StorageRecord:
        return _read_storage_record(reference)


def _read_storage_record(reference: object) -> StorageRecord:
    # ("storage", type, key, location, size[, view]): view is (key, start, size) or None.
    if isinstance(reference, tuple) and 5 <= len(reference) <= 6 and reference[0] == "storage":
        _, storage_type, key, _, size, *view = reference
        if isinstance(storage_type, StorageType) and isinstance(key, str) and is_size(size):
            if not view or view[0] is None:
                return StorageRecord(storage_type, key, size)
            if isinstance(view[0], tuple) and len(view[0]) == 3:
                _, start, view_size = view[0]
                if is_size(start) and is_size(view_size):
                    return StorageRecord(storage_type, key, view_size, start)
    raise DataError("the file refers to its data in an unknown way", got=repr(reference)[:200])


def is_size(value: object) -> TypeGuard[int]:
    """Whether a value is an int of at least 0 (True and False are not)."""
    return type(value) is int and value >= 0


def unpickle(file: IO[bytes]) -> object:
    """Read one pickle from a file's position, running nothing of it.

    Raises:
        DataError: the pickle is damaged, or needs anything that is not on the list.
    """
    try:
        return _Unpickler(file, encoding="utf-8").load()
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            "the pickle in the file cannot be read", got=f"{type(error).__name__}: {error}"
        ) from error

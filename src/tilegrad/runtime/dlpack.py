"""Memory shared with other libraries by DLPack, without a copy.

The layout follows dlpack.h, version 1.1. A capsule carries a pointer to a managed tensor: a tensor
and a function that its consumer calls when done. Capsules of versions below 1.0 put the tensor
first and know no flags; both kinds are read and written.
"""

from __future__ import annotations

import ctypes
import enum
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tilegrad.base.errors import ArgumentTypeError, SharingError
from tilegrad.runtime.buffer import Buffer

VERSION: Final = (1, 1)
_READ_ONLY: Final = 1
_IS_COPIED: Final = 2
_CPU: Final = 1
_HOST_DEVICES: Final = (_CPU, 3, 11, 13)  # and memory of CUDA and ROCm that the CPU reaches too


class DLPackKind(enum.IntEnum):
    """Kinds of elements by DLPack's numbers, so far as tilegrad has such a dtype."""

    INTEGER = 0
    UNSIGNED = 1
    FLOAT = 2
    BFLOAT = 4
    BOOL = 6
    FLOAT8_E4M3FN = 10
    FLOAT8_E5M2 = 12


@dataclass(frozen=True, slots=True)
class DLPackTensor:
    """A tensor as DLPack describes it.

    Attributes:
        buffer: its memory, beginning with its first element.
        shape: sizes.
        strides: in elements.
        kind: of the elements.
        bits: of an element.
    """

    buffer: Buffer
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    kind: DLPackKind
    bits: int


class HasDLPack(Protocol):
    """An array of any library that speaks DLPack."""

    def __dlpack__(self) -> object: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Managed(ctypes.Structure):
    """Before version 1.0."""

    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", _Deleter))


class _VersionedManaged(ctypes.Structure):
    """Since version 1.0."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", _Deleter),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    )


_Layout = type[_Managed] | type[_VersionedManaged]
_NAMES: Final[dict[_Layout, bytes]] = {
    _Managed: b"dltensor",
    _VersionedManaged: b"dltensor_versioned",
}
_USED_NAMES: Final = {layout: b"used_" + name for layout, name in _NAMES.items()}


def _declare(name: str, result: Any, *arguments: Any) -> Any:
    """Return a function of Python's C interface."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_is_valid = _declare("PyCapsule_IsValid", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
_get_pointer = _declare("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_set_name = _declare("PyCapsule_SetName", ctypes.c_int, ctypes.py_object, ctypes.c_char_p)
_new_capsule = _declare(
    "PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
)
_add_reference = _declare("Py_IncRef", None, ctypes.py_object)
_drop_reference = _declare("Py_DecRef", None, ctypes.c_void_p)


class _Borrowed:
    """Another library's tensor in use; dropping this tells the library."""

    __slots__ = ("_managed",)

    def __init__(self, managed: _Managed | _VersionedManaged) -> None:
        self._managed = managed

    def __del__(self) -> None:
        if self._managed.deleter:
            self._managed.deleter(ctypes.addressof(self._managed))


def read_dlpack(source: HasDLPack) -> DLPackTensor:
    """Take part in the memory of another library's array, and keep it alive.

    Raises:
        SharingError: it is on another device, or its elements have no such dtype here.
        ArgumentTypeError: it does not speak DLPack.
    """
    if not hasattr(source, "__dlpack__"):
        raise ArgumentTypeError(
            "This object does not speak DLPack", got=type(source), expected="a `__dlpack__` method"
        )
    device, _ = source.__dlpack_device__()
    if device not in _HOST_DEVICES:
        raise SharingError(
            "Only memory of the host can be shared",
            got=f"an array on DLPack's device {device}",
            mend="copy it to the CPU first",
        )
    try:
        capsule = source.__dlpack__(max_version=VERSION)  # pyrefly: ignore[unexpected-keyword]
    except TypeError:
        capsule = source.__dlpack__()  # a library from before version 1.0
    return _read_capsule(capsule)


def _read_capsule(capsule: object) -> DLPackTensor:
    for layout, name in _NAMES.items():
        if not _is_valid(id(capsule), name):
            continue
        managed = layout.from_address(_get_pointer(id(capsule), name))
        _set_name(capsule, _USED_NAMES[layout])
        keeper = _Borrowed(managed)
        flags = managed.flags if isinstance(managed, _VersionedManaged) else 0
        return _read_tensor(managed.tensor, keeper, is_writable=not flags & _READ_ONLY)
    raise ArgumentTypeError(
        "This is no DLPack capsule", got=capsule, expected="a capsule that nobody has used yet"
    )


def _read_tensor(tensor: _Tensor, keeper: _Borrowed, *, is_writable: bool) -> DLPackTensor:
    kinds = {int(kind) for kind in DLPackKind}
    if tensor.code not in kinds or tensor.lanes != 1 or tensor.bits % 8:
        raise SharingError(
            "Elements of this kind have no dtype here",
            got=f"DLPack's type code {tensor.code} with {tensor.bits} bits, {tensor.lanes} lanes",
            expected=", ".join(kind.name.lower() for kind in DLPackKind),
        )
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else compact_strides(shape)
    if any(stride < 0 for stride in strides):
        raise SharingError(
            "An array that is stored backwards cannot be shared",
            got=f"strides {strides}",
            mend="copy it first",
        )
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    nbytes = 0 if 0 in shape else (last + 1) * tensor.bits // 8
    address = (tensor.data or 0) + tensor.byte_offset
    buffer = Buffer(address, nbytes, keeper, is_writable=is_writable)
    return DLPackTensor(buffer, shape, strides, DLPackKind(tensor.code), tensor.bits)


def compact_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides, in elements, of a C-contiguous array."""
    strides = [1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * max(size, 1))
    return tuple(reversed(strides))[: len(shape)]


class _Lent:
    """What a capsule's tensor refers to; alive while the consumer uses it."""

    __slots__ = ("arrays", "buffer", "managed")

    def __init__(self, tensor: DLPackTensor, layout: _Layout, flags: int) -> None:
        self.buffer = tensor.buffer
        numbers = ctypes.c_int64 * max(len(tensor.shape), 1)
        self.arrays = numbers(*tensor.shape), numbers(*tensor.strides)
        self.managed = layout()
        self.managed.context = id(self)
        self.managed.deleter = _DELETERS[layout]
        if isinstance(self.managed, _VersionedManaged):
            self.managed.major, self.managed.minor = VERSION
            self.managed.flags = flags
        inner = self.managed.tensor
        inner.data = tensor.buffer.address
        inner.device_type = _CPU
        inner.ndim = len(tensor.shape)
        inner.code, inner.bits, inner.lanes = tensor.kind, tensor.bits, 1
        inner.shape, inner.strides = self.arrays


def make_capsule(
    tensor: DLPackTensor, max_version: tuple[int, int] | None = None, *, is_copied: bool = False
) -> object:
    """Return a capsule by which another library takes part in the memory, and keep that alive.

    Args:
        tensor: what to share.
        max_version: the newest version that the consumer knows; None for those before 1.0.
        is_copied: whether the memory is a copy made for the consumer.

    Raises:
        SharingError: the memory must not be written, and the consumer cannot be told so.
    """
    layout = _VersionedManaged if max_version is not None and max_version >= (1, 0) else _Managed
    if layout is _Managed and not tensor.buffer.is_writable:
        raise SharingError(
            "Memory that must not be written cannot be shared with a library this old",
            got=f"a request for DLPack {max_version or 'before 1.0'}",
            mend="copy it first",
        )
    flags = (0 if tensor.buffer.is_writable else _READ_ONLY) | (_IS_COPIED if is_copied else 0)
    lent = _Lent(tensor, layout, flags)
    address = ctypes.addressof(lent.managed)
    capsule = _new_capsule(address, _NAMES[layout], ctypes.cast(_DESTROY, ctypes.c_void_p))
    _add_reference(lent)  # the deleter drops it
    return capsule


def _make_deleter(layout: _Layout) -> Any:
    """Return the function by which consumers, on any thread, say that they are done."""

    def delete(managed: int) -> None:
        _drop_reference(layout.from_address(managed).context)

    return _Deleter(delete)


_DELETERS: Final = {layout: _make_deleter(layout) for layout in _NAMES}


@ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
def _DESTROY(capsule: int) -> None:  # noqa: N802
    """Take back what a capsule lent that nobody used. The capsule itself is going away."""
    for layout, name in _NAMES.items():
        if _is_valid(capsule, name):
            _DELETERS[layout](_get_pointer(capsule, name))


# Other libraries may use these until the process ends, when modules are already gone.
for _lasting in (*_DELETERS.values(), _DESTROY, *_NAMES.values(), *_USED_NAMES.values()):
    _add_reference(_lasting)

"""Interchange with NumPy and, by DLPack, with any array library, without a copy where possible.

Tensors are values, so memory that another library sees is never overwritten from here: a tensor
whose memory is lent or borrowed moves to memory of its own when it is assigned to. What is lent is
marked read-only, so far as the other side heeds that.
"""

from __future__ import annotations

import copy
from types import ModuleType
from typing import ClassVar, Self

import numpy

from tilegrad.base.errors import ArgumentError, SharingError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import STORABLE, DType
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.dlpack import (
    DLPackKind,
    DLPackTensor,
    HasDLPack,
    compact_strides,
    make_capsule,
    read_dlpack,
)
from tilegrad.tensor.arguments import resolve_device
from tilegrad.tensor.conversion import Array, Conversion, realize
from tilegrad.tensor.size import Index

_HOST = (1, 0)  # DLPack's name for memory of the host
_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
_KINDS = {
    "bool": DLPackKind.BOOL,
    "bfloat16": DLPackKind.BFLOAT,
    "float8_e4m3": DLPackKind.FLOAT8_E4M3FN,
    "float8_e5m2": DLPackKind.FLOAT8_E5M2,
}


class Interchange(Conversion):
    """NumPy's, DLPack's and the array API standard's protocols."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self.from_node(self.node, self.device, self.requires_grad)

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return a tensor of the same value; what is done to one does not change the other."""
        copied = self.__copy__()
        copied.grad = copy.deepcopy(self.grad, memo)
        return copied

    def __reduce__(self) -> tuple[object, ...]:
        """Return what pickles the tensor: its contents, device, and whether it has gradients."""
        return type(self), (self.numpy(), self.device, None, self.requires_grad)

    array_namespace: ClassVar[ModuleType | None] = None
    """The array API namespace, which stands above this package and enters itself here."""

    @classmethod
    def from_numpy(
        cls, array: Array, device: str | None = None, *, copy: bool | None = True
    ) -> Self:
        """Return a tensor with the contents of an array.

        Args:
            array: any array of a dtype that tensors have.
            device: where the tensor is held; the session's default device for None.
            copy: False to share the array's memory, whose contents must then not change while the
                tensor is used (the tensor never changes them); None to share it if possible.

        Raises:
            SharingError: the memory cannot be shared: it is not C-contiguous, aligned and in the
                machine's byte order.
            DTypeError: tensors have no such dtype.
            DeviceError: there is no such device.
        """
        name = resolve_device(device)
        native = array.dtype.newbyteorder("=")
        can_share = array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative
        if copy is False and not can_share:
            raise SharingError(
                "the memory of this array cannot be shared",
                got=f"shape {array.shape} with strides {array.strides} of {array.dtype.str}",
                expected="C-contiguous and aligned elements in the machine's byte order",
                mend="copy it: copy=True",
            )
        session = current_session()
        if copy or not can_share:
            return cls.from_node(session.from_numpy(array.astype(native, copy=False), name), name)
        borrowed = array.view(numpy.ndarray)
        borrowed.flags.writeable = False
        return cls.from_node(session.from_numpy(borrowed, name, copy=False), name)

    @classmethod
    def from_dlpack(
        cls, x: HasDLPack, /, *, device: str | None = None, copy: bool | None = None
    ) -> Self:
        """Return a tensor with the contents of another library's array in memory of the host.

        Args:
            x: an array of any library that speaks DLPack, such as PyTorch or JAX.
            device: where the tensor is held; the session's default device for None.
            copy: None to share the memory if the elements lie in row-major order without gaps, and
                copy them otherwise; False to refuse that. Shared contents must not change while the
                tensor is used (the tensor never changes them).

        Raises:
            ArgumentTypeError: x does not speak DLPack.
            SharingError: it is on another device, tensors have no such dtype, or it cannot be
                shared and ``copy`` is False.
            DeviceError: there is no such device.
        """
        read = read_dlpack(x)
        dtype = _dtype_of(read)
        strides = tuple(stride * dtype.itemsize for stride in read.strides)
        array = numpy.ndarray(read.shape, dtype.numpy, read.buffer.array(), 0, strides)
        return cls.from_numpy(array, device, copy=copy)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Array:
        """Return a NumPy array: read-only over the tensor's memory, or a copy.

        Raises:
            SharingError: ``copy`` is False, and another dtype is wanted.
        """
        own = self.node.dtype.numpy
        wanted = own if dtype is None else numpy.dtype(dtype)  # type: ignore[call-overload]
        if copy:
            return self.numpy().astype(wanted, copy=False)
        if wanted == own:
            self._lend()
            return current_session().view(self.node)
        if copy is False:
            raise SharingError("another dtype needs a copy", got=wanted.name, expected=own.name)
        return self.numpy().astype(wanted)

    def _lend(self) -> Buffer:
        self.check_static("sharing memory")
        realize(self)
        return current_session().lend(self.node)

    def __dlpack__(
        self,
        *,
        stream: object = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """Return a DLPack capsule of the contents, realised: read-only, or a copy.

        Args:
            stream: None: the host has no streams.
            max_version: the newest version that the consumer knows. One from before 1.0 cannot be
                told that memory is read-only, and gets a copy.
            dl_device: None or the host.
            copy: True for a copy, which the consumer may write; False to refuse one.

        Raises:
            SharingError: a stream or another device is asked for, or what is shared would have to
                be copied and ``copy`` is False.
            ShapeError: a size is symbolic.
        """
        if stream is not None or dl_device not in (None, _HOST):
            raise SharingError(
                "tensors lie in memory of the host",
                got=f"stream {stream}, device {dl_device}",
                expected=f"no stream, device {_HOST}",
            )
        is_old = max_version is None or max_version < (1, 0)
        is_copied = copy is True or (copy is None and is_old)
        buffer = Buffer.wrap(self.numpy()) if is_copied else self._lend()
        described = _describe(buffer, self.node.dtype, self.node.shape)
        return make_capsule(described, max_version, is_copied=is_copied)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return DLPack's name for the device: the host."""
        return _HOST

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """Return the namespace of the array API standard's functions, ``tilegrad.array_api``.

        Raises:
            ArgumentError: that version of the standard is not implemented.
        """
        namespace = type(self).array_namespace
        if namespace is None or api_version not in (None, *_VERSIONS):
            raise ArgumentError(
                "this version of the array API standard is not implemented",
                got=api_version,
                expected="one of " + ", ".join(_VERSIONS),
            )
        return namespace

    def to_device(self, device: str, /, *, stream: object = None) -> Self:
        """Return the tensor on another device, as ``to``, under the array API standard's name.

        Raises:
            ArgumentError: a stream is given: no device has one.
            DeviceError: there is no such device.
        """
        if stream is not None:
            raise ArgumentError("the devices have no streams", got=stream, expected="None")
        return self.to(device)


def _describe(buffer: Buffer, dtype: DType, shape: tuple[Index, ...]) -> DLPackTensor:
    sizes = tuple(size for size in shape if isinstance(size, int))
    return DLPackTensor(buffer, sizes, compact_strides(sizes), _kind_of(dtype), _bits(dtype))


def _kind_of(dtype: DType) -> DLPackKind:
    special = _KINDS.get(dtype.name)
    if special is not None:
        return special
    if dtype.is_float:
        return DLPackKind.FLOAT
    return DLPackKind.UNSIGNED if dtype.is_unsigned else DLPackKind.INTEGER


def _bits(dtype: DType) -> int:
    return 8 * dtype.itemsize


def _dtype_of(read: DLPackTensor) -> DType:
    for dtype in STORABLE:
        is_same = _kind_of(dtype) is read.kind
        if is_same and _bits(dtype) == read.bits:
            return dtype
    raise SharingError(
        "tensors have no such dtype", got=f"{read.kind.name.lower()} of {read.bits} bits"
    )

"""Memory that a device's programs can reach: an address, a length and whoever keeps it alive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilegrad.base.errors import ArgumentError


class Buffer:
    """A span of memory.

    The memory lives while something refers to the buffer, to a sub-buffer of it or to a view of
    its bytes; then it returns to where it came from.

    Args:
        address: of the first byte.
        nbytes: length in bytes.
        keeper: an object whose life covers the memory's, such as an array; None if the buffer is
            what gives the memory back itself.
        is_writable: False for memory that must not be changed, as a read-only array's.
    """

    __slots__ = ("__weakref__", "address", "is_writable", "keeper", "nbytes")

    def __init__(
        self, address: int, nbytes: int, keeper: object, *, is_writable: bool = True
    ) -> None:
        self.address = address
        self.nbytes = nbytes
        self.keeper = keeper
        self.is_writable = is_writable

    @classmethod
    def wrap(cls, array: NDArray[Any]) -> Buffer:
        """Return the memory of a C-contiguous array, without a copy; the buffer keeps the array.

        Raises:
            ArgumentError: the array is not C-contiguous.
        """
        if not array.flags.c_contiguous:
            raise ArgumentError(
                "Only a C-contiguous array can be wrapped without a copy",
                got=f"shape {array.shape} with strides {array.strides} bytes",
                mend="copy it first: numpy.ascontiguousarray(array)",
            )
        return cls(array.ctypes.data, array.nbytes, array, is_writable=array.flags.writeable)

    def part(self, offset: int, nbytes: int) -> Buffer:
        """Return the sub-buffer of `nbytes` bytes at `offset`; it keeps the memory alive.

        Raises:
            ArgumentError: the part lies outside the buffer.
        """
        if offset < 0 or nbytes < 0 or offset + nbytes > self.nbytes:
            raise ArgumentError(
                "A part must lie within its buffer",
                got=f"bytes {offset} to {offset + nbytes}",
                expected=f"bytes within 0 to {self.nbytes}",
            )
        return Buffer(self.address + offset, nbytes, self, is_writable=self.is_writable)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {
            "data": (self.address, not self.is_writable),
            "shape": (self.nbytes,),
            "typestr": "|u1",
            "version": 3,
        }

    def array(self) -> NDArray[np.uint8]:
        """Return the bytes as an array over the same memory (of the host), which it keeps alive."""
        return np.asarray(self)

    def view(self) -> memoryview:
        """Return the bytes as a memoryview over the same memory, which it keeps alive."""
        return self.array().data

    def __repr__(self) -> str:
        return f"Buffer({self.nbytes} bytes at {self.address:#x})"

"""Realised tensors: storages, their memory, and NumPy views of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy

from tilegrad.base.errors import ArgumentError, DeviceError
from tilegrad.ir.dtype import from_numpy
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Shape, attributes_of
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer
from tilegrad.runtime.buffer import Buffer

Contents = tuple[Storage, Shape]
"""What a realised tensor is before anyone computes with it: less than a node, and sooner made."""


class Moves:
    """How often something that captured steps hold the addresses of has become other memory.

    A step that has seen all of them need not look at anything but its arguments.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class SharedMemory(Buffer):
    """Memory whose contents give way to others while a captured step replays, and come back anew.

    Args:
        memory: a part of the step's arena.
    """

    __slots__ = ()

    def __init__(self, memory: Buffer) -> None:
        super().__init__(memory.address, memory.nbytes, memory)


def make_buffer_node(storage: Storage, shape: Shape) -> Node:
    """Return the node for the present contents of a storage."""
    return intern(buffer, (), BufferAttributes(storage, shape, storage.version))


def storage_of(node: Node) -> Storage:
    """Return the storage of a buffer node.

    Raises:
        VerifyError: the node is no buffer.
    """
    attributes = node.attributes
    if type(attributes) is BufferAttributes:  # every replay comes here
        return attributes.storage
    return attributes_of(node, BufferAttributes).storage


def memory_of(storage: Storage) -> Buffer:
    """Return the memory of a storage.

    Raises:
        DeviceError: it has none.
    """
    memory = storage.memory
    if not isinstance(memory, Buffer):
        raise DeviceError("a tensor has no memory", got=storage)
    return memory


def write_addresses(
    arguments: memoryview[int], patches: Iterable[tuple[int, int]], storages: Sequence[Storage]
) -> None:
    """Write where storages lie into a recording's arguments.

    Args:
        arguments: the recording's.
        patches: which of them hold an address, and the number of the storage that lies there.
        storages: they have memory.
    """
    for argument, number in patches:
        memory = storages[number].memory
        if not isinstance(memory, Buffer):  # asked here, as every replay comes by
            memory = memory_of(storages[number])
        arguments[argument] = memory.address


def lend_memory(storage: Storage) -> Buffer:
    """Return the memory of a storage for others to look at: it is never written again.

    What overwrites the storage calls ``own_memory`` first.
    """
    memory = memory_of(storage)
    if isinstance(memory, SharedMemory):
        storage.memory = memory = Buffer.wrap(memory.array().copy())
    memory.is_writable = False
    return memory


def own_memory(storage: Storage) -> bool:
    """Give a storage that is to be overwritten memory that may be, with the same contents.

    Returns:
        Whether that is other memory than before.
    """
    memory = memory_of(storage)
    if memory.is_writable:
        return False
    storage.memory = Buffer.wrap(memory.array().copy())
    return True


def concrete_shape(node: Node) -> tuple[int, ...]:
    """Return the shape of a buffer node as ints.

    Raises:
        ArgumentError: a size is symbolic.
    """
    sizes = [size for size in node.shape if isinstance(size, int)]
    if len(sizes) != len(node.shape):
        raise ArgumentError(
            "a tensor with symbolic sizes has no contents of its own",
            got=node.shape,
            mend="bind the symbols by calling the captured function with concrete sizes",
        )
    return tuple(sizes)


def wrap_array(array: numpy.ndarray, device: str) -> Node:
    """Return a buffer node over the memory of a C-contiguous array, without a copy."""
    return make_buffer_node(wrap_memory(array, device), array.shape)


def wrap_memory(array: numpy.ndarray, device: str) -> Storage:
    """Return a storage over the memory of a C-contiguous array, without a copy."""
    return Storage(device, from_numpy(array.dtype), array.size, memory=Buffer.wrap(array))


def copy_storage(storage: Storage, shape: tuple[int, ...]) -> Storage:
    """Return another storage with what a storage holds of a shape."""
    return wrap_memory(view_storage(storage, shape).copy(), storage.device)


def view_storage(storage: Storage, shape: tuple[int, ...]) -> numpy.ndarray:
    """Return an array over the memory of a storage that the host can reach, without a copy.

    Raises:
        DeviceError: the storage has no memory.
    """
    return numpy.ndarray(shape, storage.dtype.numpy, memory_of(storage).view())

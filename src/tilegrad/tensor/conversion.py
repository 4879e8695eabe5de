"""Between tensors and Python's numbers, lists and NumPy's arrays; realising; devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tilegrad.engine import Session, current_session
from tilegrad.engine.storage import storage_of
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import graph
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import Storage
from tilegrad.tensor.arguments import DEFAULT_INTEGER, resolve_device
from tilegrad.tensor.base import Number, TensorBase, constant_of, default_dtype
from tilegrad.tensor.casting import Casting
from tilegrad.tensor.size import SymbolicInteger

Data = object
Array = numpy.ndarray


def node_of(data: Data, dtype: DType | None, device: str) -> Node:
    """Return what a tensor is made of, as a node.

    Args:
        data: a number, a symbolic integer, a NumPy array or what NumPy makes one of (nested
            sequences, scalars, objects with ``__array__``), bytes (as uint8), or None (nothing).
        dtype: the dtype wanted; None keeps an array's, and gives numbers bool, int64 or float32.
        device: where the contents are to be.

    Raises:
        ShapeError: nested sequences differ in length.
        ArgumentTypeError: there is no tensor of this data.
        ArgumentError: an integer does not fit into the dtype.
    """
    if isinstance(data, (bool, int, float)):
        return constant_of(data, default_dtype(data) if dtype is None else dtype)
    if isinstance(data, SymbolicInteger):
        return cast_to(data.node, DEFAULT_INTEGER if dtype is None else dtype)
    if isinstance(data, bytes):
        array = numpy.frombuffer(data, numpy.uint8)
    elif data is None:
        array = numpy.empty(0, numpy.float32)
    else:
        array = _as_array(data, dtype)
    node = current_session().from_numpy(array, device)
    return node if dtype is None else cast_to(node, dtype)


def _as_array(data: Data, dtype: DType | None) -> Array:
    has_own_dtype = isinstance(data, numpy.generic) or hasattr(data, "__array__")
    if isinstance(data, (list, tuple)):
        data = _unwrap(data)
    try:
        array = numpy.asarray(data)
    except (ValueError, OverflowError) as error:
        raise ShapeError(
            "no tensor can be made of this sequence",
            got=_describe_lengths(data),
            expected="nested sequences of equal lengths that hold numbers",
        ) from error
    if array.dtype == object or array.dtype.kind in "USmM":
        raise ArgumentTypeError(
            "no tensor can be made of this",
            got=f"{type(data).__name__} of {array.dtype}",
            expected="numbers, nested sequences of numbers or a NumPy array",
        )
    if has_own_dtype:
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "f":
        is_wide = dtype is not None and (dtype is dtypes.float64 or not dtype.is_float)
        return array if is_wide else array.astype(numpy.float32)
    if dtype is not None and dtype.is_integer and array.size:
        _check_range(array, dtype)
    return array


def _describe_lengths(data: Data) -> str:
    """Return where nested sequences differ in length, as text."""
    level, depth = [data], 0
    while all(isinstance(item, (list, tuple)) for item in level):
        lengths = sorted({len(item) for item in level})  # type: ignore[arg-type]
        if len(lengths) > 1:
            return f"lengths {' and '.join(map(str, lengths))} at depth {depth}"
        level = [inner for item in level for inner in item]  # type: ignore[union-attr]
        depth += 1
    return f"numbers and sequences side by side at depth {depth}"


def _check_range(array: numpy.ndarray, dtype: DType) -> None:
    low, high = int(array.min()), int(array.max())
    if low < dtype.minimum or high > dtype.maximum:
        raise ArgumentError(
            f"a number does not fit into {dtype.name}",
            got=low if low < dtype.minimum else high,
            expected=f"from {dtype.minimum} to {dtype.maximum}",
        )


def _unwrap(data: Sequence[Any]) -> list[Any]:
    """Return nested sequences with the tensors in them as arrays."""
    return [
        _unwrap(item)
        if isinstance(item, (list, tuple))
        else item.numpy()
        if isinstance(item, Conversion)
        else item
        for item in data
    ]


class Conversion(Casting):
    """Realising, reading and moving."""

    __slots__ = ()

    def realize(self, *others: TensorBase) -> Self:
        """Compute this tensor, and others with it, and hold the contents in memory."""
        if others or not self.is_realized():
            realize(self, *others)
        return self

    def numpy(self) -> Array:
        """Return a NumPy array with a copy of the contents."""
        self.check_static("numpy")
        realize(self)
        return current_session().read(self.node)

    def tolist(self) -> Any:
        """Return the contents as Python's numbers in nested lists (a number for a scalar)."""
        array = self.numpy()
        if self.node.dtype.is_float and array.dtype.kind != "f":  # ml_dtypes
            array = array.astype(numpy.float32)
        return array.tolist()

    def item(self) -> Number:
        """Return the one element as a Python number.

        Raises:
            ShapeError: there is not exactly one element.
        """
        if any(size != 1 for size in self.node.shape):
            raise ShapeError(
                "item needs exactly one element",
                got=f"shape {self.node.shape}",
                mend="use .tolist() or .numpy(), or pick an element by indexing",
            )
        return self.numpy().reshape(()).item()

    def data(self) -> memoryview:
        """Return a copy of the contents as a memoryview with the tensor's shape."""
        array = self.numpy()
        if array.dtype.kind not in "biuf":
            array = array.view(f"uint{8 * array.dtype.itemsize}")
        return array.data

    def check_static(self, what: str) -> None:
        """Check that every size is known.

        Raises:
            ShapeError: one is symbolic.
        """
        for size in self.node.shape:
            if isinstance(size, Node):
                raise ShapeError(
                    f"{what} needs sizes that are known",
                    got=f"shape {self.shape}",
                    mend="bind the variables to values first",
                )

    def __bool__(self) -> bool:
        if any(size != 1 for size in self.node.shape):
            raise ShapeError(
                "a tensor of several elements is neither true nor false",
                got=f"shape {self.node.shape}",
                mend="use .any() or .all(); combine conditions with & and |, not `and` and `or`",
            )
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        if self.node.dtype.is_float:
            raise DTypeError(
                "only an integer tensor can be used as an index", got=self.node.dtype.name
            )
        return int(self.item())

    def __len__(self) -> int:
        shape = self.node.shape
        if not shape:
            raise ShapeError("a scalar has no length", mend="use .numel()")
        size = shape[0]
        if isinstance(size, Node):
            raise ShapeError("the length is symbolic", got=size, mend="use .shape[0]")
        return size

    def to(self, device: str | DType | None) -> Self:
        """Return the tensor on another device (itself, if it is there), or in another dtype.

        Raises:
            DeviceError: there is no such device.
        """
        if isinstance(device, DType):
            return self.cast(device)
        name = resolve_device(device)
        if name == self.device:
            return self
        node = intern(graph.copy, (self.node,), graph.CopyAttributes(name))
        return self.from_node(node, name, self.requires_grad)

    def to_(self, device: str | DType | None) -> Self:
        """Move this tensor itself to another device, or into another dtype; its gradient too."""
        moved = self.to(device)
        if moved is self:
            return self
        moved.requires_grad = self.requires_grad
        self.node, self.device, self.target = moved.node, moved.device, None
        current_session().note_change(self)
        if self.grad is not None:
            self.grad = self.grad.to(device)
        return self

    def cpu(self) -> Self:
        """Return the tensor on the device ``cpu``."""
        return self.to("cpu")

    def clone(self, device: str | None = None) -> Self:
        """Return a tensor of the same value in memory of its own."""
        node = intern(graph.contiguous, (self.node,))
        copied = self.with_node(node)
        return copied if device is None else copied.to(device)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether ``backward`` gives this tensor a gradient."""
        self.requires_grad = requires_grad
        return self


def realize(*tensors: TensorBase) -> None:
    """Compute tensors together and hold their contents in memory.

    Where a captured function has drawn random numbers, the state that they came from is written
    too.
    """
    waiting = [tensor for tensor in tensors if not tensor.is_realized()]
    if not waiting:
        return
    session = current_session()
    by_device: dict[str, list[TensorBase]] = {}
    for tensor in dict.fromkeys(waiting):
        by_device.setdefault(tensor.device, []).append(tensor)
    for device, group in by_device.items():
        generator = session.generators.get(device)
        if (
            generator
            and generator.state.target is not None
            and not any(generator.state is tensor for tensor in group)
        ):
            group.append(generator.state)
        _realize_group(session, group, device)


def _realize_group(session: Session, group: list[TensorBase], device: str) -> None:
    """Realise tensors of one device; if that fails they are as they were.

    Of several that were the same memory and wait to be written, the first keeps it.
    """
    before = [(tensor, tensor.node, tensor.target) for tensor in group]
    written: set[Storage] = set()
    for tensor, node, target in before:
        if target is not None:
            tensor.target = None
            storage = storage_of(target)
            if storage not in written:
                written.add(storage)
                tensor.node = intern(graph.assign, (target, node))
    try:
        realised = session.realize([tensor.node for tensor in group], device)
    except BaseException:
        for tensor, node, target in before:
            tensor.node, tensor.target = node, target
        raise
    for tensor in reversed(group):
        tensor.settle(realised.pop())

"""What every tensor holds, and how new ones are made from nodes."""

from __future__ import annotations

from typing import Self, SupportsFloat, SupportsIndex, TypeGuard

import numpy

from tilegrad.base.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
)
from tilegrad.engine import current_session
from tilegrad.engine.session import Session
from tilegrad.engine.storage import (
    Contents,
    concrete_shape,
    copy_storage,
    make_buffer_node,
    storage_of,
)
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.graph import assign
from tilegrad.ops.leaves import buffer, constant
from tilegrad.tensor.arguments import DEFAULT_FLOAT, DEFAULT_INTEGER
from tilegrad.tensor.history import follow, leads_straight, remember
from tilegrad.tensor.size import Size, SymbolicInteger, as_size

Number = bool | int | float


class TensorType(type):
    """The class of the class ``Tensor``: holds what concerns all tensors of the session."""

    @property
    def training(cls) -> bool:
        """Whether dropout drops, and batch normalisation uses the statistics of the batch."""
        return current_session().training

    @training.setter
    def training(cls, training: bool) -> None:
        current_session().training = training


class TensorBase(metaclass=TensorType):
    """The state of a tensor: a value that is computed when it is needed.

    Attributes:
        held: the expression of the value; or, if that is known and nobody has computed with it yet,
            its memory and shape.
        device: name of the device that holds it.
        target: the realised contents that the value is to overwrite when it is realised (after
            ``assign`` and the like), or None.
        grad: the gradient that ``backward`` gave, or None.
    """

    __slots__ = ("__weakref__", "_requires_grad", "device", "grad", "held", "target")
    __array_priority__ = 1000.0  # NumPy's arrays leave binary operators to the tensor

    held: Node | Contents
    device: str
    target: Node | None
    grad: Self | None
    _requires_grad: bool | None

    @classmethod
    def from_node(cls, node: Node, device: str, requires_grad: bool | None = None) -> Self:
        """Return a tensor of the value that a node expresses."""
        tensor = object.__new__(cls)
        tensor.hold(node, device, requires_grad)
        return tensor

    @classmethod
    def from_result(cls, contents: Contents, device: str, session: Session) -> Self:
        """Return a tensor of a session, of memory that is nobody else's."""
        tensor = object.__new__(cls)
        tensor.held = contents
        tensor.device = device
        tensor.target = tensor.grad = tensor._requires_grad = None
        session.track_result(tensor)
        return tensor

    @property
    def node(self) -> Node:
        """The expression of the value; a ``buffer`` once it is realised."""
        held = self.held
        if isinstance(held, tuple):
            self.held = held = make_buffer_node(*held)
        return held

    @node.setter
    def node(self, node: Node) -> None:
        self.held = node

    def hold(self, node: Node, device: str, requires_grad: bool | None) -> None:
        """Take a value; only for making tensors."""
        self.held = node
        self.device = device
        self.target = None
        self.grad = None
        self._requires_grad = None
        if requires_grad is not None:
            self.requires_grad = requires_grad
        current_session().track(self)

    def is_realized(self) -> bool:
        """Return whether the contents are in memory."""
        held = self.held
        return isinstance(held, tuple) or (held.op is buffer and self.target is None)

    @property
    def requires_grad(self) -> bool | None:
        """Whether ``backward`` gives it a gradient.

        None is undecided: it gets none, but an optimiser may set it.
        """
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool | None) -> None:
        if requires_grad and not self.node.dtype.is_float:
            raise DTypeError(
                "only floats have gradients",
                got=self.node.dtype.name,
                mend="cast the tensor: .float()",
            )
        if requires_grad and not self._requires_grad:
            self.node = follow(self.node)
        self._requires_grad = requires_grad

    def settle(self, contents: Contents) -> None:
        """Take the memory with the value that this tensor's expression had."""
        before, self.held = self.node, contents
        histories = current_session().histories
        if self._requires_grad and before.op is assign:
            histories[self.node] = None
        elif histories:
            if self.node in histories and leads_straight(before, self.node):
                # Memory that nobody else held any more was taken over; it is where other gradients
                # end, so a history of its own would lead in a circle.
                shape = concrete_shape(self.node)
                self.held = (copy_storage(storage_of(self.node), shape), shape)
            remember(before, self.node)

    def with_node(self, node: Node) -> Self:
        """Return a tensor of another value on the same device."""
        return self.from_node(node, self.device)

    @property
    def shape(self) -> tuple[Size, ...]:
        """The sizes, each an int or a symbolic integer."""
        shape = self.node.shape
        for size in shape:
            if isinstance(size, Node):
                return tuple(as_size(size) for size in shape)
        return shape  # type: ignore[return-value]

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""
        return self.node.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.node.shape)

    def dim(self) -> int:
        """Return the number of axes, as ``ndim``."""
        return len(self.node.shape)

    def numel(self) -> Size:
        """Return the number of elements."""
        return as_size(symbolic.multiply_all(self.node.shape))

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self.node.dtype.itemsize

    @property
    def nbytes(self) -> Size:
        """The bytes of all elements."""
        return self.numel() * self.node.dtype.itemsize

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a floating-point type."""
        return self.node.dtype.is_float

    def as_operand(self, value: object, dtype: DType | None = None) -> Node:
        """Return a value to compute with beside this tensor, as a node.

        A Python number takes ``dtype``, or this tensor's dtype where that can hold its kind of
        number (else the default one); tensors and arrays keep theirs.

        Raises:
            DeviceError: a tensor lies on another device.
            ArgumentTypeError: it is no number, tensor or array.
            ArgumentError: a Python integer does not fit into the integer dtype.
        """
        if isinstance(value, TensorBase):
            if value.device != self.device:
                raise DeviceError(
                    "the tensors are on different devices",
                    got=f"{self.device} and {value.device}",
                    mend=f"move one of them: .to({self.device!r})",
                )
            return value.node
        if isinstance(value, (bool, int, float)):
            return constant_of(value, dtype or weak_dtype(self.node.dtype, value))
        if isinstance(value, (numpy.ndarray, numpy.generic)):
            return current_session().from_numpy(numpy.asarray(value), self.device)
        if isinstance(value, SymbolicInteger):
            wanted = dtype or weak_dtype(self.node.dtype, 0)
            return cast_to(value.node, wanted)
        raise ArgumentTypeError(
            "cannot compute with this value",
            got=type(value).__name__,
            expected="a tensor, a number or a NumPy array",
        )


def is_operand(value: object) -> TypeGuard[TensorBase | Number]:
    """Whether an operator can take the value (else Python asks the other operand)."""
    return isinstance(
        value, (TensorBase, bool, int, float, numpy.ndarray, numpy.generic, SymbolicInteger)
    )


def weak_dtype(dtype: DType, value: Number) -> DType:
    """Return the dtype in which a Python number meets a tensor of ``dtype``."""
    if isinstance(value, bool):
        return dtype
    if isinstance(value, int):
        return DEFAULT_INTEGER if dtype.is_boolean else dtype
    return dtype if dtype.is_float else DEFAULT_FLOAT


def default_dtype(value: Number) -> DType:
    """Return the dtype of a tensor made of a Python number."""
    if isinstance(value, bool):
        return dtypes.bool
    return DEFAULT_INTEGER if isinstance(value, int) else DEFAULT_FLOAT


def constant_of(value: SupportsIndex | SupportsFloat, dtype: DType) -> Node:
    """Return a Python number as a scalar constant.

    Raises:
        ArgumentError: an integer does not fit into an integer dtype, or a float that is not whole
            is to become an integer.
    """
    if dtype.is_integer and not dtype.minimum <= value <= dtype.maximum:  # type: ignore[operator]
        raise ArgumentError(
            f"the number does not fit into {dtype.name}",
            got=value,
            expected=f"from {dtype.minimum} to {dtype.maximum}",
            mend="cast the tensor to a wider dtype",
        )
    return constant(value, dtype)  # type: ignore[arg-type]


def as_float(node: Node) -> Node:
    """Return the node in its own float dtype, or the default one if it has none."""
    return node if node.dtype.is_float else cast_to(node, DEFAULT_FLOAT)


def require_float(name: str, dtype: DType) -> None:
    """Check that a method which is defined on floats alone got one.

    Raises:
        DTypeError: the dtype is no float.
    """
    if not dtype.is_float:
        raise DTypeError(
            f"{name} needs a floating-point dtype",
            got=dtype.name,
            expected="such as float32",
            mend="cast the tensor: .float()",
        )

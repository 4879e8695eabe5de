"""Giving a tensor another value: ``assign`` and the operators that work in place.

Underneath, everything is functional: the tensor takes a new value, and if it was realised, its own
memory is overwritten when that value is realised. What was computed from it before keeps its value.
"""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import DTypeError, ShapeError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops import leaves
from tilegrad.ops.conversion import cast_to
from tilegrad.tensor.arithmetic import Arithmetic, Operand
from tilegrad.tensor.base import Number, TensorBase, is_operand
from tilegrad.tensor.broadcasting import fit
from tilegrad.tensor.conversion import Conversion, Data, node_of
from tilegrad.tensor.history import follow, mark


class Mutation(Conversion, Arithmetic):
    """Assignment and in-place operators."""

    __slots__ = ()

    def assign(self, x: Data) -> Self:
        """Give this tensor another value; its own memory is written when it is realised.

        Other tensors that were computed from it keep their values.

        Args:
            x: tensor, array or number that broadcasts to this shape.

        Raises:
            ShapeError: it does not broadcast to this shape.
            DTypeError: its kind of number does not fit into this dtype (float into int).
            DeviceError: it is a tensor on another device.
        """
        value = self.as_operand(x) if is_operand(x) else node_of(x, None, self.device)
        dtype = self.node.dtype
        if value.dtype is not dtype:
            check_kind(value.dtype, dtype)
            value = cast_to(value, dtype)
        if value.shape != self.node.shape:
            value = fit(value, self.node.shape, "the tensor that it is assigned to")
        self.set_value(value)
        return self

    def set_value(self, value: Node) -> None:
        """Take a value of the same shape and dtype, to be written in place if realised."""
        if self.target is None and self.node.op is leaves.buffer:
            self.target = self.node
            current_session().note_change(self)
        self.node = mark(value) if self.requires_grad else value

    def replace(self, x: TensorBase) -> Self:
        """Become another tensor's value, without writing this one's memory.

        Raises:
            ShapeError: the shapes differ.
            DTypeError: the dtypes differ.
        """
        if x.node.shape != self.node.shape:
            raise ShapeError("replace: the shapes differ", got=x.shape, expected=self.shape)
        if x.node.dtype is not self.node.dtype:
            raise DTypeError("replace: the dtypes differ", got=x.dtype, expected=self.dtype)
        self.device, self.target = x.device, x.target
        self.node = follow(x.node) if self.requires_grad else x.node
        current_session().note_change(self)
        return self

    def zero_(self) -> Self:
        """Give this tensor zeros; see ``assign``."""
        return self.assign(False)

    def fill_(self, value: Operand) -> Self:
        """Give this tensor one value; see ``assign``."""
        return self.assign(value)

    def copy_(self, src: TensorBase) -> Self:
        """Give this tensor the values of another, cast to its dtype; see ``assign``."""
        return self.assign(self.with_node(cast_to(self.as_operand(src), self.node.dtype)))

    def add_(self, other: Operand, *, alpha: Number = 1) -> Self:
        """Add alpha · other to this tensor; see ``assign``."""
        added = self.with_node(self.as_operand(other))
        return self.assign(self.add(added if alpha == 1 else added.mul(alpha)))

    def sub_(self, other: Operand, *, alpha: Number = 1) -> Self:
        """Subtract alpha · other from this tensor; see ``assign``."""
        return self.add_(other, alpha=-alpha)

    def mul_(self, other: Operand) -> Self:
        """Multiply this tensor; see ``assign``."""
        return self.assign(self.mul(other))

    def div_(self, other: Operand, *, rounding_mode: str | None = None) -> Self:
        """Divide this tensor; see ``div`` and ``assign``."""
        return self.assign(self.div(other, rounding_mode=rounding_mode))

    def __iadd__(self, other: object) -> Self:
        return self.assign(self.add(other)) if is_operand(other) else NotImplemented

    def __isub__(self, other: object) -> Self:
        return self.assign(self.sub(other)) if is_operand(other) else NotImplemented

    def __imul__(self, other: object) -> Self:
        return self.assign(self.mul(other)) if is_operand(other) else NotImplemented

    def __itruediv__(self, other: object) -> Self:
        return self.assign(self.div(other)) if is_operand(other) else NotImplemented

    def __ifloordiv__(self, other: object) -> Self:
        return self.assign(self.floor_divide(other)) if is_operand(other) else NotImplemented

    def __imod__(self, other: object) -> Self:
        return self.assign(self.mod(other)) if is_operand(other) else NotImplemented

    def __ipow__(self, other: object) -> Self:
        return self.assign(self.pow(other)) if is_operand(other) else NotImplemented

    def __iand__(self, other: object) -> Self:
        return self.assign(self.bitwise_and(other)) if is_operand(other) else NotImplemented

    def __ior__(self, other: object) -> Self:
        return self.assign(self.bitwise_or(other)) if is_operand(other) else NotImplemented

    def __ixor__(self, other: object) -> Self:
        return self.assign(self.bitwise_xor(other)) if is_operand(other) else NotImplemented

    def __ilshift__(self, other: object) -> Self:
        return self.assign(self.lshift(other)) if is_operand(other) else NotImplemented

    def __irshift__(self, other: object) -> Self:
        return self.assign(self.rshift(other)) if is_operand(other) else NotImplemented


def check_kind(value: DType, target: DType) -> None:
    """Check that values of a dtype may be written into a tensor of another.

    Raises:
        DTypeError: floats would become integers, or numbers would become bools.
    """
    is_lossy = (value.is_float and not target.is_float) or (
        not value.is_boolean and target.is_boolean
    )
    if is_lossy:
        raise DTypeError(
            f"a value of {value.name} does not fit into a tensor of {target.name}",
            got=value.name,
            expected=target.name,
            mend=f"cast the value: .cast(dtypes.{target.name})",
        )

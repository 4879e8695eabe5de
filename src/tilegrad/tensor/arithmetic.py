"""Arithmetic between two tensors, or a tensor and a number, and Python's operators for it.

Operands broadcast as in NumPy and meet in the dtype that ``ir.dtype.promote`` gives. Python's
numbers adapt to the tensor: an int takes its dtype (int64 beside bool), a float takes its dtype if
that is a float and float32 otherwise.
"""

from __future__ import annotations

from typing import Self

import numpy

from tilegrad.base.errors import DTypeError
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, bits
from tilegrad.tensor.arguments import check_choice
from tilegrad.tensor.base import Number, TensorBase, as_float, is_operand
from tilegrad.tensor.broadcasting import unify
from tilegrad.tensor.casting import Casting
from tilegrad.tensor.powers import power
from tilegrad.tensor.size import SymbolicInteger

Operand = TensorBase | Number | SymbolicInteger | numpy.ndarray | numpy.generic

_ON_BOOLEANS = {arithmetic.add: bits.bitwise_or, arithmetic.multiply: bits.bitwise_and}


class Arithmetic(Casting):
    """Sums, products, quotients, remainders, powers, and operations on bits."""

    __slots__ = ()

    def combine(self, op: Op, other: object, reverse: bool = False) -> Self:
        """Return the tensor that a binary op gives.

        Args:
            op: an elementwise op of two sources.
            other: tensor, array or Python number.
            reverse: whether ``other`` is the first operand.

        Raises:
            ShapeError: the shapes do not broadcast.
            DTypeError: the op does not take the dtype.
        """
        left, right = self.node, self.as_operand(other)
        if left.dtype is not right.dtype or (left.shape != right.shape and right.shape):
            left, right = unify(left, right)
        if left.dtype.is_boolean:
            op = _ON_BOOLEANS.get(op, op)
        return self.with_node(intern(op, (right, left) if reverse else (left, right)))

    def as_floats(self, other: object) -> tuple[Node, Node]:
        """Return this tensor and another operand as nodes of one float dtype that broadcast.

        Raises:
            ShapeError: the shapes do not broadcast.
        """
        left, right = unify(self.node, self.as_operand(other))
        return as_float(left), as_float(right)

    def add(self, x: Operand, reverse: bool = False) -> Self:
        """Return self + x (logical or of bools)."""
        return self.combine(arithmetic.add, x, reverse)

    def sub(self, x: Operand, reverse: bool = False) -> Self:
        """Return self - x."""
        return self.combine(arithmetic.subtract, x, reverse)

    def mul(self, x: Operand, reverse: bool = False) -> Self:
        """Return self · x (logical and of bools)."""
        return self.combine(arithmetic.multiply, x, reverse)

    def div(self, x: Operand, reverse: bool = False, rounding_mode: str | None = None) -> Self:
        """Return self / x.

        Args:
            x: the divisor.
            reverse: whether to return x / self instead.
            rounding_mode: None divides exactly (integers become float32); "trunc" rounds toward
                zero and "floor" down, both keeping the dtype.

        Raises:
            ArgumentError: unknown rounding mode.
        """
        if rounding_mode is None:
            left, right = self.as_floats(x)
            sources = (right, left) if reverse else (left, right)
            return self.with_node(intern(arithmetic.divide, sources))
        check_choice("rounding mode", rounding_mode, ("trunc", "floor"))
        op = arithmetic.floor_divide if rounding_mode == "floor" else arithmetic.truncated_divide
        return self.combine(op, x, reverse)

    def floor_divide(self, x: Operand, reverse: bool = False) -> Self:
        """Return ⌊self / x⌋ in the common dtype; an integer divided by zero gives 0."""
        return self.combine(arithmetic.floor_divide, x, reverse)

    def mod(self, x: Operand, reverse: bool = False) -> Self:
        """Return the remainder with the sign of the divisor, as Python's ``%``."""
        return self.combine(arithmetic.modulo, x, reverse)

    def remainder(self, x: Operand) -> Self:
        """Return the remainder with the sign of the divisor, as ``mod``."""
        return self.combine(arithmetic.modulo, x)

    def fmod(self, x: Operand) -> Self:
        """Return the remainder with the sign of the dividend, as C's ``fmod``."""
        return self.combine(arithmetic.truncated_remainder, x)

    def pow(self, x: Operand, reverse: bool = False) -> Self:
        """Return self to the power of x.

        Integers wrap around; an integer to a negative power is 0 unless the base is 1 or -1.

        Raises:
            ArgumentError: a Python int that is negative is the exponent of an integer tensor.
            DTypeError: both operands are bool.
        """
        operands = (self.node, self.as_operand(x))
        base, exponent = reversed(operands) if reverse else operands
        return self.with_node(power(base, exponent))

    def bitwise_and(self, x: Operand, reverse: bool = False) -> Self:
        """Return the bits set in both (logical and of bools)."""
        return self.combine(bits.bitwise_and, x, reverse)

    def bitwise_or(self, x: Operand, reverse: bool = False) -> Self:
        """Return the bits set in either (logical or of bools)."""
        return self.combine(bits.bitwise_or, x, reverse)

    def bitwise_xor(self, x: Operand, reverse: bool = False) -> Self:
        """Return the bits set in one of both (exclusive or of bools)."""
        return self.combine(bits.bitwise_xor, x, reverse)

    def bitwise_not(self) -> Self:
        """Return every bit inverted (logical not of bools)."""
        return self.with_node(intern(bits.bitwise_not, (self.node,)))

    def lshift(self, x: Operand, reverse: bool = False) -> Self:
        """Return the bits moved up; counts outside the width give 0."""
        return self.combine(bits.shift_left, x, reverse)

    def rshift(self, x: Operand, reverse: bool = False) -> Self:
        """Return the bits moved down, keeping the sign of signed integers."""
        return self.combine(bits.shift_right, x, reverse)

    def neg(self) -> Self:
        """Return -self.

        Raises:
            DTypeError: the tensor is bool.
        """
        if self.node.dtype.is_boolean:
            raise DTypeError(
                "a bool has no negative", got="bool", mend="use ~tensor or .logical_not()"
            )
        return self.with_node(intern(arithmetic.negate, (self.node,)))

    def __add__(self, other: object) -> Self:
        return self.combine(arithmetic.add, other) if is_operand(other) else NotImplemented

    def __radd__(self, other: object) -> Self:
        return self.combine(arithmetic.add, other, True) if is_operand(other) else NotImplemented

    def __sub__(self, other: object) -> Self:
        return self.combine(arithmetic.subtract, other) if is_operand(other) else NotImplemented

    def __rsub__(self, other: object) -> Self:
        return self.sub(other, True) if is_operand(other) else NotImplemented

    def __mul__(self, other: object) -> Self:
        return self.combine(arithmetic.multiply, other) if is_operand(other) else NotImplemented

    def __rmul__(self, other: object) -> Self:
        return self.mul(other, True) if is_operand(other) else NotImplemented

    def __truediv__(self, other: object) -> Self:
        return self.div(other) if is_operand(other) else NotImplemented

    def __rtruediv__(self, other: object) -> Self:
        return self.div(other, True) if is_operand(other) else NotImplemented

    def __floordiv__(self, other: object) -> Self:
        return self.floor_divide(other) if is_operand(other) else NotImplemented

    def __rfloordiv__(self, other: object) -> Self:
        return self.floor_divide(other, True) if is_operand(other) else NotImplemented

    def __mod__(self, other: object) -> Self:
        return self.mod(other) if is_operand(other) else NotImplemented

    def __rmod__(self, other: object) -> Self:
        return self.mod(other, True) if is_operand(other) else NotImplemented

    def __pow__(self, other: object) -> Self:
        return self.pow(other) if is_operand(other) else NotImplemented

    def __rpow__(self, other: object) -> Self:
        return self.pow(other, True) if is_operand(other) else NotImplemented

    def __and__(self, other: object) -> Self:
        return self.bitwise_and(other) if is_operand(other) else NotImplemented

    def __rand__(self, other: object) -> Self:
        return self.bitwise_and(other, True) if is_operand(other) else NotImplemented

    def __or__(self, other: object) -> Self:
        return self.bitwise_or(other) if is_operand(other) else NotImplemented

    def __ror__(self, other: object) -> Self:
        return self.bitwise_or(other, True) if is_operand(other) else NotImplemented

    def __xor__(self, other: object) -> Self:
        return self.bitwise_xor(other) if is_operand(other) else NotImplemented

    def __rxor__(self, other: object) -> Self:
        return self.bitwise_xor(other, True) if is_operand(other) else NotImplemented

    def __lshift__(self, other: object) -> Self:
        return self.lshift(other) if is_operand(other) else NotImplemented

    def __rlshift__(self, other: object) -> Self:
        return self.lshift(other, True) if is_operand(other) else NotImplemented

    def __rshift__(self, other: object) -> Self:
        return self.rshift(other) if is_operand(other) else NotImplemented

    def __rrshift__(self, other: object) -> Self:
        return self.rshift(other, True) if is_operand(other) else NotImplemented

    def __neg__(self) -> Self:
        return self.neg()

    def __pos__(self) -> Self:
        return self

    def __invert__(self) -> Self:
        return self.bitwise_not()

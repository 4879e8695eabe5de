"""Sizes as users see them: Python ints, or symbolic integers with bounds."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import SupportsIndex

from tilegrad.base.errors import ArgumentError, ArgumentTypeError
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.bounds import bounds
from tilegrad.ops.leaves import SymbolAttributes, symbol


class SymbolicInteger:
    """An integer that is known only when a kernel is launched, with bounds known now.

    Supports ``+ - * // %`` with ints and other symbolic integers. Equal expressions are equal
    (``n + n == 2 * n``). Comparing by order gives a bool where the bounds decide it, and raises
    where they do not.

    Attributes:
        node: the expression, of dtype ``index``.
    """

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def minimum(self) -> int:
        """The least value that the bounds allow."""
        return int(bounds(self.node)[0])

    @property
    def maximum(self) -> int:
        """The greatest value that the bounds allow."""
        return int(bounds(self.node)[1])

    def __repr__(self) -> str:
        return f"<symbolic {self.minimum}..{self.maximum}>"

    def __hash__(self) -> int:
        return hash(self.node)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SymbolicInteger) and other.node is self.node

    def __add__(self, other: Size) -> Size:
        return as_size(symbolic.add(self.node, as_index(other)))

    def __radd__(self, other: Size) -> Size:
        return as_size(symbolic.add(as_index(other), self.node))

    def __sub__(self, other: Size) -> Size:
        return as_size(symbolic.subtract(self.node, as_index(other)))

    def __rsub__(self, other: Size) -> Size:
        return as_size(symbolic.subtract(as_index(other), self.node))

    def __mul__(self, other: Size) -> Size:
        return as_size(symbolic.multiply(self.node, as_index(other)))

    def __rmul__(self, other: Size) -> Size:
        return as_size(symbolic.multiply(as_index(other), self.node))

    def __floordiv__(self, other: Size) -> Size:
        return as_size(symbolic.floor_divide(self.node, as_index(other)))

    def __mod__(self, other: Size) -> Size:
        return as_size(symbolic.modulo(self.node, as_index(other)))

    def __neg__(self) -> Size:
        return as_size(symbolic.multiply(self.node, -1))

    def __lt__(self, other: Size) -> bool:
        return _decide(symbolic.less(self.node, as_index(other)))

    def __gt__(self, other: Size) -> bool:
        return _decide(symbolic.less(as_index(other), self.node))

    def __le__(self, other: Size) -> bool:
        return not self > other

    def __ge__(self, other: Size) -> bool:
        return not self < other


class Variable(SymbolicInteger):
    """A symbolic integer with a name, such as the length of a sequence.

    Args:
        name: its name; variables of one name and bounds are the same variable.
        minimum: least value, at least 0.
        maximum: greatest value.

    Raises:
        ArgumentError: the bounds are negative or in the wrong order.

    Example:
        ``Tensor.ones(8)[: Variable("length", 1, 8)]`` has the shape ``(length,)``.
    """

    __slots__ = ("name",)

    def __init__(self, name: str, minimum: int, maximum: int) -> None:
        if not 0 <= minimum <= maximum:
            raise ArgumentError(
                f"the bounds of the variable {name!r} make no sense",
                got=f"minimum {minimum}, maximum {maximum}",
                expected="0 <= minimum <= maximum",
            )
        super().__init__(symbol(attributes=SymbolAttributes(name, minimum, maximum)))
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name}[{self.minimum}..{self.maximum}]"

    def bind(self, value: int) -> BoundVariable:
        """Return the variable with a value, to be passed to a captured function.

        Raises:
            ArgumentError: the value lies outside the bounds.
        """
        if not self.minimum <= value <= self.maximum:
            raise ArgumentError(
                f"the variable {self.name!r} cannot have this value",
                got=value,
                expected=f"{self.minimum} to {self.maximum}",
            )
        return BoundVariable(self, value)


@dataclass(frozen=True, slots=True)
class BoundVariable:
    """A variable with the value that it has in one call of a captured function."""

    variable: Variable
    value: int


Size = int | SymbolicInteger
Index = int | Node


def as_index(size: Size | SupportsIndex) -> Index:
    """Return a size as the index algebra has it.

    Raises:
        ArgumentTypeError: it is not an integer.
    """
    if type(size) is int:
        return size
    if isinstance(size, SymbolicInteger):
        return size.node
    try:
        return operator.index(size)
    except TypeError as error:
        raise ArgumentTypeError(
            "a size or index must be an integer", got=repr(size), expected="int or Variable"
        ) from error


def as_size(index: Index) -> Size:
    """Return a size as the user has it."""
    return SymbolicInteger(index) if isinstance(index, Node) else index


def _decide(condition: bool | Node) -> bool:
    if isinstance(condition, bool):
        return condition
    raise ArgumentError(
        "the bounds of this symbolic integer do not decide the comparison",
        got=condition,
        mend="compare its .minimum or .maximum, or narrow the bounds of its variables",
    )

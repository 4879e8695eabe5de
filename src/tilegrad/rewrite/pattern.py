"""The two sides of a rule: terms, ordinary expressions over pattern variables.

A term is a light structure of its own and not a `Node`: one law holds for many dtypes, shapes and
attributes, while a node has exactly one of each. Terms combine with the operators of nodes, and ops
become functions on terms through `lift`::

    x, y = variables("x y")
    (maximum,) = lift(arithmetic.maximum)
    x * 1, maximum(x, y) + y
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import STORABLE, DType, Kind, dtypes
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, bits, comparison

Number: TypeAlias = bool | int | float
A = TypeVar("A")


@dataclass(frozen=True, eq=False, slots=True)
class DTypeClass:
    """A named set of dtypes that a variable may have."""

    name: str
    members: frozenset[DType]


def _select(name: str, choose: Callable[[DType], bool]) -> DTypeClass:
    return DTypeClass(
        name, frozenset(dtype for dtype in (*STORABLE, dtypes.index) if choose(dtype))
    )


ANY = _select("any", lambda _: True)
FLOAT = _select("float", lambda dtype: dtype.is_float)
INTEGER = _select("integer", lambda dtype: dtype.is_integer or dtype is dtypes.index)
SIGNED = _select("signed", lambda dtype: dtype.is_float or dtype.kind is Kind.SIGNED)
UNSIGNED = _select("unsigned", lambda dtype: dtype.is_unsigned)
BOOLEAN = _select("bool", lambda dtype: dtype.is_boolean)
DISCRETE = _select("integer or bool", lambda dtype: not dtype.is_float)
BITS = _select("bits", lambda dtype: dtype.is_integer or dtype.is_boolean)


class Term:
    """One side of a rule or a part of it. The operators build the same ops as those of `Node`."""

    __slots__ = ()

    def __add__(self, other: Operand) -> Apply:
        return apply(arithmetic.add, self, other)

    def __radd__(self, other: Operand) -> Apply:
        return apply(arithmetic.add, other, self)

    def __sub__(self, other: Operand) -> Apply:
        return apply(arithmetic.subtract, self, other)

    def __rsub__(self, other: Operand) -> Apply:
        return apply(arithmetic.subtract, other, self)

    def __mul__(self, other: Operand) -> Apply:
        return apply(arithmetic.multiply, self, other)

    def __rmul__(self, other: Operand) -> Apply:
        return apply(arithmetic.multiply, other, self)

    def __truediv__(self, other: Operand) -> Apply:
        return apply(arithmetic.divide, self, other)

    def __rtruediv__(self, other: Operand) -> Apply:
        return apply(arithmetic.divide, other, self)

    def __floordiv__(self, other: Operand) -> Apply:
        return apply(arithmetic.floor_divide, self, other)

    def __mod__(self, other: Operand) -> Apply:
        return apply(arithmetic.modulo, self, other)

    def __and__(self, other: Operand) -> Apply:
        return apply(bits.bitwise_and, self, other)

    def __or__(self, other: Operand) -> Apply:
        return apply(bits.bitwise_or, self, other)

    def __xor__(self, other: Operand) -> Apply:
        return apply(bits.bitwise_xor, self, other)

    def __lshift__(self, other: Operand) -> Apply:
        return apply(bits.shift_left, self, other)

    def __rshift__(self, other: Operand) -> Apply:
        return apply(bits.shift_right, self, other)

    def __lt__(self, other: Operand) -> Apply:
        return apply(comparison.less, self, other)

    def __le__(self, other: Operand) -> Apply:
        return apply(comparison.less_equal, self, other)

    def __gt__(self, other: Operand) -> Apply:
        return apply(comparison.less, other, self)

    def __ge__(self, other: Operand) -> Apply:
        return apply(comparison.less_equal, other, self)

    def __neg__(self) -> Apply:
        return apply(arithmetic.negate, self)

    def __invert__(self) -> Apply:
        return apply(bits.bitwise_not, self)


Operand: TypeAlias = Term | Number


@dataclass(frozen=True, eq=False, slots=True)
class Variable(Term):
    """Stands for any node; the same node wherever it occurs again.

    Attributes:
        name: its name in the law.
        dtypes: the dtypes it may have, or None for those of the law that it stands in.
        is_constant: whether it stands for constants only.
    """

    name: str
    dtypes: DTypeClass | None = None
    is_constant: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False, slots=True)
class Literal(Term):
    """A number: the constant of this value, in whatever dtype its place asks for.

    ``0`` is the positive zero; write ``-0.0`` for the negative one.
    """

    value: Number

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, eq=False, slots=True)
class AttributeVariable(Generic[A]):
    """Stands for any attribute record of an op; the same record wherever it occurs again."""

    name: str
    type: type[A]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False, slots=True)
class Apply(Term):
    """An op applied to terms.

    Attributes:
        op: the op.
        sources: terms of its sources.
        attributes: its exact attribute record, a variable for it, or None if any record will do
            (on the left) or there is none (on the right).
    """

    op: Op
    sources: tuple[Term, ...]
    attributes: AttributeVariable[tuple[object, ...]] | Hashable = None

    def __str__(self) -> str:
        symbol = _SYMBOLS.get(self.op.name)
        parts = [str(source) for source in self.sources]
        if symbol is not None:
            parts = [_parenthesise(source) for source in self.sources]
            return f"{symbol}{parts[0]}" if len(parts) == 1 else f" {symbol} ".join(parts)
        if self.attributes is not None:
            parts.append(str(self.attributes))
        return f"{self.op.name}({', '.join(parts)})"


@dataclass(frozen=True, eq=False, slots=True)
class Family(Term):
    """Any op of a set applied to any sources; the whole left side of a rule that computes.

    Attributes:
        name: what the ops have in common.
        ops: the ops.
        some: ops of which at least one source must be, or empty for no such demand.
        every: ops of which all sources must be, or empty for no such demand.
    """

    name: str
    ops: tuple[Op, ...]
    some: tuple[Op, ...] = ()
    every: tuple[Op, ...] = ()

    def __str__(self) -> str:
        some, every = (" or ".join(op.name for op in ops) for ops in (self.some, self.every))
        sources = f"{every} ..." if every else f"..., {some}, ..." if some else "..."
        return f"{self.name}({sources})"


_SYMBOLS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "modulo": "%",
    "bitwise_and": "&",
    "bitwise_or": "|",
    "bitwise_xor": "^",
    "bitwise_not": "~",
    "shift_left": "<<",
    "shift_right": ">>",
    "less": "<",
    "less_equal": "<=",
    "negate": "-",
}


def _parenthesise(term: Term) -> str:
    is_infix = isinstance(term, Apply) and term.op.name in _SYMBOLS
    return f"({term})" if is_infix else str(term)


def apply(op: Op, *sources: Operand, attributes: object = None) -> Apply:
    """Return the term that applies an op; numbers become literals.

    Raises:
        ArgumentError: the number of sources is not the op's.
    """
    if op.arity is not None and len(sources) != op.arity:
        raise ArgumentError(
            f"{op.name} has the wrong number of sources in a rule",
            got=len(sources),
            expected=op.arity,
        )
    terms = tuple(source if isinstance(source, Term) else Literal(source) for source in sources)
    return Apply(op, terms, attributes)


def lift(*ops: Op) -> Iterator[Callable[..., Apply]]:
    """Yield each op as a function on terms, with ``attributes=`` where it has any."""
    for op in ops:
        yield _lift(op)


def _lift(op: Op) -> Callable[..., Apply]:
    def applied(*sources: Operand, attributes: object = None) -> Apply:
        return apply(op, *sources, attributes=attributes)

    return applied


def variables(names: str, dtypes: DTypeClass | None = None) -> tuple[Variable, ...]:
    """Return variables with the given names (separated by spaces)."""
    return tuple(Variable(name, dtypes) for name in names.split())


def constant_variables(names: str, dtypes: DTypeClass | None = None) -> tuple[Variable, ...]:
    """Return variables that stand for constants only."""
    return tuple(Variable(name, dtypes, is_constant=True) for name in names.split())


def walk(term: Term) -> Iterable[Term]:
    """Yield a term and its parts, outermost first."""
    yield term
    if isinstance(term, Apply):
        for source in term.sources:
            yield from walk(source)

"""The definition of an op: everything about it in one frozen record."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Flag, auto
from typing import TYPE_CHECKING, Any, TypeVar

from tilegrad.base.errors import VerifyError
from tilegrad.ir.node import Node, intern

if TYPE_CHECKING:
    import numpy

    from tilegrad.ir.dtype import DType

Shape = tuple["int | Node", ...]
Inferred = tuple["DType", Shape]
Infer = Callable[[tuple[Node, ...], Any], Inferred]
Reference = Callable[..., "numpy.ndarray"]
Gradient = Callable[[Node, Node], "tuple[Node | None, ...]"]

Record = TypeVar("Record")


class Property(Flag):
    """Algebraic properties that rules, the fuser and the tests may rely on."""

    NONE = 0
    COMMUTATIVE = auto()
    ASSOCIATIVE = auto()
    """Exactly so; for floating-point addition it holds only as a relaxed law."""
    IDEMPOTENT = auto()
    """f(x, x) = x for a binary op, f(f(x)) = f(x) for a unary one."""
    INVOLUTION = auto()
    """f(f(x)) = x."""
    ELEMENTWISE = auto()
    """Acts on each element alone; sizes of 1 and scalars broadcast."""
    MOVEMENT = auto()
    """Only rearranges, repeats or drops elements, or puts zeros between them."""
    REDUCTION = auto()
    """Combines elements along axes; the axes remain with size 1."""
    EFFECT = auto()
    """Writes memory; the result is void."""


@dataclass(frozen=True, slots=True)
class NotDifferentiable:
    """States why an op has no gradient."""

    because: str


@dataclass(frozen=True, eq=False, slots=True)
class Op:
    """One operation, defined once.

    Attributes:
        name: whole-word name; also its spelling in the text form.
        documentation: one or two sentences with the mathematics.
        arity: number of sources, or None if any number.
        infer: the dtype and shape rule; raises a ``TilegradError`` on bad sources.
        attributes: class (a NamedTuple) of the attribute record, or None if it has none.
        reference: ``f(*source_arrays, attributes)`` in NumPy (attributes only if it has them), the
            meaning of the op; None for ops of control flow, whose meaning the interpreters give.
        gradient: ``f(node, upstream) -> one gradient or None per source``; a gradient may have the
            result's shape where the source was broadcast: autodiff sums it down.
        properties: algebraic properties.
    """

    name: str
    documentation: str
    arity: int | None
    infer: Infer
    attributes: type | None = None
    reference: Reference | None = None
    gradient: Gradient | NotDifferentiable | None = None
    properties: Property = Property.NONE

    def __call__(self, *sources: Node, attributes: Hashable = None) -> Node:
        """Return the node that applies this op.

        Raises:
            VerifyError: wrong number of sources or wrong kind of attributes.
            TilegradError: the op's dtype or shape rule refuses the sources.
        """
        if self.arity is not None and len(sources) != self.arity:
            raise VerifyError(
                f"{self.name} has the wrong number of sources",
                got=len(sources),
                expected=self.arity,
            )
        if self.attributes is not None and type(attributes) is not self.attributes:
            raise VerifyError(
                f"{self.name} has the wrong attributes",
                got=attributes,
                expected=self.attributes.__name__,
            )
        return intern(self, sources, attributes)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def has(self, properties: Property) -> bool:
        """Whether the op has all of the given properties."""
        return not properties._value_ & ~self.properties._value_  # `in` takes ten times as long

    def __reduce__(self) -> str:
        raise VerifyError(f"op {self.name} cannot be pickled; use the text form")


def attributes_of(node: Node, kind: type[Record]) -> Record:
    """Return a node's attribute record with its type.

    Raises:
        VerifyError: the record is of another class.
    """
    if not isinstance(node.attributes, kind):
        raise VerifyError(
            f"{node.op.name} has other attributes", got=node.attributes, expected=kind.__name__
        )
    return node.attributes

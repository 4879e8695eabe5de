"""What the ops share that only the compiler makes, below the tensor graph."""

from __future__ import annotations

from tilegrad.base.errors import VerifyError
from tilegrad.ir.node import Node
from tilegrad.ir.op import Infer, NotDifferentiable, Op, Property


def compiler_op(
    name: str,
    documentation: str,
    arity: int | None,
    infer: Infer,
    attributes: type | None = None,
    properties: Property = Property.NONE,
) -> Op:
    """Return an op that only the compiler makes, so that nobody differentiates it."""
    because = NotDifferentiable("gradients are taken on the tensor graph")
    return Op(
        name,
        documentation,
        arity,
        infer,
        attributes=attributes,
        gradient=because,
        properties=properties,
    )


def check_slot(what: str, slot: int) -> None:
    """Raise VerifyError if a slot is negative."""
    if slot < 0:
        raise VerifyError(f"{what} has a negative slot", got=slot)


def check_count(name: str, sources: tuple[Node, ...], expected: int) -> None:
    """Raise VerifyError unless there are as many sources as expected."""
    if len(sources) != expected:
        raise VerifyError(
            f"{name} has the wrong number of sources", got=len(sources), expected=expected
        )

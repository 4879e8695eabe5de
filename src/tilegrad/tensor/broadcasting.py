"""Bringing operands together: common dtypes, equal ranks, shapes that broadcast."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import promote
from tilegrad.ir.node import Node
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.nodes import Shape
from tilegrad.tensor.size import as_size


def unify(*operands: Node) -> tuple[Node, ...]:
    """Return nodes in their common dtype and of one rank (scalars stay scalars).

    Raises:
        ShapeError: the shapes do not broadcast.
    """
    dtype = operands[0].dtype
    rank = 0
    for operand in operands:
        if operand.dtype is not dtype:
            dtype = promote(dtype, operand.dtype)
        rank = max(rank, len(operand.shape))
    unified = tuple([nodes.with_rank(cast_to(operand, dtype), rank) for operand in operands])
    if not do_broadcast(unified):
        raise misfit(operands)
    return unified


def unify_dtypes(*operands: Node) -> tuple[Node, ...]:
    """Return nodes of any shapes in their common dtype."""
    dtype = operands[0].dtype
    for operand in operands[1:]:
        dtype = promote(dtype, operand.dtype)
    return tuple(cast_to(operand, dtype) for operand in operands)


def do_broadcast(operands: Sequence[Node]) -> bool:
    """Whether shapes of one rank (or none) have in each place equal sizes or a 1."""
    merged: Shape = ()
    for operand in operands:
        shape = operand.shape
        if not shape or shape == merged:
            continue
        if not merged:
            merged = shape
            continue
        joined = []
        for first, second in zip(merged, shape, strict=True):
            if first != second and first != 1 and second != 1:
                return False
            joined.append(second if first == 1 else first)
        merged = tuple(joined)
    return True


def fit(value: Node, shape: Shape, what: str) -> Node:
    """Return a value expanded to a shape; spare axes of size 1 in front go.

    Raises:
        ShapeError: it does not broadcast to the shape of ``what``.
    """
    spare = max(0, len(value.shape) - len(shape))
    kept = value.shape[spare:]
    pairs = zip(kept[::-1], shape[::-1], strict=False)
    if any(size != 1 for size in value.shape[:spare]) or any(s not in (1, t) for s, t in pairs):
        raise ShapeError(
            f"the value does not fit {what}",
            got=show_shape(value.shape),
            expected=f"a shape that broadcasts to {show_shape(shape)}",
        )
    return nodes.expand(reshape_to(value, kept), shape)


def misfit(operands: Sequence[Node]) -> ShapeError:
    """Return the error for shapes that do not broadcast."""
    return ShapeError(
        "the shapes do not broadcast",
        got=" and ".join(show_shape(operand.shape) for operand in operands),
        expected="equal sizes or a 1 in each place, counted from the last",
        mend="reshape one of them, or put in an axis with .unsqueeze(axis)",
    )


def show_shape(shape: Shape) -> str:
    """Return a shape as users see it in messages."""
    sizes = ", ".join(str(as_size(size)) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"

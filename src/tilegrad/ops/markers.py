"""Markers: identities that say something about a value to automatic differentiation or the order.

None of them computes. ``remove_markers`` takes all but ``barrier`` away before a graph is compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import NotDifferentiable, Op
from tilegrad.ops.infer import infer_same
from tilegrad.ops.numerics import unchanged


class Identity:
    """A thing that equals nothing but itself."""

    __slots__ = ()


class DistinctAttributes(NamedTuple):
    """What tells this node from all others of the same value."""

    identity: Identity


class SegmentAttributes(NamedTuple):
    """How many results the segment has."""

    results: int


def _pass_to_first(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    return upstream, *(None,) * (len(node.sources) - 1)


distinct = Op(
    "distinct",
    "x, as a node of its own: what a function is differentiated by must not be the same node as "
    "another tensor that happens to have the same value.",
    1,
    infer_same,
    attributes=DistinctAttributes,
    reference=unchanged,
    gradient=_pass_to_first,
)
known = Op(
    "known",
    "known(value, expression): the value, which is what the expression gives; gradients flow to "
    "the expression. A realised tensor keeps so how it came about.",
    2,
    infer_same,
    reference=unchanged,
    gradient=lambda _, upstream: (None, upstream),
)
segment = Op(
    "segment",
    "segment(x, result, ..., argument, ...): x, one of the results of a function of the arguments "
    "whose inner values the backward pass computes again instead of keeping them.",
    None,
    infer_same,
    attributes=SegmentAttributes,
    reference=unchanged,
    gradient=NotDifferentiable("autodiff goes through a copy of the segment instead"),
)
barrier = Op(
    "barrier",
    "barrier(x, value, ...): x, not to be computed with before the other values are there. What is "
    "computed from it is never merged with what is computed from x itself.",
    None,
    infer_same,
    reference=unchanged,
    gradient=_pass_to_first,
)

MARKERS: tuple[Op, ...] = (distinct, known, segment, barrier)


def remove_markers(
    roots: Iterable[Node], ops: Sequence[Op] = (distinct, known, segment)
) -> list[Node]:
    """Return the roots with each marker of these ops replaced by what it stands for.

    The expression behind a removed ``known`` is not part of the result. Linear time, iterative.
    """
    roots = list(roots)
    done: dict[Node, Node] = {}
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, is_expanded = stack.pop()
        if node in done:
            continue
        source = node.sources[0] if node.op in ops else None
        needed = node.sources if source is None else (source,)
        if not is_expanded:
            stack.append((node, True))
            stack.extend((one, False) for one in reversed(needed) if one not in done)
        elif source is not None:
            done[node] = done[source]
        else:
            sources = tuple([done[one] for one in needed])
            done[node] = node if sources == needed else intern(node.op, sources, node.attributes)
    return [done[root] for root in roots]

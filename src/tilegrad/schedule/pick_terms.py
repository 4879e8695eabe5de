"""A sum of which one term counts is that term: Σᵢ (i = v ? f(i) : 0) = (0 ≤ v < n ? f(v) : 0).

The law is exact. Picking a logit by its label, which is written as a sum over all classes so that
it can be fused and differentiated, becomes one load.
"""

from __future__ import annotations

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, comparison, conversion, kernel, memory, symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.elementwise import zero
from tilegrad.ops.symbolic import Condition
from tilegrad.rewrite.graph import rebuild, transform


def pick_terms(program: Node) -> Node:
    """Return a kernel without sums over an axis of which one position counts."""
    return transform([program], lambda _, node: _pick(node) if kernel.is_sum(node) else node)[0]


def _pick(node: Node) -> Node:
    body, *axes = node.sources
    if body.op is arithmetic.negate:  # the sum of negatives is the negative of the sum
        (positive,) = body.sources
        whole = kernel.make_sum(positive, *axes)
        picked = _pick(whole)
        return node if picked is whole else -picked
    guards, value = comparison.split_guards(body)
    for place, condition in enumerate(guards):
        outer, inner = guards[:place], comparison.guard_by(guards[place + 1 :], value)
        for axis in axes:
            position = _position(condition, axis)
            if position is not None and not any(_depends(guard, axis) for guard in outer):
                term = comparison.guard_by(outer, _at(inner, axis, position))
                rest = [other for other in axes if other is not axis]
                return kernel.make_sum(term, *rest) if rest else term
    return node


def _position(condition: Node, axis: Node) -> Node | None:
    """Return the index that an axis must have for a condition to hold, None if it is no such."""
    if condition.op is not comparison.equal:
        return None
    first, second = condition.sources
    for side, other in ((first, second), (second, first)):
        if _is_axis(side, axis) and other.dtype.is_integer and not _depends(other, axis):
            return cast_to(other, dtypes.index)
    return None


def _is_axis(node: Node, axis: Node) -> bool:
    """Whether a node is an axis, perhaps converted to an integer dtype that holds its values."""
    if node.op is not conversion.cast:
        return node is axis
    extent = kernel.extent_of(axis)
    dtype = node.dtype
    is_wide = dtype.is_integer and isinstance(extent, int) and extent - 1 <= int(dtype.maximum)
    return node.sources[0] is axis and is_wide


def _depends(node: Node, axis: Node) -> bool:
    return axis in sort_topologically([node])


def _at(body: Node, axis: Node, position: Node) -> Node:
    """Return a term where an axis is at a position, 0 if it has no such position."""
    inside = symbolic.logical_and(
        symbolic.less(-1, position), symbolic.less(position, kernel.extent_of(axis))
    )
    done: dict[Node, Node] = {axis: position}
    for node in sort_topologically([body]):
        if node in done:
            continue
        if node.op is kernel.reduce_over and axis in node.sources[1:]:
            done[node] = node
            continue
        sources = tuple(done[source] for source in node.sources)
        if node.op is memory.load and sources != node.sources:
            done[node] = _guarded_load(sources, inside)
        else:
            done[node] = rebuild(node, sources)
    condition = symbolic.as_condition(inside)
    return comparison.where(condition, done[body], zero(body.dtype))


def _guarded_load(sources: tuple[Node, ...], inside: Condition) -> Node:
    pointer, offset, *guard = sources
    mask = symbolic.logical_and(inside, *guard)
    return memory.make_load(pointer, offset, symbolic.as_mask(mask))

"""Which totals of a virtual matrix can be computed along with others that are made of them.

The law (``tile/streams/running.py``) wants exponentials shifted by their own maximum as a factor of
what is summed; sums of them may divide or scale it. Whatever else uses a total needs it finished
before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, comparison, exponential
from tilegrad.ops.leaves import constant_op, value_of
from tilegrad.ops.movement import expand, permute, reshape
from tilegrad.ops.reduction import reduce_maximum, reduce_sum

Users = Mapping[Node, Sequence[Node]]
_MOVING = (reshape, permute, expand)


def find_running(
    total: Node, totals: Collection[Node], virtual: Collection[Node]
) -> tuple[set[Node], set[Node]]:
    """Return which totals a total is made of inside its matrix, and those that may run along.

    Args:
        total: a reduction of a virtual matrix.
        totals: all of them.
        virtual: the nodes that are never stored.
    """
    needed: set[Node] = set()
    refused: set[Node] = set()
    inside = _below(total, virtual)
    for user in inside:
        for source in user.sources:
            origin = _origin(source)
            if origin in totals:
                needed.add(origin)
                is_allowed = _is_shift if origin.op is reduce_maximum else _is_scale
                if not is_allowed(origin, source, user, inside):
                    refused.add(origin)
    return needed, needed - refused


def _below(total: Node, virtual: Collection[Node]) -> dict[Node, list[Node]]:
    """Return the virtual nodes that a total is made of, each with its users among them."""
    result: dict[Node, list[Node]] = {}
    stack = [(source, total) for source in total.sources]
    while stack:
        node, user = stack.pop()
        if node not in virtual or node.op in (reduce_sum, reduce_maximum):
            continue
        is_new = node not in result
        result.setdefault(node, []).append(user)
        if is_new:
            stack += [(source, node) for source in node.sources]
    return result


def _is_shift(node: Node, source: Node, user: Node, inside: Users) -> bool:
    """Whether ``user`` is x − maximum(x), and goes into exponentials that are factors only."""
    if user.op in _MOVING:
        return True
    if user.op is not arithmetic.subtract or user.sources[1] is not source:
        return False
    is_same = _origin(user.sources[0]) is _origin(node.sources[0])
    return is_same and all(
        other.op is exponential.exp and _is_factor(other, inside) for other in inside[user]
    )


def _is_scale(node: Node, source: Node, user: Node, inside: Users) -> bool:
    """Whether ``user`` divides by a sum or multiplies with it, and all else only scales that."""
    del node
    if user.op is arithmetic.divide and user.sources[1] is source:
        return user.sources[0] is not source and _is_factor(user, inside)
    return (user.op is arithmetic.multiply or user.op in _MOVING) and _is_factor(user, inside)


def _is_factor(node: Node, inside: Users) -> bool:
    """Whether a node is a factor of what a total sums, and nothing else of it."""
    stack = [node]
    while stack:
        source = stack.pop()
        for user in inside.get(source, ()):
            if user not in inside:
                continue  # the total itself
            is_kept = user.op is comparison.where and _is_zero(user.sources[2])
            is_product = user.op is arithmetic.multiply or user.op in _MOVING
            is_divided = user.op is arithmetic.divide and user.sources[1] is not source
            if not (is_product or is_divided or (is_kept and user.sources[1] is source)):
                return False
            stack.append(user)
    return True


def _is_zero(node: Node) -> bool:
    origin = _origin(node)
    return origin.op is constant_op and value_of(origin) == 0


def _origin(node: Node) -> Node:
    while node.op in _MOVING:
        node = node.sources[0]
    return node

"""Sums whose last bit counts, as they are compared with what was made of them elsewhere.

The order of a sum is not specified, so two kernels that compute the same one may differ in its last
bit. That shows where a result jumps: an element equals its row's maximum only if both come from the
same computation. The gradient of a maximum, a position of one and a pooling's choice are of that
kind. Such a sum is computed once, and whatever else needs it reads it from memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property
from tilegrad.ops import arithmetic, comparison, conversion, rounding
from tilegrad.ops.reduction import reduce_product, reduce_sum
from tilegrad.schedule.cost import MOST_NODES
from tilegrad.schedule.roots import ALIASES

_STEPS = frozenset(
    (
        *(comparison.less, comparison.less_equal, comparison.equal, comparison.not_equal),
        *(rounding.floor, rounding.ceil, rounding.truncate, rounding.round_even),
        *(arithmetic.sign, arithmetic.floor_divide, arithmetic.truncated_divide),
        *(arithmetic.modulo, arithmetic.truncated_remainder, conversion.cast),
    )
)
"""Ops whose result may jump, whatever little their sources change."""


def find_compared(order: Sequence[Node]) -> frozenset[Node]:
    """Return the sums and products of floats that must be the same wherever they are needed.

    Args:
        order: the graph's nodes, sources first.
    """
    found: set[Node] = set()
    for node in order:
        is_step = node.op in _STEPS and node.sources[0].dtype.is_float
        if is_step and not (node.op is conversion.cast and node.dtype.is_float):
            found.update(_find_met(node))
    return frozenset(found)


def _find_met(node: Node) -> list[Node]:
    """Return the sums that reach a node in several ways: through a reduction, and not through it.

    Looks at ``MOST_NODES`` nodes at most. What sums are made of themselves does not matter.
    """
    ways: dict[Node, set[Node | None]] = {}
    seen: set[tuple[Node, Node | None]] = set()
    stack: list[tuple[Node, Node | None]] = [(source, None) for source in node.sources]
    while stack and len(seen) < MOST_NODES:
        current, way = state = stack.pop()
        if state in seen or not current.dtype.is_float:
            continue
        seen.add(state)
        if current.op is reduce_sum or current.op is reduce_product:
            ways.setdefault(current, set()).add(way)
            continue
        is_each = current.op.has(Property.ELEMENTWISE) or current.op.has(Property.MOVEMENT)
        if way is None and not (is_each or current.op in ALIASES):
            way = current
        stack.extend((source, way) for source in current.sources)
    return [total for total, found in ways.items() if len(found) > 1]

"""Where the result of a contraction is best kept.

What is made of a contraction elementwise can be its epilogue, as long as all of it leads to one
value: the *trunk*. A trunk that several nodes read is stored sooner or later, whatever is decided
about these. Knowing it before they are visited (users come first), the cost model counts it as
memory, and does not store each of its derivatives instead: of GELU's input, its gradient needs
the error function, the density and a half of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilegrad.ir.node import Node, find_users
from tilegrad.ir.op import Property
from tilegrad.schedule.cost import Summaries, count_elements

MOST_STEPS = 64
"""So many nodes above a contraction are looked at."""


def find_trunks(order: Sequence[Node], sinks: Sequence[Node]) -> frozenset[Node]:
    """Return the trunks of a graph's contractions that several nodes read.

    Args:
        order: the graph's nodes, sources first.
        sinks: the nodes that are wanted in memory.
    """
    summaries = Summaries()
    contractions = [node for node in order if summaries.is_contraction(node)]
    if not contractions:
        return frozenset()
    position = {node: number for number, node in enumerate(order)}
    users = find_users(order)
    wanted = frozenset(sinks)
    trunks = {_find_trunk(node, position, users, wanted) for node in contractions}
    return frozenset(trunk for trunk in trunks if len(users.get(trunk, ())) > 1)


def _find_trunk(
    start: Node,
    position: Mapping[Node, int],
    users: Mapping[Node, Sequence[Node]],
    wanted: frozenset[Node],
) -> Node:
    """Return the last node that all paths from a contraction lead through, one value each."""
    elements = count_elements(start)
    trunk, open_nodes = start, {start}
    for _ in range(MOST_STEPS):
        first = min(open_nodes, key=position.__getitem__)
        if len(open_nodes) == 1:
            trunk = first
        readers = () if first in wanted else users.get(first, ())
        if not readers or not all(_continues(user, elements) for user in readers):
            break
        open_nodes.remove(first)
        open_nodes.update(readers)
    return trunk


def _continues(node: Node, elements: float) -> bool:
    """Whether a node has one value for each element of what it is made of."""
    is_plain = node.op.has(Property.ELEMENTWISE) or node.op.has(Property.MOVEMENT)
    return is_plain and count_elements(node) == elements

"""Which loops each node of a program depends on.

A loop binds its ``loop_index`` and ``carry`` nodes by its number, and performs its effects. A node
belongs into the loops whose index, carries or performed effects it depends on; whatever depends on
none of them is computed before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tilegrad.ir.node import Node

Loops = frozenset[int]
_NONE: Loops = frozenset()


def nodes_within(value: object) -> Iterator[Node]:
    """Yield the nodes in an attribute record or a shape (symbolic sizes), in order."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from nodes_within(item)


def dependencies(node: Node) -> tuple[Node, ...]:
    """Return all nodes that the text of a node mentions: sources and symbolic sizes."""
    return (*node.sources, *nodes_within(node.attributes), *nodes_within(node.shape))


def order_nodes(
    roots: Iterable[Node], needs: Callable[[Node], Iterable[Node]] = dependencies
) -> list[Node]:
    """Return all nodes that ``roots`` need, each once, after those that it needs itself."""
    order: list[Node] = []
    done: set[Node] = set()
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, is_expanded = stack.pop()
        if node in done:
            continue
        if is_expanded:
            done.add(node)
            order.append(node)
            continue
        stack.append((node, True))
        stack.extend((need, False) for need in reversed(list(needs(node))) if need not in done)
    return order


def loop_number(node: Node) -> int:
    """Return the number of the loop that a ``loop``, ``loop_index`` or ``carry`` belongs to."""
    number: int = getattr(node.attributes, "loop")  # noqa: B009 - the record is an op's own
    return number


def count_carries(loop: Node) -> int:
    """Return how many tiles a ``loop`` carries from one round to the next."""
    count: int = getattr(loop.attributes, "carries")  # noqa: B009 - the record is an op's own
    return count


def loop_body(loop: Node) -> tuple[Node, ...]:
    """Return the next values and the effects of a ``loop``."""
    return loop.sources[3 + count_carries(loop) :]


def find_free_loops(order: list[Node]) -> dict[Node, Loops]:
    """Return for each node the loops inside which it must be computed.

    Args:
        order: all nodes, each after its dependencies.
    """
    performing: dict[Node, Loops] = {}
    for node in order:
        if node.op.name == "loop":
            for effect in loop_body(node)[count_carries(node) :]:
                performing[effect] = performing.get(effect, _NONE) | {loop_number(node)}
    free: dict[Node, Loops] = {}
    for node in order:
        found = _join(free[need] for need in dependencies(node))
        if node.op.name == "loop":
            found -= {loop_number(node)}
        elif node.op.name in ("loop_index", "carry"):
            found |= {loop_number(node)}
        free[node] = found | performing.get(node, _NONE)
    return free


def _join(sets: Iterable[Loops]) -> Loops:
    joined = _NONE
    for found in sets:
        if not found <= joined:
            joined = found if joined <= found else joined | found
    return joined

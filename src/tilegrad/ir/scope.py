"""Which loops each node of a program depends on.

A loop binds its ``loop_index`` and ``carry`` nodes by its number, and performs its effects. A node
belongs into the loops whose index, carries or performed effects it depends on; whatever depends on
none of them is computed before.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically

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


def find_needed_loops(values: Iterable[Node]) -> Loops:
    """Return the loops in whose rounds values are computed: their indices and carries are in them.

    What is computed in a loop to its end, or performed, is no part of them.
    """
    order = sort_topologically(values, is_leaf=lambda node: node.dtype is dtypes.void)
    return frozenset(loop_number(n) for n in order if n.op.name in ("loop_index", "carry"))


def find_free_loops(order: list[Node]) -> dict[Node, Loops]:
    """Return for each node the loops inside which it must be computed.

    Args:
        order: all nodes, each after its dependencies.
    """
    free: dict[Node, Loops] = {}
    bound = _find_bound(order)
    for node in order:
        found = _join(free[need] for need in dependencies(node))
        if node.op.name == "loop":
            found -= {loop_number(node)}
        elif node.op.name in ("loop_index", "carry"):
            found |= {loop_number(node)}
        free[node] = found | bound.get(node, _NONE)
    return free


def needs_before(
    node: Node, free: Mapping[Node, Loops], open_loops: Loops, done: Container[Node]
) -> Iterable[Node]:
    """Return what must be computed before a node that is to be computed inside ``open_loops``.

    For a loop these are its bounds, its initial values and the invariants of its body.
    """
    if node in done:
        return ()
    if node.op.name != "loop":
        return dependencies(node)
    needs = list(node.sources[: 3 + count_carries(node)])
    stack = list(reversed(loop_body(node)))
    seen: set[Node] = set()
    while stack:
        inner = stack.pop()
        if inner in seen:
            continue
        seen.add(inner)
        if free[inner] <= open_loops:
            needs.append(inner)
        else:
            stack.extend(reversed(dependencies(inner)))
    return needs


def _find_bound(order: list[Node]) -> dict[Node, Loops]:
    """Return the loops that effects and loads belong into by themselves.

    An effect belongs into the loop that performs it; a load that comes after an effect belongs into
    every loop that needs it and stores through the same pointer, unless a block outside lists it.
    """
    bound: dict[Node, Loops] = {}
    blocks = {value: node for node in order if node.op.name == "block" for value in node.sources}
    for node in order:
        if node.op.name != "loop":
            continue
        number = frozenset((loop_number(node),))
        inside = _find_inside(node)
        stored = {inner.sources[0] for inner in inside if inner.op.name in ("store", "atomic")}
        for effect in _list_effects(loop_body(node)[count_carries(node) :]):
            bound[effect] = bound.get(effect, _NONE) | number
        for inner in inside:
            is_outside = inner in blocks and blocks[inner] not in inside
            if inner.op.name == "load" and inner.sources[0] in stored and not is_outside:
                is_ordered = inner.sources[-1].dtype is dtypes.void
                bound[inner] = bound.get(inner, _NONE) | (number if is_ordered else _NONE)
    return bound


def _list_effects(effects: Iterable[Node]) -> Iterator[Node]:
    for effect in effects:
        yield effect
        if effect.op.name == "block":
            yield from _list_effects(effect.sources)


def _find_inside(loop: Node) -> set[Node]:
    """Return the nodes that a loop's rounds need, except by coming after an effect."""
    inside: set[Node] = set()
    stack = list(loop_body(loop))
    while stack:
        node = stack.pop()
        if node in inside:
            continue
        inside.add(node)
        for need in dependencies(node):
            is_listing = node.op.name in ("block", "loop")
            is_value = need.dtype is not dtypes.void
            is_pure_loop = node.op.name == "loop_result" and not has_effects(need)
            if is_listing or is_value or is_pure_loop:
                stack.append(need)
    return inside


def has_effects(loop: Node) -> bool:
    """Whether a ``loop`` performs effects."""
    return len(loop.sources) > 3 + 2 * count_carries(loop)


def _join(sets: Iterable[Loops]) -> Loops:
    joined = _NONE
    for found in sets:
        if not found <= joined:
            joined = found if joined <= found else joined | found
    return joined

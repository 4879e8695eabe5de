"""What realised values were computed from, and gradients that flow on through it.

A tensor that is realised becomes a buffer, which says nothing of how it came about. Where gradients
may flow further, the session remembers the expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tilegrad.base.errors import GradientError
from tilegrad.engine import current_session
from tilegrad.ir.node import Node, intern, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops.graph import assign, detach
from tilegrad.ops.leaves import BufferAttributes, buffer
from tilegrad.ops.markers import DistinctAttributes, Identity, distinct, known, remove_markers
from tilegrad.rewrite.graph import substitute

Histories = Mapping[Node, Node | None]
"""What realised values were computed from: buffers to expressions; None for what starts there."""


def mark(node: Node) -> Node:
    """Return a node of the same value that no other tensor has, and that gradients lead to."""
    marked = distinct(node, attributes=DistinctAttributes(Identity()))
    current_session().histories[marked] = None
    return marked


def follow(node: Node) -> Node:
    """Return the node for a tensor that is to get gradients: its own if realised and no other's."""
    histories = current_session().histories
    if node.op is not buffer or node in histories:
        return mark(node)
    histories[node] = None
    return node


def remember(before: Node, after: Node) -> None:
    """Note that the value ``after`` was computed by ``before``, if gradients may flow on."""
    histories = current_session().histories
    may_flow = bool(histories) and after is not before and before.dtype.is_float
    if may_flow and _leads_to(before, histories):
        histories[after] = before


def _leads_to(node: Node, histories: Histories) -> bool:
    """Whether gradients can flow from a node to one with a history; stops at the first found."""
    seen: set[Node] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current in histories:
            return True
        if current not in seen and current.op is not detach:
            seen.add(current)
            stack.extend(current.sources)
    return False


def leads_straight(node: Node, source: Node) -> bool:
    """Whether a node has but one source, which has but one, and so on to another that is given."""
    last = node
    while len(last.sources) == 1:
        last = last.sources[0]
    return last is source and last is not node


def origin(node: Node, histories: Histories) -> Node:
    """Return the node that a realised value came from: what was computed from it was built on."""
    while (before := histories.get(node)) is not None:
        node = before
    return node


def reveal(roots: Iterable[Node], histories: Histories) -> list[Node]:
    """Put realised values beside the expressions that they came from, as ``known`` nodes."""
    roots = list(roots)
    done: dict[Node, Node] = {}
    stack = [(root, False) for root in roots]
    while stack:
        node, is_expanded = stack.pop()
        if node in done:
            continue
        before = histories.get(node)
        needed = node.sources if before is None else (before,)
        if node.op is assign:  # what is overwritten does not matter to the value
            needed = needed[1:]
        if not is_expanded:
            stack.append((node, True))
            stack.extend((one, False) for one in needed if one not in done)
        elif before is not None:
            done[node] = known(node, done[before])
        else:
            sources = tuple([done.get(one, one) for one in node.sources])
            is_same = sources == node.sources
            done[node] = node if is_same else intern(node.op, sources, node.attributes)
    return [done[root] for root in roots]


def conceal(results: list[Node | None], order: list[Node]) -> list[Node | None]:
    """Let realised values take the place of the expressions that they came from."""
    values = {node.sources[1]: node.sources[0] for node in order if node.op is known}
    if not values:
        return results
    found = substitute([node for node in results if node is not None], values)
    found = remove_markers(found, [known])
    for node in sort_topologically(found):
        _check_contents(node)
    replaced = iter(found)
    return [None if node is None else next(replaced) for node in results]


def _check_contents(node: Node) -> None:
    if node.op is buffer:
        storage, _, version = attributes_of(node, BufferAttributes)
        if storage.version != version:
            raise GradientError(
                "a value that the gradient needs has been overwritten since",
                got=f"version {version} of a tensor of shape {node.shape}",
                expected=f"the contents as they are now, version {storage.version}",
                mend="take the gradient before assigning to the tensor, or assign to a clone",
            )

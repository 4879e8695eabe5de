"""Copies of parts of a tile program, whose loops have numbers of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops import tile
from tilegrad.ops.tile import CarryAttributes, LoopAttributes, LoopIndexAttributes
from tilegrad.rewrite.graph import make

_NUMBERED = {
    tile.loop: LoopAttributes,
    tile.loop_index: LoopIndexAttributes,
    tile.carry: CarryAttributes,
}


class Copies:
    """Copies of nodes, with others in the place of some.

    Args:
        known: what stands for some nodes.
        offset: what is added to the numbers of loops.
        changes: what to do with the copies of some nodes.
    """

    def __init__(
        self,
        known: Mapping[Node, Node],
        offset: int = 0,
        changes: Mapping[Node, Callable[[Node], Node]] = MappingProxyType({}),
    ) -> None:
        self._done = dict(known)
        self._offset = offset
        self._changes = changes

    def of(self, root: Node) -> Node:
        """Return the copy of a node, the same each time."""
        done = self._done
        for node in sort_topologically([root], is_leaf=done.__contains__):
            if node in done:
                continue
            attributes = node.attributes
            if node.op in _NUMBERED:
                numbered = attributes_of(node, _NUMBERED[node.op])
                attributes = numbered._replace(loop=numbered.loop + self._offset)
            copied = make(node.op, tuple(done[source] for source in node.sources), attributes)
            change = self._changes.get(node)
            done[node] = copied if change is None else change(copied)
        return done[root]

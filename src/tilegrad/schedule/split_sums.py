"""A sum that waits for other sums is split where it is linear: Σᵢ (a·f(i) + b·g(i)) = a·Σf + b·Σg.

Here a and b do not depend on i, but come out of reductions along the same row. Taken apart, f and g
are summed while those are computed, and the row is walked once less: a layer norm's gradient takes
three loops over a row and not four. A relaxed law for floats: the order of additions changes, which
no reduction promises.
"""

from __future__ import annotations

from collections.abc import Mapping

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, kernel
from tilegrad.rewrite.graph import transform

LEAST_REDUCTIONS = 2
"""A sum and one that it waits for."""
MOST_NODES = 64
"""A longer term is left as it is."""


def split_sums(program: Node) -> Node:
    """Return a kernel whose sums wait for as few others as they can."""
    order = sort_topologically([program])
    if sum(node.op is kernel.reduce_over for node in order) < LEAST_REDUCTIONS:
        return program
    levels: dict[Node, int] = {}

    def split(_: Node, node: Node) -> Node:
        if kernel.is_sum(node) and node.dtype.is_float:
            node = _Splitting(node, levels).result()
        _note_levels(node, levels)
        return node

    return transform([program], split)[0]


def _note_levels(root: Node, levels: dict[Node, int]) -> None:
    """Note for a node and what it is computed from how many reductions wait for each other."""
    for node in sort_topologically([root], is_leaf=levels.__contains__):
        inside = max((levels[source] for source in node.sources), default=0)
        levels.setdefault(node, inside + (node.op is kernel.reduce_over))


class _Splitting:
    """Splits one sum.

    Args:
        total: the sum.
        levels: of what it is computed from.
    """

    def __init__(self, total: Node, levels: Mapping[Node, int]) -> None:
        self.total = total
        self.body, *self.axes = total.sources
        self.levels = levels
        self.parts: dict[Node, Node] = {}
        free = kernel.find_free(self.body)
        self.varying = {node for node, axes in free.items() if not axes.isdisjoint(self.axes)}

    def result(self) -> Node:
        """Return the parts, each summed by itself; the sum as it is if that is no use."""
        level = self.levels[self.body]
        if not level or len(self.varying) > MOST_NODES:
            return self.total
        found = self._split(self.body)
        is_useful = len(self.parts) > 1 and all(self.levels[part] < level for part in self.parts)
        return found if is_useful else self.total

    def _split(self, term: Node) -> Node:
        """Return the sum of a term by those of its parts, which are noted."""
        if term in self.parts:
            return self.parts[term]
        if term.op is arithmetic.negate:
            return -self._split(term.sources[0])
        if term.op in (arithmetic.add, arithmetic.subtract) and self.varying >= {*term.sources}:
            first, second = map(self._split, term.sources)
            return first + second if term.op is arithmetic.add else first - second
        if term.op is arithmetic.multiply:
            for factor, other in (term.sources, term.sources[::-1]):
                if factor not in self.varying:
                    return factor * self._split(other)
        self.parts[term] = kernel.make_sum(term, *self.axes)
        return self.parts[term]

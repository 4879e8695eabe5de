"""What is known of positions while a kernel is written: from where to where they run."""

from __future__ import annotations

import math

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_index, as_node, split_terms
from tilegrad.ops.bounds import Bounds, bounds
from tilegrad.ops.conversion import cast
from tilegrad.ops.leaves import SymbolAttributes, symbol
from tilegrad.rewrite.graph import substitute


class Ranges:
    """What is known of the places on the grid and of loop indices while a kernel is written."""

    def __init__(self) -> None:
        self._stand_ins: dict[Node, Node] = {}
        self._stops: dict[Node, Index] = {}

    def note(self, index: Node, start: Index, stop: Index, step: Index) -> None:
        """Remember that an index runs over range(start, stop, step)."""
        if step == 1 and self.bounds(start)[0] >= 0:
            self._stops[index] = stop
        low, high = self.bounds(start)[0], self.bounds(stop)[1] - 1
        if abs(low) == math.inf or high == math.inf:
            return
        # Whatever round it is, index = number · distance + remainder.
        terms, constant = split_terms(self._replace(start))
        distance = math.gcd(step if isinstance(step, int) else 1, *terms.values())
        remainder = constant % distance
        least, most = (int(end - remainder) // distance for end in (low, max(low, high)))
        number = SymbolAttributes(f"range{len(self._stand_ins)}", least, most)
        place = symbolic.multiply(symbol(attributes=number), distance)
        self._stand_ins[index] = as_node(symbolic.add(place, remainder))

    def bounds(self, index: Index) -> Bounds:
        """Return the least and greatest value that an index can have in a running kernel."""
        return bounds(self._replace(index))

    def _replace(self, index: Index) -> Index:
        if isinstance(index, int):
            return index
        order = sort_topologically([index], is_leaf=lambda node: node.op is cast)
        kept = {node: node for node in order if node.op is cast}
        return as_index(substitute([index], {**kept, **self._stand_ins})[0])

    def is_below(self, index: Index, size: Index) -> bool:
        """Whether an index is certainly less than a size."""
        if isinstance(index, Node) and index in self._stops and self._stops[index] is size:
            return True
        return self.bounds(index)[1] < self.bounds(size)[0]

"""Short rows that follow each other in memory become one axis: i = k // n and j = k % n.

Where an elementwise kernel writes rows of a few elements one after the other, vectors along a row
are mostly empty, and vectors across the rows are scattered. Along both they are written as they
are; what is read is a pattern that repeats after n elements: a few vectors and a shuffle.
"""

from __future__ import annotations

import itertools

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, symbolic
from tilegrad.ops.affine import as_node
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.facts import LONGEST_PATTERN, PATTERNED, Facts, constant_extent


def join_short_rows(root: Node) -> Node:
    """Return a kernel with short rows joined where all that is read is a pattern then."""
    order = sort_topologically([root])
    sizes = [constant_extent(node) or 0 for node in order if node.op is kernel.axis]
    is_elementwise = all(node.op is not kernel.reduce_over for node in order)
    if not (is_elementwise and any(1 < size <= LONGEST_PATTERN for size in sizes)):
        return root
    facts = Facts(root)
    for outer, inner in itertools.pairwise(facts.outputs):
        size = constant_extent(inner) or 0
        if 1 < size <= LONGEST_PATTERN and _are_rows(facts, outer, inner, size):
            joined = _join(root, outer, inner, size)
            if joined is not None:
                return joined
    return root


def _are_rows(facts: Facts, outer: Node, inner: Node, size: int) -> bool:
    """Whether all results are rows one after the other."""
    return all(
        facts.stride(store, outer) == size and facts.stride(store, inner) == 1
        for store in facts.stores
    )


def _join(root: Node, outer: Node, inner: Node, size: int) -> Node | None:
    extent = symbolic.multiply(kernel.extent_of(outer), size)
    axis = kernel.make_axis(kernel.name_of(outer), extent)
    places = {
        outer: as_node(symbolic.floor_divide(axis, size)),
        inner: as_node(symbolic.modulo(axis, size)),
    }
    (joined,) = substitute([root], places)
    facts = Facts(joined)
    for load in facts.regions[None].loads:
        stride, is_guarded = facts.stride(load, axis), len(load.sources) > 2
        if abs(stride) > 1 and (stride != PATTERNED or is_guarded):
            return None
    return joined

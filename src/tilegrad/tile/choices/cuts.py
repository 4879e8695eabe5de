"""Conditions on one axis, such as where one concatenated tensor ends: the axis is cut there.

On each side of a cut the condition is known, so that what it chooses needs no mask and what it
refuses is not even read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from types import MappingProxyType

from tilegrad.ir.node import Node
from tilegrad.ops import bits, comparison, kernel, symbolic
from tilegrad.ops.affine import as_index, as_node, split_terms
from tilegrad.ops.bounds import bounds
from tilegrad.ops.leaves import constant_op, value_of
from tilegrad.ops.movement import expand, reshape
from tilegrad.tile.facts import Facts

MOST_PIECES = 8
"""A kernel whose axes would be cut into more is left whole: each piece has code of its own."""

Cuts = Mapping[Node, tuple[int, ...]]
NO_CUTS: Cuts = MappingProxyType({})


def find_cuts(facts: Facts, lane: Node | None, lanes: int) -> Cuts:
    """Return where to cut the axes of a kernel's results.

    Args:
        facts: of the kernel.
        lane: the axis along the lanes; pieces shorter than a vector are not cut off it.
        lanes: elements of a vector.
    """
    outputs = frozenset(facts.outputs)
    if len(facts.regions) > 1 or any(facts.free[store] != outputs for store in facts.stores):
        return NO_CUTS
    places: dict[Node, set[int]] = {}
    for node in facts.regions[None].nodes:
        if node.op in (comparison.less, comparison.equal) and len(facts.free[node]) == 1:
            (axis,) = facts.free[node]
            places.setdefault(axis, set()).update(_boundaries(node, axis))
    found: dict[Node, tuple[int, ...]] = {}
    for axis, inside in places.items():
        extent = bounds(as_node(kernel.extent_of(axis)))[1]
        edges = sorted(place for place in inside if 0 < place < extent)
        least = lanes if axis is lane else 1
        lengths = [b - a for a, b in itertools.pairwise([0, *edges, extent])]
        if edges and min(lengths) >= least:
            found[axis] = tuple(edges)
    pieces = math.prod(len(edges) + 1 for edges in found.values())
    return found if pieces <= MOST_PIECES else NO_CUTS


def join_short(cuts: Cuts, sizes: Mapping[Node, int]) -> Cuts:
    """Return the cuts without those between pieces that fit one tile together.

    A tile in a shorter piece is computed in full all the same, and each piece has code of its own.

    Args:
        cuts: as found.
        sizes: of tiles along the axes that have one.
    """
    found: dict[Node, tuple[int, ...]] = {}
    for axis, edges in cuts.items():
        start, kept = 0, list[int]()
        extent = bounds(as_node(kernel.extent_of(axis)))[1]
        for edge, following in itertools.pairwise([*edges, extent]):
            if following - start > sizes.get(axis, 1):
                kept.append(int(edge))
                start = edge
        if kept:
            found[axis] = tuple(kept)
    return found


def _boundaries(condition: Node, axis: Node) -> set[int]:
    """Return the values of an axis from which on a condition is another than before."""
    first, second = condition.sources
    if first.dtype is not axis.dtype:
        return set()
    terms, constant = split_terms(as_node(symbolic.subtract(as_index(second), as_index(first))))
    if set(terms) != {axis}:
        return set()
    factor = terms[axis]
    if condition.op is comparison.equal:
        place = -constant // factor
        return {place, place + 1} if place * factor == -constant else set()
    # first < second where factor * axis + constant > 0.
    return {-constant // factor + 1 if factor > 0 else -(constant // factor)}


def fold_condition(node: Node) -> Node:
    """Return a bool or choice more simply if what it depends on is known."""
    if node.op in (bits.bitwise_and, bits.bitwise_or) and node.dtype.is_boolean:
        neutral = node.op is bits.bitwise_and
        for one, other in (node.sources, node.sources[::-1]):
            value = known(one)
            if value is not None:
                return other if value is neutral else one
    if node.op is comparison.where:
        value = known(node.sources[0])
        if value is not None:
            return node.sources[1] if value else node.sources[2]
    return node


def known(condition: Node) -> bool | None:
    """Return the value of a condition that is a constant, None if it is none."""
    while condition.op in (expand, reshape):
        condition = condition.sources[0]
    return bool(value_of(condition)) if condition.op is constant_op else None

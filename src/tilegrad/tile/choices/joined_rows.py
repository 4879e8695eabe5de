"""Short rows written together, where only several of them fill whole lines of the caches.

Rows of 56 numbers end in the middle of a line, but two that follow each other in memory fill seven
lines. They are read as a tile of two rows, and written as one run, past the caches.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import kernel
from tilegrad.ops.affine import as_index, split_terms
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.target import TileTarget
from tilegrad.tile.uncached import LEAST_LINES, find_large

MOST_ROWS = 4
"""So many rows of less than eight lines each are a tile that fits the registers."""


class JoinedRows(NamedTuple):
    """Which rows of a kernel's results are written together.

    Attributes:
        axis: along which they follow each other in memory.
        count: of rows.
        lane: the axis that they run along.
        length: of a row, in elements.
    """

    axis: Node
    count: int
    lane: Node
    length: int

    @property
    def label(self) -> str:
        """Its name among the candidates of a decision."""
        return f"{kernel.name_of(self.axis)}:{self.count}"


def choose_joined(
    facts: Facts, lane: Node | None, target: TileTarget, decider: Decider
) -> JoinedRows | None:
    """Return the rows that are written together, None if each fills lines by itself or none do.

    Args:
        facts: of a kernel without reductions.
        lane: the axis along the lanes.
        target: the processor.
        decider: decides ``joined rows``.
    """
    if lane is None or target.vector_bytes != LINE_BYTES or len(facts.stores) != 1:
        return None
    (store,) = facts.stores
    found = _find_joined(facts, store, lane) if store.sources[0] in find_large(facts) else None
    if found is None:
        return None
    return decider.take(
        "joined rows", (found, None), label=lambda one: "none" if one is None else one.label
    )


def _find_joined(facts: Facts, store: Node, lane: Node) -> JoinedRows | None:
    """Return the rows of a store that fill lines together."""
    length, itemsize = constant_extent(lane) or 0, store.sources[2].dtype.itemsize
    nbytes, line = length * itemsize, LINE_BYTES // itemsize
    count = LINE_BYTES // math.gcd(nbytes, LINE_BYTES)
    is_short = LINE_BYTES <= nbytes < LEAST_LINES * LINE_BYTES and 1 < count <= MOST_ROWS
    if not is_short or facts.stride(store, lane) != 1:
        return None
    for axis in facts.outputs:
        is_next = facts.stride(store, axis) == length
        if is_next and axis is not lane and (constant_extent(axis) or 1) % count == 0:
            terms, rest = split_terms(as_index(store.sources[1]))
            others = [step for term, step in terms.items() if term not in (axis, lane)]
            is_whole = math.gcd(rest, count * length, *others) % line == 0
            is_read_so = {axis, lane} <= facts.free[store.sources[2]]
            return JoinedRows(axis, count, lane, length) if is_whole and is_read_so else None
    return None

"""Large results are written past the caches, whose lines they would else be read into first.

What is larger than the caches is not found there by whoever reads it next, and a line that is
written whole need not be read: that saves one of the three times that a copy moves its bytes.
"""

from __future__ import annotations

import math

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, memory
from tilegrad.ops.bounds import bounds
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import Facts
from tilegrad.tile.target import TileTarget

LEAST_BYTES = 3 << 22
"""Results of so much, with what they are computed from, leave little else in most shared caches."""
LEAST_LINES = 8
"""Rows that begin within a line are mostly ends if they are shorter."""


def choose_uncached(facts: Facts, target: TileTarget, decider: Decider) -> frozenset[Node]:
    """Return the pointers through which results are written past the caches.

    It takes vectors that fill a line.
    """
    large = find_large(facts) if target.vector_bytes == LINE_BYTES else frozenset[Node]()
    if large and decider.take("large results", ("past caches", "cached")) == "cached":
        return frozenset()
    return large


def find_large(facts: Facts) -> frozenset[Node]:
    """Return the pointers of results that are larger than what caches keep."""
    loaded = {load.sources[0] for region in facts.regions.values() for load in region.loads}
    return frozenset(
        store.sources[0]
        for store in facts.stores
        if store.sources[0] not in loaded and count_bytes(facts, store) >= LEAST_BYTES
    )


def count_bytes(facts: Facts, access: Node) -> float:
    """Return how many bytes a load reads or a store writes at least, over all axes."""
    extents = [kernel.extent_of(axis) for axis in facts.free[access]]
    least = [extent if isinstance(extent, int) else bounds(extent)[0] for extent in extents]
    value = access if access.op is memory.load else access.sources[2]
    return math.prod(least) * value.dtype.itemsize

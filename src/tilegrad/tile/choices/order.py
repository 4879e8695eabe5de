"""In which order a kernel without reductions walks the axes of its results.

What is read in the order of memory is fetched ahead by the processor. What is written past the
caches waits for nothing: it suffices that each piece fills some lines.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import IRREGULAR, Facts, constant_extent
from tilegrad.tile.uncached import find_large

LEAST_PIECE = 2 * LINE_BYTES
"""Lines that are written singly, far from each other, take memory twice as long as pairs."""


def choose_order(facts: Facts, decider: Decider) -> tuple[Node, ...]:
    """Return the axes of the results, outermost first, by default as large results are read.

    Args:
        facts: of a kernel without reductions.
        decider: decides ``order``.
    """
    written = facts.outputs
    read = _find_read_order(facts) if len(written) > 1 else None
    if read is None or read == written:
        return written
    orders = {"read": read, "written": written}
    labels = list(orders) if _has_long_pieces(facts) else list(orders)[::-1]
    return orders[decider.take("order", labels)]


def _find_read_order(facts: Facts) -> tuple[Node, ...] | None:
    """Return the axes as all that is read lies in memory, None if no order is that of all."""
    found: tuple[Node, ...] | None = None
    for load in facts.regions[None].loads:
        strides = {axis: abs(facts.stride(load, axis)) for axis in facts.outputs}
        if 0 in strides.values():
            continue  # it is small beside the results
        order = tuple(sorted(facts.outputs, key=lambda axis: -strides[axis]))
        if max(strides.values()) >= IRREGULAR or found not in (None, order):
            return None
        found = order
    return found


def _has_long_pieces(facts: Facts) -> bool:
    """Whether results are large, and written in pieces of some lines whatever the order is."""
    large = find_large(facts)
    last = facts.outputs[-1]
    return all(
        store.sources[0] in large
        and facts.stride(store, last) == 1
        and (constant_extent(last) or 0) * store.sources[2].dtype.itemsize >= LEAST_PIECE
        for store in facts.stores
    )

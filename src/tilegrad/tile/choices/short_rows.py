"""Short rows are reduced several at a time.

Where a whole row fits a few registers, what a reduction along it waits for, the lanes of one vector
combined step by step and what is then computed with the one result, takes longer than all the rest.
A tile of several rows has as many such chains side by side, and code generation combines the lanes
of all of its rows at once.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import Facts, Region, constant_extent
from tilegrad.tile.target import TileTarget

LONGEST_ROW = 4
"""So many vectors a row has at most."""
MOST_ROWS = 16
"""So many rows are reduced at a time at most: their sums then fill the lanes of one vector."""


def choose_rows_together(
    facts: Facts,
    along: dict[Region, Node | None],
    lanes: int,
    target: TileTarget,
    decider: Decider,
) -> tuple[tuple[Node, int], ...]:
    """Return the axis of several rows and how many there are in a tile, nothing if it is one.

    Args:
        facts: of the kernel.
        along: the axis along the lanes of each region.
        lanes: elements of a vector.
        target: the processor.
        decider: decides ``rows together``.
    """
    reduced = [region for region in facts.regions.values() if region.reduction is not None]
    walked = {along[region] for region in reduced} | {along[facts.regions[None]]} - {None}
    if not reduced or any(region.own != (along[region],) for region in reduced):
        return ()
    shared = frozenset(facts.outputs).intersection(*facts.rows) - walked
    extents = [constant_extent(axis) for axis in walked if axis is not None]
    inner = [axis for axis in facts.outputs if axis in shared]
    if not inner or None in extents:
        return ()
    # What is left of a row takes a vector for each power of two.
    longest = max(extent or 1 for extent in extents)
    vectors = longest // lanes + (longest % lanes).bit_count()
    most = min(MOST_ROWS, target.registers // 2 // vectors, constant_extent(inner[-1]) or 1)
    if vectors > LONGEST_ROW or most < 2:
        return ()
    counts = [1 << power for power in range(most.bit_length())]
    count = decider.take("rows together", counts[::-1])
    return ((inner[-1], count),) if count > 1 else ()

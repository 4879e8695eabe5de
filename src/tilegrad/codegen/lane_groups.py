"""A few lanes next to each other combined to one: sums along a short last axis.

The elements of such an axis lie side by side in the vectors of the tile that was reshaped. They
are combined there, and several vectors fill the lanes that this leaves empty (``lane_trees``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.lane_trees import Combine, combine_lanes
from tilegrad.codegen.lanes import GROUP_BYTES, shuffle
from tilegrad.codegen.layout import static_shape
from tilegrad.codegen.movement import trace_movement
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import linear
from tilegrad.ops.reduction import ReduceAttributes


class LaneGroups(NamedTuple):
    """Neighbours in a tile that are combined.

    Attributes:
        root: the tile.
        size: how many are combined.
        order: for each element of the result, which group of the tile it is.
    """

    root: Node
    size: int
    order: list[int]


def find_lane_groups(node: Node) -> LaneGroups | None:
    """Return which neighbours a reduction combines, None if they do not lie side by side."""
    (source,) = node.sources
    shape, axes = static_shape(source), attributes_of(node, ReduceAttributes).axes
    if axes != (len(shape) - 1,) or source.dtype is dtypes.bool:
        return None
    size = shape[-1]
    if size & (size - 1) or not 1 < size <= GROUP_BYTES // source.dtype.itemsize:
        return None
    root, places = trace_movement(source)
    if root is source or not root.shape or static_shape(root)[-1] % size:
        return None
    groups = places.reshape(-1, size)
    first = groups[:, :1]
    if (first % size).any() or (groups != first + numpy.arange(size)).any():
        return None
    return LaneGroups(root, size, (first[:, 0] // size).tolist())


def reduce_lane_groups(context: Context, combine: Combine, groups: LaneGroups) -> Vectors | None:
    """Return a scalar for each group, None if a vector is narrower than a group."""
    vectors = context.value(groups.root)
    if any(not vector.shape or linear.lanes_of(vector) < groups.size for vector in vectors):
        return None
    widest = context.target.lanes(groups.root.dtype)
    parts = [part for vector in vectors for part in _cut(context, vector, widest)]
    found: list[Node] = []
    start = 0
    while start < len(parts):
        alike = 1
        while (
            2 * alike <= min(groups.size, len(parts) - start)
            and len({part.shape for part in parts[start : start + 2 * alike]}) == 1
        ):
            alike *= 2
        found += combine_lanes(context, combine, parts[start : start + alike], groups.size)
        start += alike
    return [found[number] for number in groups.order]


def _cut(context: Context, vector: Node, widest: int) -> list[Node]:
    """Return the registers of a vector."""
    starts = range(0, linear.lanes_of(vector), widest)
    width = min(widest, linear.lanes_of(vector))
    return [shuffle(context, vector, vector, list(range(at, at + width))) for at in starts]

"""The lanes of each of several vectors combined to one value, all vectors at once.

The lanes of one vector are combined by halving it. For sixteen lanes that takes four steps, each of
which waits for the one before, and lanes fall idle. Of two vectors the halves fit into one: sixteen
vectors become one by fifteen combinations. The results then lie in the lanes of one vector, where
they are wanted if more is computed with them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from tilegrad.codegen.context import Context
from tilegrad.codegen.lanes import GROUP_BYTES, lane_of, shuffle
from tilegrad.ir.node import Node
from tilegrad.ops import linear

Combine = Callable[[Node, Node], Node]
Step = tuple[list[int], list[int]]
"""Which lanes of two vectors, one after the other, are combined: each with one of the others."""


def combine_lanes(
    context: Context, combine: Combine, vectors: Sequence[Node], size: int | None = None
) -> list[Node]:
    """Return a scalar for each vector: its lanes, combined; or one for each group of its lanes.

    Args:
        context: of the function.
        combine: combines two vectors lane by lane.
        vectors: 2ⁿ of them, no more than there are lanes to combine, at least two if these are all.
        size: so many lanes next to each other are combined; None for all.
    """
    lanes = linear.lanes_of(vectors[0])
    groups = lanes // (size or lanes)
    steps, owners = _plan_steps(len(vectors), lanes, lanes // groups, vectors[0].dtype.bits)
    places = range(len(vectors))
    values = list(vectors) if groups > 1 else [vectors[owners.index(place)] for place in places]
    for low, high in steps:
        firsts, seconds = (values[::2], values[1::2]) if len(values) > 1 else (values, values)
        values = [
            combine(shuffle(context, first, second, low), shuffle(context, first, second, high))
            for first, second in zip(firsts, seconds, strict=True)
        ]
    order = owners if groups > 1 else list(places)
    count = len(vectors) * groups
    return [lane_of(context, values[0], order.index(number)) for number in range(count)]


@functools.cache
def _plan_steps(count: int, lanes: int, size: int, bits: int) -> tuple[list[Step], list[int]]:
    """Return the steps, and for each lane of the result which of the groups it comes from.

    Vectors are joined in pairs until there is one, which is then halved. Lanes that are still to be
    combined with each other lie side by side: ``size`` of them, half as many after each step.
    """
    block = min(lanes, max(2, 8 * GROUP_BYTES // bits))
    steps: list[Step] = []
    width, groups = lanes, lanes // size
    owners = [[number * groups + i // size for i in range(lanes)] for number in range(count)]
    while size > 1:
        group = width if size > block else block
        low = [i for i in range(width) if i % size < size // 2]
        if len(owners) > 1:
            starts = range(0, width, group)
            low = [
                i + other
                for start in starts
                for other in (0, width)
                for i in low
                if start <= i < start + group
            ]
            owners = [
                first + second for first, second in zip(owners[::2], owners[1::2], strict=True)
            ]
        steps.append((low, [i + size // 2 for i in low]))
        owners = [[both[i] for i in low] for both in owners]
        width, size = len(low), size // 2
    return steps, owners[0]

"""The cost model: what it takes to compute a node again instead of storing and loading it.

Times are nanoseconds on a nominal core. They need not be right, only the comparisons between them;
they are constants of the model, not settings, so that every machine makes the same kernels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property
from tilegrad.ops.affine import Index
from tilegrad.ops.bounds import bounds

MEMORY_NS_PER_BYTE = 0.1
"""A streamed byte of main memory."""
CACHE_NS_PER_BYTE = 0.01
"""A byte that the same kernel has just read."""
ARITHMETIC_NS = 0.03
"""One simple operation on one element, vectorised."""
LAUNCH_NS = 2000.0
"""One more kernel."""
SYMBOLIC_SIZE = 1024
"""What an unknown size is taken for, if its bound is not lower."""
MOST_LEAVES = 8
"""Leaves beyond this many are counted but no longer told apart."""

_WEIGHTS = {
    "exp": 10, "exp2": 8, "expm1": 14, "log": 10, "log2": 10, "log10": 10, "log1p": 14,
    "sin": 14, "cos": 14, "tan": 20, "asin": 16, "acos": 16, "atan": 16, "atan2": 22,
    "sinh": 16, "cosh": 16, "tanh": 14, "asinh": 20, "acosh": 20, "atanh": 16,
    "erf": 18, "lgamma": 40, "power": 30, "threefry": 80, "divide": 4, "reciprocal": 4,
    "square_root": 4, "reciprocal_square_root": 5, "modulo": 20, "floor_divide": 20,
    "truncated_divide": 20, "truncated_remainder": 20, "gather": 4,
}  # fmt: skip


def estimate(size: Index) -> float:
    """Return a number for a size: itself, or a guess within its bounds for a symbolic one."""
    if isinstance(size, int):
        return size
    low, high = bounds(size)
    return max(1.0, min(high, max(low, SYMBOLIC_SIZE)))


def count_elements(node: Node) -> float:
    """Return the number of elements of a node's result, estimated where symbolic."""
    return math.prod(estimate(size) for size in node.shape)


class Summary(NamedTuple):
    """What one element of a node costs if everything up to buffers and reductions is recomputed.

    Attributes:
        operations: simple operations.
        leaves: what is loaded: buffers, reductions and opaque results (at most ``MOST_LEAVES``).
        extra_leaves: how many more leaves there are.
    """

    operations: float
    leaves: frozenset[Node]
    extra_leaves: int

    @property
    def loads(self) -> int:
        """How many different things are loaded."""
        return len(self.leaves) + self.extra_leaves

    @property
    def bytes(self) -> float:
        """Bytes loaded for one element."""
        known = sum(leaf.dtype.itemsize for leaf in self.leaves)
        return known + 4 * self.extra_leaves


_NOTHING = Summary(0.0, frozenset(), 0)


def is_leaf(node: Node) -> bool:
    """Whether the summary of a user counts this node as one load."""
    name = node.op.name
    if name in ("constant", "iota", "symbol"):
        return False
    return not (
        node.op.has(Property.ELEMENTWISE)
        or node.op.has(Property.MOVEMENT)
        or name in ("detach", "assign", "gather", "concatenate")
    )


def summarise(order: list[Node]) -> dict[Node, Summary]:
    """Return the summary of every node of a graph given sources first."""
    summaries: dict[Node, Summary] = {}
    for node in order:
        if node.op.name in ("constant", "iota", "symbol"):
            summaries[node] = _NOTHING
            continue
        operations = float(_WEIGHTS.get(node.op.name, 1))
        if node.op.has(Property.MOVEMENT):
            operations = 0.0
        leaves: frozenset[Node] = frozenset()
        extra = 0
        for source in node.sources:
            summary = _as_source(source, summaries)
            operations += summary.operations if not is_leaf(node) else 0.0
            more = leaves | summary.leaves
            if len(more) > MOST_LEAVES:
                extra += len(more) - len(leaves)
            else:
                leaves = more
            extra += summary.extra_leaves
        summaries[node] = Summary(operations, leaves, min(extra, 1000))
    return summaries


def _as_source(source: Node, summaries: dict[Node, Summary]) -> Summary:
    if is_leaf(source):
        return Summary(0.0, frozenset((source,)), 0)
    return summaries[source]


def is_contraction(node: Node, summaries: dict[Node, Summary]) -> bool:
    """Whether a reduction uses each loaded element many times (matmul, convolution, pooling).

    That is its arithmetic intensity: elements combined against elements loaded. Such a kernel wants
    register tiles of its own shape, so it is neither repeated nor put inside another reduction.
    """
    source = node.sources[0]
    combined = count_elements(source)
    summary = _as_source(source, summaries)
    loaded = sum(count_elements(leaf) for leaf in summary.leaves)
    return summary.extra_leaves == 0 and combined > 2 * loaded and combined > count_elements(node)

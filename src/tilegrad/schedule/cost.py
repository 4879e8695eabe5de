"""The cost model: what it takes to compute a node again instead of storing and loading it.

Times are nanoseconds on a nominal core. They need not be right, only the comparisons between them;
they are constants of the model, not settings, so that every machine makes the same kernels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, Property
from tilegrad.ops.affine import Index
from tilegrad.ops.arithmetic import multiply
from tilegrad.ops.bounds import bounds
from tilegrad.ops.graph import assign, detach
from tilegrad.ops.indexing import gather
from tilegrad.ops.leaves import constant_op, iota, symbol
from tilegrad.ops.markers import barrier
from tilegrad.ops.movement import concatenate, expand
from tilegrad.ops.reduction import reduce_sum
from tilegrad.ops.weights import weight_of

MEMORY_NS_PER_BYTE = 0.1
"""A streamed byte of main memory."""
CACHE_NS_PER_BYTE = 0.01
"""A byte that the same kernel has just read."""
ARITHMETIC_NS = 0.015
"""One simple operation on one element, vectorised."""
LAUNCH_NS = 2000.0
"""One more kernel."""
SYMBOLIC_SIZE = 1024
"""What an unknown size is taken for, if its bound is not lower."""
SLICE = 64
"""A gather of slices of so many elements is a movement: one place is computed for all of them."""
LONG_ROW = 64.0
"""Rows of so many elements are walked each by itself, shorter ones perhaps several at once."""
MOST_NODES = 256
"""So many nodes below one are looked at; what costs more than that is not worth recomputing."""


def estimate(size: Index) -> float:
    """Return a number for a size: itself, or a guess within its bounds for a symbolic one."""
    if isinstance(size, int):
        return size
    low, high = bounds(size)
    return max(1.0, min(high, max(low, SYMBOLIC_SIZE)))


def count_elements(node: Node) -> float:
    """Return the number of elements of a node's result, estimated where symbolic."""
    count: float = 1
    for size in node.shape:
        count *= size if isinstance(size, int) else estimate(size)
    return count


class Summary(NamedTuple):
    """What one element of a node costs if everything up to buffers and reductions is recomputed.

    Attributes:
        operations: simple operations.
        leaves: what is loaded: buffers, reductions and opaque results.
    """

    operations: float
    leaves: frozenset[Node]

    def bytes_in_rows(self, node: Node) -> float:
        """Bytes loaded for one element of the node, of many in a row along its last axis.

        Leaves with no more than one value a row are loaded once a row, and stay in a register.
        """
        length = estimate(node.shape[-1]) if node.shape else 1.0
        rows = count_elements(node) / length if length >= LONG_ROW else 0.0
        leaves = (leaf for leaf in self.leaves if count_elements(leaf) > rows)
        return float(sum(leaf.dtype.itemsize for leaf in leaves))

    def footprint(self, elements: float) -> float:
        """Bytes loaded at least for so many elements; small tensors are loaded once."""
        return sum(
            min(elements, count_elements(leaf)) * leaf.dtype.itemsize for leaf in self.leaves
        )


def is_leaf(node: Node) -> bool:
    """Whether the summary of a user counts this node as one load."""
    return _is_load(node.op)


_COMPUTED = frozenset((constant_op, iota, symbol, detach, assign, gather, concatenate, barrier))
"""Other ops that are computed along with what uses them."""


@functools.cache
def _is_load(op: Op) -> bool:
    return not (op.has(Property.ELEMENTWISE) or op.has(Property.MOVEMENT) or op in _COMPUTED)


class Summaries:
    """Answers what nodes cost, looking only as deep as ``MOST_NODES``.

    Args:
        trunks: nodes that are stored whatever is decided about others (``trunks.py``).
    """

    def __init__(self, trunks: frozenset[Node] = frozenset()) -> None:
        self.trunks = trunks
        self._known: dict[Node, Summary] = {}
        self._contractions: dict[Node, bool] = {}

    def of(self, node: Node) -> Summary:
        """Return the summary of a node: of its sources, if it is a leaf itself."""
        found = self._known.get(node)
        if found is None:
            found = self._known[node] = _summarise(node, self.trunks)
        return found

    def count_operations(self, node: Node) -> float:
        """Return the simple operations of one element of a node, a reduction's terms included."""
        operations = self.of(node).operations
        if not node.op.has(Property.REDUCTION):
            return operations
        terms = count_elements(node.sources[0]) / max(1.0, count_elements(node))
        return terms * (operations + weight_of(node))

    def is_contraction(self, node: Node) -> bool:
        """Whether a reduction combines products in which both factors are used again and again.

        That is, each factor is repeated along some axis of the result that the other has (matmul,
        convolution). Such a kernel wants register tiles of its own shape, so it is not repeated,
        and put inside another reduction only where both are sums and become one.
        """
        found = self._contractions.get(node)
        if found is None:
            found = self._contractions[node] = _is_contraction(node)
        return found


def _is_contraction(node: Node) -> bool:
    if node.op is not reduce_sum:
        return False
    term = node.sources[0]
    while term.op.has(Property.MOVEMENT):
        term = term.sources[0]
    if term.op is reduce_sum and _is_contraction(term):
        return True  # a sum of its results is a contraction over more axes
    repeated = repeated_axes_of_factors(node)
    return repeated is not None and all(repeated)


def repeated_axes_of_factors(node: Node) -> tuple[frozenset[int], frozenset[int]] | None:
    """Return the axes of a sum of products along which each factor has one value.

    Axes of the result are meant, those of more than one value. None for a sum of something else.
    """
    body = _strip_unary(node.sources[0])
    if body.op is not multiply:
        return None
    kept = {axis for axis, size in enumerate(node.shape) if size != 1}
    first, second = (_repeated_axes(source) & kept for source in body.sources)
    return first, second


def _strip_unary(node: Node) -> Node:
    while node.op.has(Property.ELEMENTWISE) and len(node.sources) == 1:
        node = node.sources[0]
    return node


def _repeated_axes(node: Node) -> frozenset[int]:
    """Return the axes along which a factor has one value."""
    while node.op is expand or (node.op.has(Property.ELEMENTWISE) and len(node.sources) == 1):
        node = node.sources[0]
    return frozenset(axis for axis, size in enumerate(node.shape) if size == 1)


def _all_sources(node: Node) -> tuple[Node, ...]:
    return node.sources


def _is_slicing(node: Node) -> bool:
    """Whether a gather moves whole slices, so that finding one costs its elements nothing."""
    if node.op is not gather:
        return False
    return SLICE * count_elements(node.sources[1]) <= count_elements(node)


_SOURCES: dict[Op, Callable[[Node], tuple[Node, ...]]] = {
    assign: lambda node: node.sources[1:],
    barrier: lambda node: node.sources[:1],
}
"""What is computed with, where that is not all sources."""


def _summarise(node: Node, trunks: frozenset[Node]) -> Summary:
    operations = 0.0
    leaves: set[Node] = set()
    seen: set[Node] = set()
    stack = [node]
    if is_leaf(node) or node in trunks:
        operations = 0.0 if is_leaf(node) else float(weight_of(node))
        stack = list(node.sources)
    while stack and len(seen) < MOST_NODES:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        if is_leaf(current) or current in trunks:
            leaves.add(current)
            continue
        if _is_slicing(current):
            stack.append(current.sources[0])
            continue
        if not current.op.has(Property.MOVEMENT):
            operations += weight_of(current)
        stack.extend(_SOURCES.get(current.op, _all_sources)(current))
    return Summary(operations, frozenset(leaves))

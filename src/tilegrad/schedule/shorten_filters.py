"""Where short filters save time, and what for: a cost model and a pass over graphs.

What replaces a sum is in ``short_filters``. The pass looks at every float32 sum of products with
three taps along an axis. What makes few results of many taps is worth it only where these are known
to be constant: then they are transformed once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, find_users, sort_topologically
from tilegrad.ir.op import Property, attributes_of
from tilegrad.ops.conversion import cast
from tilegrad.ops.graph import contiguous
from tilegrad.ops.leaves import buffer
from tilegrad.ops.movement import permute, reshape, reshape_to, shrink
from tilegrad.ops.reduction import ReduceAttributes, reduce_sum
from tilegrad.rewrite.graph import transform
from tilegrad.schedule import cost
from tilegrad.schedule.access import is_movement
from tilegrad.schedule.short_filters import PRODUCTS, TAPS, Window, filter_sum, find_window
from tilegrad.schedule.sums_of_products import SumOfProducts, known_extent, read_sum

PRODUCT_NS = 0.02
"""One product and its addition in a contraction."""
TAP_NS = 0.6
"""One transformed tap, stored and packed, of more than the caches hold ..."""
CACHED_TAP_NS, CACHED_BYTES = 0.18, 8 << 20
"""... of no more than so many bytes, which are still there when they are packed ..."""
KEPT_TAP_NS = 0.14
"""... and one that has been packed before: it is read, and takes more room than what it is of."""
MOST_NODES = 64
"""Taps that are computed by more ops than so many are not taken for constant."""

Users = Mapping[Node, Sequence[Node]]


class Shortened(NamedTuple):
    """A graph with short filters.

    Attributes:
        nodes: what is wanted.
        hopes: buffers with taps that would be transformed, too, if they were constant.
    """

    nodes: list[Node]
    hopes: frozenset[Node]


def saves_time(total: SumOfProducts, window: Window, *, is_constant: bool) -> bool:
    """Whether the products that are saved take longer than what is stored and loaded instead.

    Args:
        total: the sum.
        window: where it has a short filter.
        is_constant: whether the taps are transformed once, not each time.
    """
    size = known_extent(window.own)
    rows = PRODUCTS * window.tiles * window.gap
    others = math.prod(map(known_extent, (*total.own, *total.bound))) / size / TAPS
    saved = others * (TAPS * size - rows) * PRODUCT_NS
    inputs = cost.count_elements(total.first.node) / size * rows
    taps = cost.count_elements(total.second.node) / TAPS * PRODUCTS
    outputs = math.prod(map(known_extent, total.own)) / size * rows
    moved = (2 * inputs + 2 * outputs) * dtypes.float32.itemsize * cost.MEMORY_NS_PER_BYTE
    tap = CACHED_TAP_NS if taps * dtypes.float32.itemsize <= CACHED_BYTES else TAP_NS
    taps *= KEPT_TAP_NS if is_constant else tap
    return saved > moved + taps + (PRODUCTS + 1) * cost.LAUNCH_NS


class CostModel(Protocol):
    """Says whether a sum should be computed by fewer products (see ``saves_time``)."""

    def __call__(self, total: SumOfProducts, window: Window, *, is_constant: bool) -> bool:
        """Return whether it should."""
        ...


def shorten_filters(
    nodes: Sequence[Node],
    is_worthwhile: CostModel = saves_time,
    constants: AbstractSet[Node] = frozenset(),
) -> Shortened:
    """Return a graph with float32 convolutions of three taps computed by fewer products.

    Args:
        nodes: what is wanted.
        is_worthwhile: the cost model.
        constants: buffers that hold the same each time.
    """
    order = sort_topologically(nodes)
    totals = [node for node in order if node.op is reduce_sum and node.dtype is dtypes.float32]
    if not totals:
        return Shortened(list(nodes), frozenset())
    users = find_users(order)
    for node in nodes:
        users.setdefault(node, []).append(node)  # what is wanted is read once more
    parts = {_find_part(node, users) for node in totals}
    ends: set[Node] = set()
    shortener = _Shortener(is_worthwhile, constants)

    def shorten(node: Node, new: Node) -> Node:
        short = shortener.shorten(new) if node in parts else None
        if short is not None:
            new = short
            ends.add(_find_end(node, users))
        # What is made of the six sums is computed once, as an epilogue of a sum would be.
        return contiguous(new) if node in ends else new

    return Shortened(transform(nodes, shorten), frozenset(shortener.hopes))


def _only_user(node: Node, users: Users) -> Node | None:
    found = users[node]
    return found[0] if len(found) == 1 and found[0] is not node else None


def _find_part(total: Node, users: Users) -> Node:
    """Return what is used of a sum, if it is a part."""
    part, node = total, _only_user(total, users)
    while node is not None and (node.op in (permute, shrink) or _is_same_but_for_ones(node)):
        part = node if node.op is shrink else part
        node = _only_user(node, users)
    return part


def _is_same_but_for_ones(node: Node) -> bool:
    long = [[size for size in one.shape if size != 1] for one in (node, *node.sources)]
    return node.op is reshape and long[0] == long[1]


def _find_end(node: Node, users: Users) -> Node:
    """Return the last of the elementwise ops that alone use a result."""
    user = _only_user(node, users)
    while user is not None and _is_elementwise(user, node):
        node, user = user, _only_user(user, users)
    return node


def _is_elementwise(user: Node, node: Node) -> bool:
    return user.op is reshape or (user.op.has(Property.ELEMENTWISE) and user.shape == node.shape)


class _Shortener:
    """Transforms sums; notes whose taps it leaves as they are because they may change."""

    def __init__(self, is_worthwhile: CostModel, constants: AbstractSet[Node]) -> None:
        self.is_worthwhile = is_worthwhile
        self.constants = constants
        self.hopes: set[Node] = set()

    def shorten(self, total: Node) -> Node | None:
        read = read_sum(total) if _has_taps(total) else None
        if read is None or any(map(_is_narrow, (read.first.node, read.second.node))):
            return None
        for one in (read, read._replace(first=read.second, second=read.first)):
            window = find_window(one)
            if window is None:
                continue
            is_constant = self._is_constant(one, window)
            if self.is_worthwhile(one, window, is_constant=is_constant):
                return reshape_to(filter_sum(one, window, is_constant=is_constant), total.shape)
        return None

    def _is_constant(self, total: SumOfProducts, window: Window) -> bool:
        """Whether taps are known to be constant; if not, note those that had better be."""
        buffers = _find_buffers(total.second.node)
        if buffers <= self.constants:
            return bool(buffers)
        if self.is_worthwhile(total, window, is_constant=True):
            self.hopes |= buffers
        return False


def _find_buffers(node: Node) -> frozenset[Node]:
    """Return the buffers that alone a node is computed from; none if that is not easily seen."""
    found = {node: None}
    for one in (waiting := [node]):
        for source in one.sources:
            if source not in found:
                found[source] = None
                waiting.append(source)
        if one.op is contiguous or len(found) > MOST_NODES:
            return frozenset()
    return frozenset(one for one in found if one.op is buffer)


def _has_taps(total: Node) -> bool:
    """Whether a sum, of sums perhaps, is over an axis of three values: most are not."""
    while total.op is reduce_sum or is_movement(total):
        source = total.sources[0]
        if total.op is reduce_sum:
            axes = attributes_of(total, ReduceAttributes).axes
            if any(source.shape[axis] == TAPS for axis in axes):
                return True
        total = source
    return False


def _is_narrow(node: Node) -> bool:
    """Whether a value has few bits, so that processors may have faster products for it."""
    return node.op is cast and node.sources[0].dtype.bits < dtypes.float32.bits

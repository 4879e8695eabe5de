"""Convolutions with three taps along an axis: six products for four results instead of twelve.

Wherever a graph has y[.., i, ..] = Σ x[.., i + j, ..]·w[.., j, ..] over j = 0, 1, 2 and other axes,
whatever these do, it has along i and j a short filter: with Winograd's matrices (``toom_cook``),

    y[.., 4t + a, ..] = Σₚ A[p, a] · Σ (Σᵣ B[r, p]·x[.., 4t + r, ..]) · (Σⱼ G[p, j]·w[.., j, ..])

The inner sums are six sums of products, which want the same kernels as before, over a quarter of
the results. Only one axis is transformed, and not the innermost: so rows stay as they are in
memory, six values are stored for four, and rounding errors hardly grow (the points are small). The
forward pass of a convolution has this form and so has its gradient by the input, of whose result
only a part is used: that part is what is computed.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, find_users, sort_topologically
from tilegrad.ir.op import Property, attributes_of
from tilegrad.ops.conversion import cast
from tilegrad.ops.graph import contiguous
from tilegrad.ops.kernel import extent_of, make_axis
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    concatenate,
    filled,
    permute,
    reshape,
    reshape_to,
    shrink,
    shrink_to,
)
from tilegrad.ops.reduction import ReduceAttributes, reduce_sum, sum_over
from tilegrad.rewrite.graph import rebuild
from tilegrad.schedule import cost
from tilegrad.schedule.access import is_movement
from tilegrad.schedule.sums_of_products import (
    Factor,
    Place,
    SumOfProducts,
    cut,
    known_extent,
    known_shape,
    lay_out,
    read_sum,
)
from tilegrad.schedule.toom_cook import Row, make_filter

TAPS = 3
RESULTS = 4
PRODUCTS = RESULTS + TAPS - 1
POINTS = tuple(Fraction(point) for point in ("0", "1", "-1", "2", "-1/2"))
"""Their powers are exact in floats and near 1: errors stay within about twice those of the sum."""
PRODUCT_NS = 0.02
"""One product and its addition in a contraction."""
TAP_NS = 1.5
"""One transformed tap where it is packed, as long as nobody knows whether it is constant."""

Users = Mapping[Node, Sequence[Node]]


class Window(NamedTuple):
    """The dimension of the first factor that is read at own + gap · bound, with three of bound."""

    own: Node
    bound: Node
    gap: int
    dimension: int

    @property
    def tiles(self) -> int:
        """How many times four results there are for each place in a gap."""
        return -(-known_extent(self.own) // (RESULTS * self.gap))


def saves_time(total: SumOfProducts, window: Window) -> bool:
    """Whether the products that are saved take longer than what is stored and loaded instead."""
    size = known_extent(window.own)
    rows = PRODUCTS * window.tiles * window.gap
    others = math.prod(map(known_extent, (*total.own, *total.bound))) / size / TAPS
    saved = others * (TAPS * size - rows) * PRODUCT_NS
    inputs = cost.count_elements(total.first.node) / size * rows
    taps = cost.count_elements(total.second.node) / TAPS * PRODUCTS
    outputs = math.prod(map(known_extent, total.own)) / size * rows
    moved = (2 * inputs + 2 * outputs) * dtypes.float32.itemsize * cost.MEMORY_NS_PER_BYTE
    return saved > moved + taps * TAP_NS + (PRODUCTS + 1) * cost.LAUNCH_NS


def shorten_filters(
    nodes: Sequence[Node], is_worthwhile: Callable[[SumOfProducts, Window], bool] = saves_time
) -> list[Node]:
    """Return the nodes with float32 convolutions of three taps computed by fewer products.

    Args:
        nodes: what is wanted.
        is_worthwhile: the cost model.
    """
    order = sort_topologically(nodes)
    totals = [node for node in order if node.op is reduce_sum and node.dtype is dtypes.float32]
    if not totals:
        return list(nodes)
    users = find_users(order)
    for node in nodes:
        users.setdefault(node, []).append(node)  # what is wanted is read once more
    parts = {_find_part(node, users) for node in totals}
    ends: set[Node] = set()
    done: dict[Node, Node] = {}
    for node in order:
        new = rebuild(node, tuple(done[source] for source in node.sources))
        if node in parts:
            short = _shorten(new, is_worthwhile)
            if short is not None:
                new = short
                ends.add(_find_end(node, users))
        # What is made of the six sums is computed once, as an epilogue of a sum would be.
        done[node] = contiguous(new) if node in ends else new
    return [done[node] for node in nodes]


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


def _shorten(total: Node, is_worthwhile: Callable[[SumOfProducts, Window], bool]) -> Node | None:
    read = read_sum(total) if _has_taps(total) else None
    if read is None or any(map(_is_narrow, (read.first.node, read.second.node))):
        return None
    for one in (read, read._replace(first=read.second, second=read.first)):
        window = _find_window(one)
        if window is not None and is_worthwhile(one, window):
            return reshape_to(_filter(one, window), total.shape)
    return None


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


def _find_window(total: SumOfProducts) -> Window | None:
    for dimension, place in enumerate(total.first.places[:-1]):
        if len(place.terms) != 2:
            continue
        for own, bound in (tuple(place.terms), tuple(place.terms)[::-1]):
            is_window = own in total.own and bound in total.bound and place.terms[own] == 1
            is_tap = total.second.find(own) is None and total.second.find(bound) is not None
            if is_window and is_tap and extent_of(bound) == TAPS:
                return Window(own, bound, place.terms[bound], dimension)
    return None


def _filter(total: SumOfProducts, window: Window) -> Node:
    """Return the sum with one dimension for each of its own axes."""
    matrices = make_filter(RESULTS, TAPS, POINTS)
    split = (make_axis("t", window.tiles), make_axis("g", window.gap))[: 1 + (window.gap > 1)]
    own = [one for axis in total.own for one in (split if axis is window.own else (axis,))]
    bound = _order_bound(total, window)
    products: list[Node] = []
    for first, second in zip(
        _transform_inputs(total.first, window, split, matrices.inputs),
        _transform_taps(total.second, window, matrices.taps),
        strict=True,
    ):
        terms = lay_out(first, (*own, *bound)) * lay_out(second, (*own, *bound))
        summed = sum_over(terms, tuple(range(len(own), len(own) + len(bound))))
        shape = tuple(known_extent(axis) for axis in own)
        products.append(contiguous(reshape_to(summed, shape)))
    return _merge(products, matrices.results, own.index(split[0]), window)


def _order_bound(total: SumOfProducts, window: Window) -> list[Node]:
    """Return what is left to be summed over, other windows last."""
    windows = {
        axis for place in total.first.places if len(place.terms) == 2 for axis in place.terms
    }
    left = [axis for axis in total.bound if axis is not window.bound]
    return sorted(left, key=windows.__contains__)


def _transform_inputs(
    factor: Factor, window: Window, split: Sequence[Node], rows: Sequence[Row]
) -> Iterator[Factor]:
    """Yield Σᵣ B[r, p]·x[4t + r] for each p, stored; with gaps, for each place in a gap."""
    at, gap = window.dimension, window.gap
    reach = RESULTS * gap * window.tiles
    shape = known_shape(factor.node)
    wide = (*shape[:at], window.tiles, RESULTS * gap, *shape[at + 1 :])
    bounds = [(0, size) for size in wide]
    bounds[at + 1] = (0, gap)
    steps: list[Node] = []
    for row in range(PRODUCTS):
        first = factor.places[at].constant + gap * row
        part = reshape_to(cut(factor.node, {at: (first, first + reach - 1)}), wide)
        steps.append(shrink_to(part, tuple(bounds)))
    new = [Place({axis: 1}, 0) for axis in split]
    new += [Place({}, 0)] * (2 - len(new))
    places = (*factor.places[:at], *new, *factor.places[at + 1 :])
    for row in rows:
        yield Factor(contiguous(_combine(row, steps)), places)


def _transform_taps(factor: Factor, window: Window, rows: Sequence[Row]) -> Iterator[Factor]:
    """Yield Σⱼ G[p, j]·w[j] for each p.

    They are parts of one tensor that is larger than what it is made of, so that nobody stores it:
    it is computed where it is packed, which is done once if w is constant.
    """
    at = next(at for at, place in enumerate(factor.places) if window.bound in place.terms)
    place = factor.places[at]
    rank = len(factor.places)
    terms: list[Node] = []
    for tap in range(TAPS):
        position = place.constant + place.terms[window.bound] * tap
        column = [filled(float(row[tap]), dtypes.float32, (1,) * rank) for row in rows]
        scales = concatenate(*column, attributes=ConcatenateAttributes(at))
        terms.append(cut(factor.node, {at: (position, position)}) * scales)
    joined = functools.reduce(operator.add, terms)
    places = (*factor.places[:at], Place({}, 0), *factor.places[at + 1 :])
    for number in range(len(rows)):
        yield Factor(cut(joined, {at: (number, number)}), places)


def _combine(row: Row, nodes: Sequence[Node]) -> Node:
    terms = [
        node if factor == 1 else node * constant(float(factor), node.dtype)
        for factor, node in zip(row, nodes, strict=True)
        if factor
    ]
    return functools.reduce(operator.add, terms)


def _merge(products: Sequence[Node], rows: Sequence[Row], axis: int, window: Window) -> Node:
    """Return the results of all tiles one after the other along an axis."""
    shape = known_shape(products[0])
    single = (*shape[: axis + 1], 1, *shape[axis + 1 :])
    results = [reshape_to(_combine(row, products), single) for row in rows]
    joined = concatenate(*results, attributes=ConcatenateAttributes(axis + 1))
    length = RESULTS * window.gap * window.tiles
    merged = (*shape[:axis], length, *shape[axis + 1 + (window.gap > 1) :])
    bounds = [(0, count) for count in merged]
    bounds[axis] = (0, known_extent(window.own))
    return shrink_to(reshape_to(joined, merged), tuple(bounds))

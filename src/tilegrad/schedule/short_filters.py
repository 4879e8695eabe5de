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
import operator
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.graph import contiguous
from tilegrad.ops.kernel import extent_of, make_axis
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    concatenate,
    filled,
    reshape_to,
    shrink_to,
)
from tilegrad.ops.reduction import sum_over
from tilegrad.schedule.sums_of_products import (
    Factor,
    Place,
    SumOfProducts,
    cut,
    known_extent,
    known_shape,
    lay_out,
)
from tilegrad.schedule.toom_cook import Row, make_filter

TAPS = 3
RESULTS = 4
PRODUCTS = RESULTS + TAPS - 1
POINTS = tuple(Fraction(point) for point in ("0", "1", "-1", "2", "-1/2"))
"""Their powers are exact in floats and near 1: errors stay within about twice those of the sum."""


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


def find_window(total: SumOfProducts) -> Window | None:
    """Return where a sum has a short filter, its taps in the second factor."""
    for dimension, place in enumerate(total.first.places[:-1]):
        if len(place.terms) != 2:
            continue
        for own, bound in (tuple(place.terms), tuple(place.terms)[::-1]):
            is_window = own in total.own and bound in total.bound and place.terms[own] == 1
            is_tap = total.second.find(own) is None and total.second.find(bound) is not None
            if is_window and is_tap and extent_of(bound) == TAPS:
                return Window(own, bound, place.terms[bound], dimension)
    return None


def filter_sum(total: SumOfProducts, window: Window, *, is_constant: bool) -> Node:
    """Return a sum by fewer products, with one dimension for each of its own axes.

    Args:
        total: the sum.
        window: where it has a short filter.
        is_constant: whether the taps are transformed once, not each time.
    """
    matrices = make_filter(RESULTS, TAPS, POINTS)
    split = (make_axis("t", window.tiles), make_axis("g", window.gap))[: 1 + (window.gap > 1)]
    own = [one for axis in total.own for one in (split if axis is window.own else (axis,))]
    bound = _order_bound(total, window)
    products: list[Node] = []
    for first, second in zip(
        _transform_inputs(total.first, window, split, matrices.inputs),
        _transform_taps(total.second, window, matrices.taps, is_constant=is_constant),
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


def _transform_taps(
    factor: Factor, window: Window, rows: Sequence[Row], *, is_constant: bool
) -> Iterator[Factor]:
    """Yield Σⱼ G[p, j]·w[j] for each p.

    They are parts of one tensor. Each part is stored in memory of its own, so that the products of
    all are one kernel; if w is constant, it is computed where it is packed, as that is done once.
    """
    at = next(at for at, place in enumerate(factor.places) if window.bound in place.terms)
    place = factor.places[at]
    terms: list[Node] = []
    for tap in range(TAPS):
        position = place.constant + place.terms[window.bound] * tap
        part = cut(factor.node, {at: (position, position)})
        column = [
            filled(float(row[tap]), dtypes.float32, (1,) * (1 + len(part.shape))) for row in rows
        ]
        scales = concatenate(*column, attributes=ConcatenateAttributes(0))
        terms.append(reshape_to(part, (1, *part.shape)) * scales)
    joined = functools.reduce(operator.add, terms)
    places = (Place({}, 0), *factor.places[:at], Place({}, 0), *factor.places[at + 1 :])
    for number in range(len(rows)):
        part = cut(joined, {0: (number, number)})
        yield Factor(part if is_constant else contiguous(part), places)


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

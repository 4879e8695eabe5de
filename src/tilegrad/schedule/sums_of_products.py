"""Sums of products as what they read: two tensors, and at which index each.

However a convolution, a product of matrices or a gradient of either is written, with windows, their
adjoints, pads, flips and sums of sums, it is Σ a[i(axes)]·b[j(axes)] with indices that are affine
in the axes of the result and in those summed over. Laws of such sums are stated on this form, and
``lay_out`` makes a tensor expression of it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, symbolic
from tilegrad.ops.affine import Index, join_terms, split_terms
from tilegrad.ops.kernel import axis as axis_op
from tilegrad.ops.kernel import extent_of
from tilegrad.ops.movement import (
    FlipAttributes,
    expand_to,
    flip,
    pad_with,
    permute_axes,
    reshape_to,
    shrink_to,
)
from tilegrad.ops.reduction import reduce_sum
from tilegrad.ops.symbolic import Condition, split_conjunction
from tilegrad.ops.windows import SlideAttributes, slide
from tilegrad.schedule.access import Indices, is_movement, read_broadcast, read_movement
from tilegrad.schedule.axes import axes_of_reduction, identity_indices


class Place(NamedTuple):
    """An index along one axis of a tensor: constant + Σ coefficient · axis."""

    terms: Mapping[Node, int]
    constant: int

    @property
    def position(self) -> Index:
        """The same as symbolic integer."""
        return join_terms(dict(self.terms), self.constant)

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest value."""
        reach = [factor * (known_extent(axis) - 1) for axis, factor in self.terms.items()]
        low = self.constant + sum(one for one in reach if one < 0)
        return low, self.constant + sum(one for one in reach if one > 0)

    def reverse(self, axis: Node) -> Place:
        """Return the place if the axis is walked the other way round."""
        factor = self.terms.get(axis, 0)
        terms = {one: -each if one is axis else each for one, each in self.terms.items()}
        return Place(terms, self.constant + factor * (known_extent(axis) - 1))


class Factor(NamedTuple):
    """A tensor and where it is read; zeros lie around it."""

    node: Node
    places: tuple[Place, ...]

    def find(self, axis: Node) -> int | None:
        """Return the dimension whose place depends on an axis."""
        return next((at for at, one in enumerate(self.places) if axis in one.terms), None)

    def reverse(self, axis: Node) -> Factor:
        """Return the factor if the axis is walked the other way round."""
        return Factor(self.node, tuple(place.reverse(axis) for place in self.places))


class SumOfProducts(NamedTuple):
    """Σ first · second over the axes ``bound``, for all values of the axes ``own``."""

    own: tuple[Node, ...]
    bound: tuple[Node, ...]
    first: Factor
    second: Factor


def read_sum(total: Node) -> SumOfProducts | None:
    """Return what a sum reads; None if it is no such sum, or its sizes are not known."""
    if not all(isinstance(size, int) and size for size in total.shape):
        return None
    indices = identity_indices(total.shape)
    own = tuple(index for index in indices if isinstance(index, Node))
    bound: list[Node] = []
    conditions: list[Condition] = []
    node = total
    while node.op is not arithmetic.multiply:
        if node.op is reduce_sum:
            indices, found = axes_of_reduction(node, indices, frozenset((*own, *bound)))
            bound += found
        elif is_movement(node):
            read = read_movement(node, indices)
            indices, conditions = read.indices, [*conditions, read.condition]
        else:
            return None
        node = node.sources[0]
    if not all(isinstance(extent_of(axis), int) for axis in bound):
        return None
    factors = [_read_factor(source, read_broadcast(source, indices)) for source in node.sources]
    first, second = factors[0], factors[1]
    if first is None or second is None:
        return None
    (one, ones), (other, others) = first, second
    if not _are_zeros_around((one, other), (*conditions, *ones, *others)):
        return None
    return _turn(SumOfProducts(own, tuple(bound), one, other))


def known_extent(axis: Node) -> int:
    """Return the extent of an axis of a sum that has been read."""
    extent = extent_of(axis)
    return extent if isinstance(extent, int) else 0


def known_shape(node: Node) -> tuple[int, ...]:
    """Return the shape of a factor of a sum that has been read."""
    return tuple(size if isinstance(size, int) else 0 for size in node.shape)


def _read_factor(node: Node, indices: Indices) -> tuple[Factor, list[Condition]] | None:
    conditions: list[Condition] = []
    while is_movement(node):
        read = read_movement(node, indices)
        node, indices = node.sources[0], read.indices
        conditions.append(read.condition)
    places = [Place(*split_terms(index)) for index in indices]
    axes = [axis for place in places for axis in place.terms]
    is_affine = all(axis.op is axis_op for axis in axes) and len(set(axes)) == len(axes)
    is_window = all(len(place.terms) <= 2 for place in places)
    is_known = all(isinstance(size, int) for size in node.shape)
    if not (is_affine and is_window and is_known):
        return None
    return Factor(node, tuple(places)), conditions


def _are_zeros_around(factors: Sequence[Factor], conditions: Sequence[Condition]) -> bool:
    """Whether terms are left out just where a factor would be read outside of its tensor."""
    needed: list[Condition] = []
    for factor in factors:
        for place, size in zip(factor.places, factor.node.shape, strict=True):
            needed += [symbolic.less_equal(0, place.position), symbolic.less(place.position, size)]
    return _conjuncts(needed) == _conjuncts(conditions)


def _conjuncts(conditions: Sequence[Condition]) -> frozenset[Condition]:
    joined = symbolic.logical_and(*conditions)
    return frozenset(split_conjunction(joined) if isinstance(joined, Node) else [joined])


def _turn(total: SumOfProducts) -> SumOfProducts | None:
    """Return a sum whose windows run forwards, as a sum over axes walked either way."""
    _, bound, first, second = total
    for factor in (first, second):
        for place in factor.places:
            if len(place.terms) < 2:
                continue
            for axis, factor_of in place.terms.items():
                if factor_of < 0 and axis not in bound:
                    return None
                if factor_of < 0:
                    first, second = first.reverse(axis), second.reverse(axis)
    windows = [place for one in (first, second) for place in one.places if len(place.terms) == 2]
    if any(factor_of < 0 for place in windows for factor_of in place.terms.values()):
        return None
    return total._replace(first=first, second=second)


def lay_out(factor: Factor, axes: Sequence[Node]) -> Node:
    """Return a factor as a tensor with one dimension for each axis, of size 1 where it is none."""
    node = cut(factor.node, {at: place.range for at, place in enumerate(factor.places)})
    kept = [at for at, place in enumerate(factor.places) if place.terms]
    node = reshape_to(node, tuple(node.shape[at] for at in kept))
    order: list[Node] = []
    for at, place in enumerate(factor.places[one] for one in kept):
        (axis, step), *rest = place.terms.items()
        order.append(axis)
        if step < 0:
            node = flip(node, attributes=FlipAttributes((at,)))
        elif step > 1 and not rest:
            node = slide(node, attributes=SlideAttributes(at, None, known_extent(axis), step, 0))
    for at, place in enumerate(factor.places[one] for one in kept):
        if len(place.terms) == 2:
            (axis, step), (along, dilation) = place.terms.items()
            rank = len(order)
            wide = reshape_to(node, (*node.shape, 1))
            wide = expand_to(wide, (*node.shape, known_extent(along)))
            attributes = SlideAttributes(at, rank, known_extent(axis), step, dilation)
            node = slide(wide, attributes=attributes)
            order.append(along)
    present = [axis for axis in axes if axis in order]
    node = permute_axes(node, [order.index(axis) for axis in present])
    return reshape_to(node, tuple(known_extent(axis) if axis in order else 1 for axis in axes))


def cut(node: Node, ranges: Mapping[int, tuple[int, int]]) -> Node:
    """Return the part of a tensor from a first to a last position of some axes, zeros around it."""
    shape = known_shape(node)
    padding, bounds = [(0, 0)] * len(shape), [(0, size) for size in shape]
    for axis, (low, high) in ranges.items():
        size = shape[axis]
        before = max(0, -low)
        padding[axis] = (before, max(0, high + 1 - size))
        bounds[axis] = (low + before, high + 1 + before)
    return shrink_to(pad_with(node, tuple(padding)), tuple(bounds))

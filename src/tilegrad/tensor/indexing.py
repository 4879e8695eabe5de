"""Reading and writing parts of a tensor with ``[]``.

Every kind of index that NumPy knows is taken, with its rules for where the axes of index arrays
stand in the result. What is read is a value of its own; writing makes a new value underneath, so
that nothing read before changes. Indices in Python's integers and lists, and in NumPy's arrays, are
checked; those in tensors are not known when the expression is built: where they are out of range, 0
(False) is read and nothing is written. A mask is realised, as the shape depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import indexing, symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import filled, pad_with, permute_axes, reshape_to, shrink_to
from tilegrad.tensor import nodes
from tilegrad.tensor.base import TensorBase, is_operand
from tilegrad.tensor.broadcasting import fit
from tilegrad.tensor.conversion import node_of
from tilegrad.tensor.index_plan import Plan, Range, plan_index
from tilegrad.tensor.loss import Loss
from tilegrad.tensor.mutation import Mutation, check_kind
from tilegrad.tensor.size import Index


class Indexing(Loss, Mutation):
    """``tensor[index]`` and ``tensor[index] = value``."""

    __slots__ = ()

    def __getitem__(self, index: object) -> Self:
        node = self.node
        plan = plan_index(index, node.shape, self.device)
        node = reshape_to(_select(node, plan.ranges), plan.layout)
        if plan.arrays:
            node = indexing.gather_from(node, plan.arrays, plan.axes)
            node = _move_front(node, len(plan.arrays[0].shape), plan.place)
        return self.with_node(node)

    def __setitem__(self, index: object, value: object) -> None:
        dtype = self.node.dtype
        source = self.as_operand(value) if is_operand(value) else node_of(value, None, self.device)
        if source.dtype is not dtype:
            check_kind(source.dtype, dtype)
            source = cast_to(source, dtype)
        mask = self._lone_mask(index, source)
        if mask is not None:
            self.set_value(nodes.where(mask, nodes.with_rank(source, self.ndim), self.node))
            return
        plan = plan_index(index, self.node.shape, self.device)
        self.set_value(_write(self.node, plan, source))

    def _lone_mask(self, index: object, value: Node) -> Node | None:
        """Return a mask to choose by, if the index is one and the value needs no counting."""
        if isinstance(index, numpy.ndarray):
            is_mask = index.dtype.kind == "b"
        else:
            is_mask = isinstance(index, TensorBase) and index.node.dtype.is_boolean
        if not is_mask:
            return None
        node = self.as_operand(index)
        covered, shape = len(node.shape), self.node.shape
        rest = shape[covered:]
        fits = len(value.shape) <= len(rest) and all(
            size in (1, other) for size, other in zip(value.shape[::-1], rest[::-1], strict=False)
        )
        if covered == 0 or node.shape != shape[:covered] or not fits:
            return None
        return reshape_to(node, node.shape + (1,) * len(rest))

    def __iter__(self) -> Iterator[Self]:
        return (self[place] for place in range(len(self)))

    def __contains__(self, value: object) -> bool:
        return bool((self == value).any())


def _select(node: Node, ranges: tuple[Range, ...]) -> Node:
    """Return the parts of the axes that the ranges name."""
    if all(part.is_whole(size) for part, size in zip(ranges, node.shape, strict=True)):
        return node
    node = shrink_to(node, tuple((part.start, part.stop) for part in ranges))
    node = nodes.flip(node, tuple(axis for axis, part in enumerate(ranges) if part.is_reversed))
    for axis, part in enumerate(ranges):
        node = nodes.take_every(node, axis, part.step)
    return node


def _put_back(node: Node, ranges: tuple[Range, ...], shape: nodes.Shape) -> Node:
    """Return the parts at their places among zeros; axes of size 1 that are whole stay so."""
    padding: list[tuple[Index, Index]] = []
    for axis, (part, size) in enumerate(zip(ranges, shape, strict=True)):
        if part.is_whole(size):
            padding.append((0, 0))
            continue
        if part.step != 1:
            extent = symbolic.subtract(part.stop, part.start)
            node = nodes.unslide(node, axis, None, extent, (part.step, 0))
        padding.append((part.start, symbolic.subtract(size, part.stop)))
    flipped = tuple(axis for axis, part in enumerate(ranges) if part.is_reversed)
    return pad_with(nodes.flip(node, flipped), tuple(padding))


def _move_front(node: Node, count: int, place: int) -> Node:
    """Return the node with its first ``count`` axes moved to ``place``."""
    if place == 0:
        return node
    first, rest = range(count), range(count, len(node.shape))
    return permute_axes(node, (*rest[:place], *first, *rest[place:]))


def _write(node: Node, plan: Plan, value: Node) -> Node:
    """Return the node with a value written where the plan says."""
    value = fit(value, plan.result_shape, "what the index selects")
    shape = node.shape
    sizes = tuple(part.length for part in plan.ranges)
    if plan.arrays:
        base = reshape_to(_select(node, plan.ranges), plan.layout)
        count = len(plan.arrays[0].shape)
        order = range(len(value.shape))
        common = order[plan.place : plan.place + count]
        others = [axis for axis in order if axis not in common]
        updates = permute_axes(value, (*common, *others))
        value = indexing.scatter_into(base, updates, plan.arrays, plan.axes, "set")
    value = reshape_to(value, sizes)
    if all(part.is_whole(size) for part, size in zip(plan.ranges, shape, strict=True)):
        return value
    partial = tuple(
        1 if part.is_whole(size) else part.length
        for part, size in zip(plan.ranges, shape, strict=True)
    )
    mask = _put_back(filled(True, dtypes.bool, partial), plan.ranges, shape)
    return nodes.where(mask, _put_back(value, plan.ranges, shape), node)

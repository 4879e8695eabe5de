"""How each tensor op reads its sources: the index a source is read at, and where it may be read.

An index is a tuple with one symbolic integer per axis of the tensor. A movement op only changes
the index; padding adds the condition under which the source exists (elsewhere the value is zero).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tilegrad.base.errors import CompileError
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, Shape, attributes_of
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.graph import contiguous, detach
from tilegrad.ops.markers import barrier
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    FlipAttributes,
    PadAttributes,
    PermuteAttributes,
    ShrinkAttributes,
    expand,
    flip,
    pad,
    permute,
    reshape,
    shrink,
)
from tilegrad.ops.symbolic import Condition
from tilegrad.ops.windows import SlideAttributes, UnslideAttributes, slide, unslide

Indices = tuple[Index, ...]


class Read(NamedTuple):
    """An index into a source and the condition under which the source has such an element."""

    indices: Indices
    condition: Condition = True


def read_broadcast(source: Node, indices: Indices) -> Indices:
    """Return the index of an elementwise source: sizes of 1 and scalars are repeated."""
    shape = source.shape
    if not shape:
        return ()
    if 1 not in shape:
        return indices
    return tuple(0 if size == 1 else at for at, size in zip(indices, shape, strict=True))


def flatten(indices: Indices, shape: Shape) -> Index:
    """Return the row-major position of an index in a contiguous buffer of this shape."""
    stride: Index = 1
    parts: list[Index] = []
    for at, size in zip(reversed(indices), reversed(shape), strict=True):
        if at != 0:
            parts.append(symbolic.multiply(at, stride))
        stride = symbolic.multiply(stride, size) if size != 1 else stride
    return symbolic.add(*parts)


def unflatten(position: Index, shape: Shape) -> Indices:
    """Return the index of a row-major position in a buffer of this shape."""
    indices: list[Index] = []
    rest = position
    for axis in range(len(shape) - 1, -1, -1):
        size = shape[axis]
        if size == 1:
            indices.append(0)
        elif all(other == 1 for other in shape[:axis]):
            indices.append(rest)
            rest = 0
        else:
            indices.append(symbolic.modulo(rest, size))
            rest = symbolic.floor_divide(rest, size)
    return tuple(reversed(indices))


def read_reshape(shape: Shape, source_shape: Shape, indices: Indices) -> Indices:
    """Return the source index of a reshape, group by group of axes with equal products."""
    result: list[Index] = []
    to, to_end = 0, len(shape)
    start, end = 0, len(source_shape)
    while to < to_end or start < end:
        to_stop, stop = _next_group(shape, to, source_shape, start)
        group, source_group = shape[to:to_stop], source_shape[start:stop]
        if group == source_group:
            result.extend(indices[to:to_stop])
        else:
            result.extend(unflatten(flatten(indices[to:to_stop], group), source_group))
        to, start = to_stop, stop
    return tuple(result)


def _next_group(shape: Shape, to: int, source_shape: Shape, start: int) -> tuple[int, int]:
    """Return the ends of the shortest runs of axes from here with equal products."""
    left: Index = 1
    right: Index = 1
    to_stop, stop = to, start
    if to_stop < len(shape):
        left = shape[to_stop]
        to_stop += 1
    if stop < len(source_shape):
        right = source_shape[stop]
        stop += 1
    while left != right and (to_stop < len(shape) or stop < len(source_shape)):
        if stop == len(source_shape) or (to_stop < len(shape) and _is_smaller(left, right)):
            left = symbolic.multiply(left, shape[to_stop])
            to_stop += 1
        else:
            right = symbolic.multiply(right, source_shape[stop])
            stop += 1
    return to_stop, stop


def _is_smaller(left: Index, right: Index) -> bool:
    return isinstance(left, int) and (not isinstance(right, int) or left < right)


def _read_reshape(node: Node, indices: Indices) -> Read:
    return Read(read_reshape(node.shape, node.sources[0].shape, indices))


def _read_permute(node: Node, indices: Indices) -> Read:
    order = attributes_of(node, PermuteAttributes).order
    result: list[Index] = [0] * len(order)
    for position, axis in enumerate(order):
        result[axis] = indices[position]
    return Read(tuple(result))


def _read_expand(node: Node, indices: Indices) -> Read:
    return Read(read_broadcast(node.sources[0], indices))


def _read_pad(node: Node, indices: Indices) -> Read:
    result: list[Index] = []
    conditions: list[Condition] = []
    sizes = node.sources[0].shape
    padding = attributes_of(node, PadAttributes).padding
    for at, (before, after), size in zip(indices, padding, sizes, strict=True):
        if before == 0 and after == 0:
            result.append(at)
            continue
        moved = symbolic.subtract(at, before)
        conditions += [symbolic.less_equal(0, moved), symbolic.less(moved, size)]
        result.append(moved)
    return Read(tuple(result), symbolic.logical_and(*conditions))


def _read_shrink(node: Node, indices: Indices) -> Read:
    bounds = attributes_of(node, ShrinkAttributes).bounds
    return Read(
        tuple(symbolic.add(at, start) for at, (start, _) in zip(indices, bounds, strict=True))
    )


def _read_flip(node: Node, indices: Indices) -> Read:
    result = list(indices)
    for axis in attributes_of(node, FlipAttributes).axes:
        result[axis] = symbolic.subtract(symbolic.add(node.shape[axis], -1), indices[axis])
    return Read(tuple(result))


def _read_slide(node: Node, indices: Indices) -> Read:
    attributes = attributes_of(node, SlideAttributes)
    result = list(indices)
    step = 0 if attributes.along is None else indices[attributes.along]
    result[attributes.axis] = symbolic.add(
        symbolic.multiply(indices[attributes.axis], attributes.stride),
        symbolic.multiply(step, attributes.dilation),
    )
    return Read(tuple(result))


def _read_unslide(node: Node, indices: Indices) -> Read:
    attributes = attributes_of(node, UnslideAttributes)
    axis, stride = attributes.axis, attributes.stride
    step = 0 if attributes.along is None else indices[attributes.along]
    scaled = symbolic.subtract(indices[axis], symbolic.multiply(step, attributes.dilation))
    result = list(indices)
    result[axis] = symbolic.floor_divide(scaled, stride)
    return Read(
        tuple(result),
        symbolic.logical_and(
            symbolic.equal(symbolic.modulo(scaled, stride), 0),
            symbolic.less_equal(0, scaled),
            symbolic.less(result[axis], node.sources[0].shape[axis]),
        ),
    )


def list_parts(node: Node, indices: Indices) -> list[tuple[Node, Indices, Condition]]:
    """Return what a concatenation is made of: tensors, where they are read, and before which end.

    The condition says that an index is not beyond a part; it may be before it.
    """
    axis = attributes_of(node, ConcatenateAttributes).axis
    parts: list[tuple[Node, Indices, Condition]] = []
    start: Index = 0
    for source in node.sources:
        moved = list(indices)
        moved[axis] = symbolic.subtract(indices[axis], start)
        start = symbolic.add(start, source.shape[axis])
        parts.append((source, tuple(moved), symbolic.less(indices[axis], start)))
    return parts


def _read_same(node: Node, indices: Indices) -> Read:
    del node
    return Read(indices)


_READS: dict[Op, Callable[[Node, Indices], Read]] = {
    contiguous: _read_same,
    detach: _read_same,
    barrier: _read_same,
    reshape: _read_reshape,
    permute: _read_permute,
    expand: _read_expand,
    pad: _read_pad,
    shrink: _read_shrink,
    flip: _read_flip,
    slide: _read_slide,
    unslide: _read_unslide,
}


def read_movement(node: Node, indices: Indices) -> Read:
    """Return where a movement op's source is read for an element of its result.

    Raises:
        CompileError: the op is not a movement op with one source.
    """
    rule = _READS.get(node.op)
    if rule is None:
        raise CompileError(f"{node.op.name} has no index rule", got=node)
    return rule(node, indices)


class Movements:
    """Answers where movement ops read their sources, once for all that are alike.

    Layers of one shape are many in a network, and each of them is looked at by several passes.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Op, object, Shape, Indices], Read] = {}

    def read(self, node: Node, indices: Indices) -> Read:
        """Return the same as ``read_movement``."""
        key = node.op, node.attributes, node.sources[0].shape, indices
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = read_movement(node, indices)
        return found


def is_movement(node: Node) -> bool:
    """Whether the op only changes the index at which its one source is read."""
    return node.op in _READS

"""Which sources of a scatter must lie in memory, and what is known of the others.

A base of one value is written rather than copied, and an index that is nothing but the position
along one of its own axes (as all but one are in ``scatter_add`` and in the gradient of
``take_along_axis``) is counted rather than loaded; places along that axis are then known to be
independent of each other.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops.conversion import cast
from tilegrad.ops.indexing import scatter
from tilegrad.ops.leaves import IotaAttributes, Number, constant_op, iota, value_of
from tilegrad.ops.movement import PermuteAttributes, expand, permute, reshape

_NARROWEST = 32
"""Bits of an integer that every position fits into."""


class ScatterSources(NamedTuple):
    """The sources of a scatter.

    Attributes:
        indices: for each index the dtype of its tensor, or the axis whose position it is.
        fill: the value of all elements of the base, or None if the base is stored.
        stored: the sources that must lie in memory: base, updates, index tensors.
    """

    indices: tuple[DType | int, ...]
    fill: Number | None
    stored: tuple[Node, ...]


def find_scatter_sources(node: Node) -> ScatterSources:
    """Return what is known of the sources of a ``scatter``."""
    base, updates, *indices = node.sources
    fill = _find_value(base)
    taken: set[int] = set()
    kinds: list[DType | int] = []
    for index in indices:
        axis = _find_position(index)
        is_free = axis is not None and axis not in taken
        kinds.append(axis if is_free and axis is not None else index.dtype)
        taken.update([axis] if axis is not None else [])
    arrays = [index for index, kind in zip(indices, kinds, strict=True) if isinstance(kind, DType)]
    kept = [] if fill is not None else [base]
    return ScatterSources(tuple(kinds), fill, (*kept, updates, *arrays))


def stored_sources(node: Node) -> tuple[Node, ...]:
    """Return the sources that the kernel of an op with a kernel of its own loads."""
    return find_scatter_sources(node).stored if node.op is scatter else node.sources


def _find_value(node: Node) -> Number | None:
    """Return the value of all elements of a tensor, if it is a constant in another shape."""
    while node.op in (reshape, expand, permute):
        node = node.sources[0]
    return value_of(node) if node.op is constant_op else None


def _find_position(node: Node) -> int | None:
    """Return the axis whose position every element of a tensor is, if there is one."""
    if node.op is iota:
        return attributes_of(node, IotaAttributes).axis
    if node.op is cast:
        is_whole = node.dtype.is_integer and node.dtype.bits >= _NARROWEST
        return _find_position(node.sources[0]) if is_whole else None
    if node.op not in (reshape, expand, permute):
        return None
    (source,) = node.sources
    axis = _find_position(source)
    if axis is None:
        return None
    if node.op is permute:
        return attributes_of(node, PermuteAttributes).order.index(axis)
    if node.op is expand:
        return axis if source.shape[axis] == node.shape[axis] else None
    return _follow_reshape(source, axis, node)


def _follow_reshape(source: Node, axis: int, node: Node) -> int | None:
    """Return where an axis goes in a reshape that only adds or drops axes of size 1."""
    before = [number for number, size in enumerate(source.shape) if size != 1]
    after = [number for number, size in enumerate(node.shape) if size != 1]
    sizes_match = [source.shape[i] for i in before] == [node.shape[i] for i in after]
    if not sizes_match or axis not in before:
        return None
    return after[before.index(axis)]

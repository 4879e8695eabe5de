"""Joining, splitting and repeating along axes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Self, TypeVar

import numpy

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, ShapeError
from tilegrad.engine import current_session
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.movement import expand_to, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import as_integer, resolve_axis, spread
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.broadcasting import show_shape, unify_dtypes
from tilegrad.tensor.conversion import realize
from tilegrad.tensor.einsum import Einsum
from tilegrad.tensor.size import Index, Size, as_index, as_size

T = TypeVar("T", bound=TensorBase)


class Joining(Einsum):
    """``cat``, ``stack``, ``split``, ``chunk``, ``repeat``, ``roll`` and their relatives."""

    __slots__ = ()

    def cat(
        self: Self | Sequence[Self], *args: Self, dim: int = 0, axis: int | None = None
    ) -> Self:
        """Return tensors joined along an axis, in their common dtype.

        Call it on a tensor, ``a.cat(b, dim=1)``, or on the class, ``Tensor.cat(a, b)`` or
        ``Tensor.cat([a, b])``.

        Args:
            args: the other tensors.
            dim: the axis.
            axis: the same as ``dim``.

        Raises:
            ShapeError: they differ in another axis, or are scalars.
        """
        leader, found = _collect(self, args)
        rank = len(found[0].shape)
        if rank == 0:
            raise ShapeError("a scalar has no axis to join along", mend="use .stack")
        place = resolve_axis(dim if axis is None else axis, rank)
        rest = [node.shape[:place] + node.shape[place + 1 :] for node in found]
        for node, other in zip(found, rest, strict=True):
            if len(node.shape) != rank or other != rest[0]:
                raise ShapeError(
                    f"cat: the shapes differ elsewhere than at axis {place}",
                    got=f"{show_shape(found[0].shape)} and {show_shape(node.shape)}",
                )
        return leader.with_node(nodes.concatenate(found, place))

    def stack(
        self: Self | Sequence[Self], *args: Self, dim: int = 0, axis: int | None = None
    ) -> Self:
        """Return tensors of one shape joined along a new axis; called as ``cat``.

        Raises:
            ShapeError: the shapes differ.
        """
        leader, found = _collect(self, args)
        place = resolve_axis(dim if axis is None else axis, len(found[0].shape) + 1)
        for node in found:
            if node.shape != found[0].shape:
                raise ShapeError(
                    "stack: the shapes differ",
                    got=f"{show_shape(found[0].shape)} and {show_shape(node.shape)}",
                    expected="equal shapes",
                )
        parts = [nodes.insert_axis(node, place) for node in found]
        return leader.with_node(nodes.concatenate(parts, place))

    def split(
        self, sizes: int | Sequence[int], dim: int = 0, *, axis: int | None = None
    ) -> tuple[Self, ...]:
        """Return consecutive parts along an axis.

        Args:
            sizes: the size of each part (the last may be smaller), or a list of all sizes.
            dim: the axis.
            axis: the same as ``dim``.

        Raises:
            ArgumentError: the sizes do not add up to the axis, or the size is not positive.
        """
        place, extent = self._static_axis(dim if axis is None else axis, "split")
        if isinstance(sizes, int):
            if sizes < 1:
                raise ArgumentError("split: the size of a part", got=sizes, expected="1 or more")
            parts = [min(sizes, extent - start) for start in range(0, extent, sizes)] or [0]
        else:
            parts = list(sizes)
        if sum(parts) != extent or min(parts, default=0) < 0:
            raise ArgumentError(
                "split: the sizes do not add up to the axis",
                got=f"{parts}, together {sum(parts)}",
                expected=f"{extent} at axis {place} of {show_shape(self.node.shape)}",
            )
        stops = itertools.accumulate(parts)
        return tuple(
            self.with_node(nodes.shrink_axis(self.node, place, stop - size, stop))
            for size, stop in zip(parts, stops, strict=True)
        )

    def chunk(self, chunks: int, dim: int = 0, *, axis: int | None = None) -> tuple[Self, ...]:
        """Return at most ``chunks`` consecutive parts of equal size (the last may be smaller).

        Of an axis of size 0 there are as many parts as are asked for.

        Raises:
            ArgumentError: the number is not positive.
        """
        place, extent = self._static_axis(dim if axis is None else axis, "chunk")
        if chunks < 1:
            raise ArgumentError("chunk: the number of parts", got=chunks, expected="1 or more")
        if extent == 0:
            return self.split([0] * chunks, place)
        return self.split(-(-extent // chunks), place)

    def unbind(self, dim: int = 0, *, axis: int | None = None) -> tuple[Self, ...]:
        """Return the slices along an axis, each without it."""
        place, extent = self._static_axis(dim if axis is None else axis, "unbind")
        parts = (nodes.shrink_axis(self.node, place, i, i + 1) for i in range(extent))
        return tuple(self.with_node(nodes.drop_axes(part, (place,))) for part in parts)

    def _static_axis(self, dim: int, what: str) -> tuple[int, int]:
        place = resolve_axis(dim, len(self.node.shape))
        return place, as_integer(self.shape[place], f"{what}: the size of the axis")

    def repeat(self, *repeats: Size | Sequence[Size]) -> Self:
        """Return the whole tensor repeated along each axis.

        Args:
            repeats: how often, for each axis; further ones add axes in front.

        Raises:
            ArgumentError: there are fewer numbers than axes.
        """
        counts = tuple(as_index(count) for count in spread(repeats))
        missing = len(counts) - len(self.node.shape)
        if missing < 0:
            raise ArgumentError(
                "repeat needs a number for each axis",
                got=f"{len(counts)} numbers",
                expected=f"{len(self.node.shape)} or more",
            )
        shape = (1,) * missing + self.node.shape
        return self.with_node(_tile(reshape_to(self.node, shape), counts, is_inner=False))

    tile = repeat

    def repeat_interleave(
        self, repeats: int | TensorBase, dim: int | None = None, *, axis: int | None = None
    ) -> Self:
        """Return each element repeated, along one axis or (None) along the flattened tensor.

        Args:
            repeats: how often; or for each position how often, in which case these numbers are
                realised, as the size depends on them.
            dim: the axis.
            axis: the same as ``dim``.

        Raises:
            ArgumentTypeError: ``repeats`` is neither an integer nor a tensor.
            ShapeError: there are not as many numbers as positions.
        """
        chosen = dim if axis is None else axis
        node = self.node
        if chosen is None:
            node = reshape_to(node, (symbolic.multiply_all(node.shape),))
        place = resolve_axis(0 if chosen is None else chosen, len(node.shape))
        if isinstance(repeats, TensorBase):
            return self.with_node(_repeat_each(node, place, repeats))
        counts = [1] * len(node.shape)
        counts[place] = as_integer(repeats, "repeats")
        return self.with_node(_tile(node, tuple(counts), is_inner=True))

    def roll(
        self,
        shifts: int | Sequence[int],
        dims: int | Sequence[int] | None = None,
        *,
        axis: int | Sequence[int] | None = None,
    ) -> Self:
        """Return the tensor shifted along axes; what leaves at one end comes in at the other.

        Args:
            shifts: by how many places, for each axis.
            dims: the axes; None shifts the flattened tensor.
            axis: the same as ``dims``.

        Raises:
            ArgumentError: there are not as many shifts as axes.
        """
        chosen = dims if axis is None else axis
        if chosen is None:
            flat = self.flatten().roll(shifts, 0)
            return flat.with_node(reshape_to(flat.node, self.node.shape))
        places = [chosen] if isinstance(chosen, int) else list(chosen)
        amounts = [shifts] if isinstance(shifts, int) else list(shifts)
        if len(amounts) == 1:
            amounts *= len(places)
        if len(places) != len(amounts):
            raise ArgumentError(
                "roll needs a shift for each axis", got=f"{amounts} for axes {places}"
            )
        node = self.node
        for place, amount in zip(places, amounts, strict=True):
            node = _roll(node, resolve_axis(place, len(node.shape)), amount)
        return self.with_node(node)


def _collect(first: T | Sequence[T], rest: tuple[T, ...]) -> tuple[T, list[Node]]:
    """Return the tensors of a call, one of them for its device, and all as nodes of one dtype."""
    tensors = [*first, *rest] if isinstance(first, (tuple, list)) else [first, *rest]
    if not tensors:
        raise ArgumentError("there is nothing to join", got="no tensor")
    leader = tensors[0]
    if not isinstance(leader, TensorBase):
        raise ArgumentTypeError("only tensors can be joined", got=type(leader).__name__)
    return leader, list(unify_dtypes(*(leader.as_operand(tensor) for tensor in tensors)))


def _repeat_each(node: Node, axis: int, repeats: TensorBase) -> Node:
    """Return the node with each position along an axis as often as a number says."""
    realize(repeats)
    session = current_session()
    counts = session.read(repeats.node)
    size = node.shape[axis]
    if counts.ndim > 1 or counts.size not in (1, size):
        raise ShapeError(
            "repeat_interleave needs a number for each position",
            got=show_shape(repeats.node.shape),
            expected=f"({size},)",
        )
    order = numpy.repeat(numpy.arange(as_integer(as_size(size), "the axis")), counts)
    places = session.from_numpy(order, repeats.device)
    return nodes.take(node, axis, places)


def _tile(node: Node, counts: tuple[Index, ...], *, is_inner: bool) -> Node:
    """Return the node repeated: each element in place (inner), or the whole axis (outer)."""
    apart: list[Index] = []
    grown: list[Index] = []
    joined: list[Index] = []
    for size, count in zip(node.shape, counts, strict=True):
        if count == 1:
            apart.append(size)
            grown.append(size)
            joined.append(size)
            continue
        apart += (size, 1) if is_inner else (1, size)
        grown += (size, count) if is_inner else (count, size)
        joined.append(symbolic.multiply(size, count))
    return reshape_to(expand_to(reshape_to(node, tuple(apart)), tuple(grown)), tuple(joined))


def _roll(node: Node, axis: int, amount: int) -> Node:
    size = node.shape[axis]
    if size == 0:
        return node
    start = symbolic.modulo(-amount, size)
    if start == 0:
        return node
    first = nodes.shrink_axis(node, axis, start, size)
    return nodes.concatenate((first, nodes.shrink_axis(node, axis, 0, start)), axis)

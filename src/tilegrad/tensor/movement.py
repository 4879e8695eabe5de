"""Movement: the same elements under another shape or in another order, repeated or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError, OutOfRangeError, ShapeError
from tilegrad.ir.node import Node, intern
from tilegrad.ops import graph, symbolic
from tilegrad.ops.movement import permute_axes, reshape_to, shrink_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import (
    Axes,
    as_integer,
    resolve_axes,
    resolve_axis,
    resolve_shape,
    spread,
)
from tilegrad.tensor.functions import Functions
from tilegrad.tensor.size import Index, Size, as_index, as_size

Span = tuple[Size, Size]


class Movement(Functions):
    """Shapes, orders of axes, repetition and parts."""

    __slots__ = ()

    def reshape(self, *shape: Size | Sequence[Size]) -> Self:
        """Return the elements in row-major order under another shape.

        Args:
            shape: the sizes, one by one or as one sequence; one of them may be -1 and follows from
                the others.

        Raises:
            ShapeError: the number of elements differs.
        """
        sizes = tuple([size if type(size) is int else as_index(size) for size in spread(shape)])
        if -1 in sizes:
            sizes = _infer_size(self.node.shape, sizes)
        return self.with_node(reshape_to(self.node, sizes))

    view = reshape

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Self:
        """Return the tensor with a run of axes joined into one (a scalar gets one axis).

        Args:
            start_dim: first axis of the run.
            end_dim: last axis of the run, included.

        Raises:
            OutOfRangeError: there is no such axis.
            ArgumentError: the last axis comes before the first.
        """
        shape = self.node.shape
        if not shape:
            return self.with_node(reshape_to(self.node, (1,)))
        start, end = resolve_axis(start_dim, len(shape)), resolve_axis(end_dim, len(shape))
        if end < start:
            raise ArgumentError(
                "flatten ends before it starts",
                got=f"axes {start_dim} to {end_dim} of {len(shape)}",
                expected="start_dim at or before end_dim",
            )
        joined = symbolic.multiply_all(shape[start : end + 1])
        return self.with_node(reshape_to(self.node, (*shape[:start], joined, *shape[end + 1 :])))

    def unflatten(self, dim: int, sizes: Sequence[Size]) -> Self:
        """Return the tensor with one axis split into several, one of which may be -1."""
        shape = self.node.shape
        axis = resolve_axis(dim, len(shape))
        parts = tuple(as_index(size) for size in sizes)
        if -1 in parts:
            parts = _infer_size((shape[axis],), parts)
        return self.with_node(reshape_to(self.node, shape[:axis] + parts + shape[axis + 1 :]))

    def squeeze(self, dim: Axes = None, *, axis: Axes = None) -> Self:
        """Return the tensor without its axes of size 1.

        Args:
            dim: the axes to drop where their size is 1; all for None.
            axis: the same as ``dim``.
        """
        shape = self.node.shape
        chosen = resolve_axes(dim if axis is None else axis, len(shape))
        return self.with_node(nodes.drop_axes(self.node, tuple(i for i in chosen if shape[i] == 1)))

    def unsqueeze(self, dim: int) -> Self:
        """Return the tensor with an axis of size 1 put in at ``dim``.

        Raises:
            OutOfRangeError: there is no such place.
        """
        return self.with_node(
            nodes.insert_axis(self.node, resolve_axis(dim, len(self.node.shape) + 1))
        )

    def permute(self, *order: int | Sequence[int]) -> Self:
        """Return the tensor with its axes in another order: result axis i is axis ``order[i]``.

        Raises:
            ShapeError: the order does not name every axis once.
        """
        rank = len(self.node.shape)
        axes = tuple(resolve_axis(axis, rank) for axis in spread(order))
        return self.with_node(permute_axes(self.node, axes))

    def transpose(self, dim0: int = 1, dim1: int = 0) -> Self:
        """Return the tensor with two axes exchanged."""
        rank = len(self.node.shape)
        first, second = resolve_axis(dim0, rank), resolve_axis(dim1, rank)
        order = list(range(rank))
        order[first], order[second] = second, first
        return self.with_node(permute_axes(self.node, order))

    swapaxes = transpose

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Self:
        """Return the tensor with axes moved to other places, the rest kept in order.

        Raises:
            ArgumentError: there are not as many destinations as sources, or one is named twice.
        """
        rank = len(self.node.shape)
        sources = [source] if isinstance(source, int) else list(source)
        places = [destination] if isinstance(destination, int) else list(destination)
        if len(sources) != len(places):
            raise ArgumentError(
                "movedim needs as many destinations as sources", got=f"{sources} to {places}"
            )
        resolve_axes(sources, rank), resolve_axes(places, rank)
        target = {
            resolve_axis(place, rank): resolve_axis(axis, rank)
            for place, axis in zip(places, sources, strict=True)
        }
        rest = iter(axis for axis in range(rank) if axis not in target.values())
        order = [target[place] if place in target else next(rest) for place in range(rank)]
        return self.with_node(permute_axes(self.node, order))

    moveaxis = movedim

    @property
    def T(self) -> Self:  # noqa: N802 - as in NumPy and PyTorch
        """The tensor with its axes in reverse order."""
        return self.with_node(permute_axes(self.node, range(len(self.node.shape))[::-1]))

    @property
    def mT(self) -> Self:  # noqa: N802 - as in NumPy and PyTorch
        """The tensor with its last two axes exchanged."""
        if len(self.node.shape) < 2:
            raise ShapeError("mT needs two axes or more", got=f"shape {self.node.shape}")
        return self.transpose(-2, -1)

    def expand(self, *shape: Size | Sequence[Size]) -> Self:
        """Return the tensor with axes of size 1 repeated, without copying.

        Args:
            shape: the sizes; -1 keeps an axis. More sizes than axes add axes in front.

        Raises:
            ShapeError: an axis whose size is not 1 would change, or there are too few sizes.
        """
        sizes = tuple(as_index(size) for size in spread(shape))
        source = self.node.shape
        missing = len(sizes) - len(source)
        if missing < 0:
            raise ShapeError(
                "expand got fewer sizes than there are axes",
                got=f"{source} to {sizes}",
                expected=f"at least {len(source)} sizes",
            )
        kept = (None,) * missing + source
        full = tuple(
            old if new == -1 and old is not None else new
            for old, new in zip(kept, sizes, strict=True)
        )
        return self.with_node(nodes.expand(self.node, full))

    def expand_as(self, other: Movement) -> Self:
        """Return the tensor repeated to the shape of another."""
        return self.with_node(nodes.expand(self.node, other.node.shape))

    def reshape_as(self, other: Movement) -> Self:
        """Return the elements under the shape of another tensor."""
        return self.with_node(reshape_to(self.node, other.node.shape))

    def broadcast_to(self, shape: Sequence[Size]) -> Self:
        """Return the tensor repeated to a shape, as ``expand``."""
        return self.with_node(nodes.expand(self.node, resolve_shape((shape,))))

    def flip(self, *axis: int | Sequence[int]) -> Self:
        """Return the tensor in reverse order along some axes (all, if none are named)."""
        axes = spread(axis)
        found = resolve_axes(axes or None, len(self.node.shape))
        return self.with_node(nodes.flip(self.node, found))

    def shrink(self, arg: Sequence[Span | None]) -> Self:
        """Return the part between two positions along each axis.

        Args:
            arg: for each axis ``(start, stop)``, or None for all of it.

        Raises:
            OutOfRangeError: a position lies outside.
        """
        shape = self.node.shape
        if len(arg) != len(shape):
            raise ShapeError(
                "shrink needs one range for each axis",
                got=f"{len(arg)} ranges",
                expected=f"{len(shape)} for shape {shape}",
            )
        bounds = tuple(
            (0, size) if pair is None else (as_index(pair[0]), as_index(pair[1]))
            for pair, size in zip(arg, shape, strict=True)
        )
        return self.with_node(shrink_to(self.node, bounds))

    def shrink_to(self, *shape: Size | Sequence[Size | None] | None) -> Self:
        """Return the first elements along each axis, down to a shape (None keeps an axis)."""
        ends = [None if size is None else (0, size) for size in spread(shape)]
        return self.shrink(ends)

    def narrow(self, dim: int, start: Size, length: Size) -> Self:
        """Return ``length`` elements from ``start`` on along one axis."""
        axis = resolve_axis(dim, len(self.node.shape))
        first = as_index(start)
        stop = symbolic.add(first, as_index(length))
        return self.with_node(nodes.shrink_axis(self.node, axis, first, stop))

    def unfold(self, dim: int, size: int, step: int) -> Self:
        """Return windows of an axis; the positions within a window become the last axis.

        Args:
            dim: the axis.
            size: the length of a window.
            step: the distance between windows.

        Raises:
            OutOfRangeError: a window is longer than the axis.
            ArgumentError: the step is not positive.
        """
        shape = self.node.shape
        axis = resolve_axis(dim, len(shape))
        size, step = as_integer(size, "size"), as_integer(step, "step")
        if step < 1 or size < 0:
            raise ArgumentError(
                "these windows make no sense", got=f"size {size}, step {step}", expected="step ≥ 1"
            )
        if symbolic.less(shape[axis], size) is True:
            raise OutOfRangeError(
                "the window is longer than the axis", got=size, expected=f"at most {shape[axis]}"
            )
        count = symbolic.add(symbolic.floor_divide(symbolic.subtract(shape[axis], size), step), 1)
        wide = nodes.expand(nodes.insert_axis(self.node, len(shape)), (*shape, size))
        return self.with_node(nodes.slide(wide, axis, len(shape), count, (step, 1)))

    def contiguous(self) -> Self:
        """Return the value itself, computed once and laid out in memory row by row."""
        return self.with_node(intern(graph.contiguous, (self.node,)))

    def detach(self) -> Self:
        """Return the value without its history: no gradient flows through it."""
        if not self.node.dtype.is_float:
            return self.with_node(self.node)
        return self.with_node(intern(graph.detach, (self.node,)))

    def size(self, dim: int | None = None) -> Size | tuple[Size, ...]:
        """Return the shape, or the size of one axis."""
        if dim is None:
            return self.shape
        return as_size(self.node.shape[resolve_axis(dim, len(self.node.shape))])


def _infer_size(before: tuple[Index, ...], sizes: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the sizes with -1 replaced by what the others leave."""
    unknown = [place for place, size in enumerate(sizes) if size == -1]
    if len(unknown) != 1:
        raise ArgumentError("this shape makes no sense", got=sizes, expected="at most one -1")
    known = symbolic.multiply_all(sizes[: unknown[0]] + sizes[unknown[0] + 1 :])
    count = symbolic.multiply_all(before)
    is_divisible = known != 0 and symbolic.equal(symbolic.modulo(count, known), 0) is not False
    if not is_divisible:
        raise ShapeError(
            "reshape: the size for -1 is not a whole number",
            got=f"{before} to {sizes}",
            expected=f"sizes whose product divides {_show(count)}",
        )
    missing = symbolic.floor_divide(count, known)
    return (*sizes[: unknown[0]], missing, *sizes[unknown[0] + 1 :])


def _show(count: Index) -> str:
    return "the number of elements" if isinstance(count, Node) else f"{count} elements"

"""Selecting and scattering elements by tensors of positions, masks, triangles and diagonals.

Positions in tensors are not known when the expression is built: negative ones count from the end;
where one is out of range, 0 (False) is read and nothing is written.
"""

from __future__ import annotations

from typing import Self

import numpy

from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import comparison, indexing, symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.elementwise import zero
from tilegrad.ops.movement import filled, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import resolve_axis
from tilegrad.tensor.base import Number, TensorBase
from tilegrad.tensor.broadcasting import show_shape, unify
from tilegrad.tensor.index_plan import wrap_negative
from tilegrad.tensor.indexing import Indexing
from tilegrad.tensor.size import Index, Size, as_index


class Selection(Indexing):
    """Gathering, triangles, diagonals, masks."""

    __slots__ = ()

    def gather(self, dim: int, index: TensorBase) -> Self:
        """Return self[.., index[i, j, ..] at dim, ..] for each place (i, j, ..) of the index.

        Args:
            dim: the axis.
            index: integers; its rank is this tensor's, its sizes elsewhere at most this tensor's.

        Raises:
            ShapeError: the index has another rank or is larger.
            DTypeError: it is no integer tensor.
        """
        axis = resolve_axis(dim, len(self.node.shape))
        places = self.as_places("gather", index, axis)
        return self.with_node(indexing.gather_along(self.node, places, axis))

    def as_places(self, name: str, index: TensorBase, axis: int) -> Node:
        """Return positions along an axis, checked, with negative ones counted from the end."""
        node = self.as_operand(index)
        shape = self.node.shape
        if not node.dtype.is_integer:
            raise DTypeError(f"{name}: positions are integers", got=node.dtype.name)
        fits = len(node.shape) == len(shape) and all(
            i == axis or symbolic.less(size, places) is not True
            for i, (places, size) in enumerate(zip(node.shape, shape, strict=False))
        )
        if not fits:
            raise ShapeError(
                f"{name}: the index does not fit the tensor",
                got=f"{show_shape(node.shape)} for {show_shape(shape)}",
                expected=f"equal ranks, and sizes that are no larger but at axis {axis}",
            )
        return wrap_negative(node, shape[axis])

    def take_along_axis(self, indices: TensorBase, axis: int = -1) -> Self:
        """Return the elements at positions along an axis; the other axes broadcast.

        Raises:
            ShapeError: the ranks differ, or the other axes do not broadcast.
        """
        node, index = self.node, self.as_operand(indices)
        place = resolve_axis(axis, len(node.shape))
        if len(index.shape) != len(node.shape):
            raise ShapeError(
                "take_along_axis needs an index of the same rank",
                got=f"{show_shape(index.shape)} for {show_shape(node.shape)}",
            )
        pairs = list(zip(node.shape, index.shape, strict=True))
        common = [other if size == 1 else size for size, other in pairs]
        common[place] = node.shape[place]
        data = nodes.expand(node, tuple(common))
        common[place] = index.shape[place]
        source = self.with_node(data)
        return source.gather(place, self.with_node(nodes.expand(index, tuple(common))))

    def index_select(self, dim: int, index: TensorBase) -> Self:
        """Return the slices at positions (a tensor with one axis) along an axis."""
        axis = resolve_axis(dim, len(self.node.shape))
        return self.with_node(nodes.take(self.node, axis, self._flat_places(index, axis)))

    def _flat_places(self, index: TensorBase, axis: int) -> Node:
        node = self.as_operand(index)
        if len(node.shape) > 1 or not node.dtype.is_integer:
            raise ShapeError(
                "the positions are a tensor of integers with one axis",
                got=f"{node.dtype.name} of shape {show_shape(node.shape)}",
            )
        return wrap_negative(reshape_to(node, node.shape or (1,)), self.node.shape[axis])

    def take(self, index: TensorBase) -> Self:
        """Return the elements at positions in the flattened tensor, in the index's shape."""
        node = self.as_operand(index)
        count = symbolic.multiply_all(self.node.shape)
        flat = reshape_to(self.node, (count,))
        return self.with_node(indexing.gather_from(flat, (wrap_negative(node, count),), (0,)))

    def index_add(
        self, dim: int, index: TensorBase, source: TensorBase, *, alpha: Number = 1
    ) -> Self:
        """Return self with slices of ``source`` (times alpha) added at positions along an axis."""
        axis = resolve_axis(dim, len(self.node.shape))
        places = self._flat_places(index, axis)
        values = self.with_node(self.as_operand(source))
        values = (values if alpha == 1 else values * alpha).cast(self.node.dtype)
        updates = nodes.move_axis(values.node, axis, 0)
        result = indexing.scatter_into(self.node, updates, (places,), (axis,), "add")
        return self.with_node(result)

    def masked_select(self, mask: TensorBase) -> Self:
        """Return the elements where the mask is True, in row-major order, as one axis.

        The mask (broadcast against the tensor) is realised, as the size depends on it.

        Raises:
            DTypeError: the mask is not bool.
            ShapeError: the shapes do not broadcast.
        """
        condition = self.with_node(self.as_operand(mask))
        if not condition.node.dtype.is_boolean:
            raise DTypeError("the mask must be bool", got=condition.node.dtype.name)
        first, second = unify(self.node, cast_to(condition.node, self.node.dtype))
        shape = nodes.broadcast_shape((first, second))
        chosen = self.with_node(nodes.expand(condition.node, shape))
        return self.with_node(nodes.expand(first, shape))[chosen]

    def nonzero(self, as_tuple: bool = False) -> Self | tuple[Self, ...]:
        """Return where the elements are not zero, one row (or tensor) of int64 for each.

        The tensor is realised, as the size depends on it.

        Args:
            as_tuple: whether to return one tensor for each axis instead of a tensor (count, axes).
        """
        found = numpy.nonzero(numpy.atleast_1d(self.numpy()))
        if as_tuple:
            session = current_session()
            return tuple(
                self.with_node(session.from_numpy(places.astype(numpy.int64), self.device))
                for places in found
            )
        rows = numpy.stack(found, 1).astype(numpy.int64)[:, : len(self.node.shape)]
        return self.with_node(current_session().from_numpy(rows, self.device))

    def one_hot(self, num_classes: int = -1) -> Self:
        """Return a last axis with 1 at the position that each element names, else 0, as int64.

        Args:
            num_classes: its size; -1 takes the greatest element plus 1, which realises the tensor.

        Raises:
            DTypeError: the tensor holds no integers.
        """
        if not self.node.dtype.is_integer:
            raise DTypeError("one_hot needs integers", got=self.node.dtype.name)
        count = int(self.max().item()) + 1 if num_classes == -1 else num_classes
        rank = len(self.node.shape)
        number = nodes.positions(count, dtypes.int64, rank + 1, rank)
        index = cast_to(nodes.insert_axis(self.node, rank), dtypes.int64)
        return self.with_node(cast_to(intern(comparison.equal, (index, number)), dtypes.int64))

    def triu(self, diagonal: Size = 0) -> Self:
        """Return the upper triangle of the last two axes, zeros below ``diagonal``."""
        _check_matrix("triu", self.node)
        row, column = rows_and_columns(self.node.shape)
        return self._keep(row + as_index(diagonal) <= column)

    def tril(self, diagonal: Size = 0) -> Self:
        """Return the lower triangle of the last two axes, zeros above ``diagonal``."""
        _check_matrix("tril", self.node)
        row, column = rows_and_columns(self.node.shape)
        return self._keep(column <= row + as_index(diagonal))

    def _keep(self, condition: Node) -> Self:
        return self.with_node(nodes.where(condition, self.node, zero(self.node.dtype)))

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Self:
        """Return a diagonal of two axes as the last axis.

        Args:
            offset: 0 for the main diagonal, above it positive, below negative.
            dim1: the axis of the rows.
            dim2: the axis of the columns.

        Raises:
            ArgumentError: the axes are the same.
        """
        shape = self.node.shape
        first, second = resolve_axis(dim1, len(shape)), resolve_axis(dim2, len(shape))
        if first == second:
            raise ArgumentError("a diagonal needs two different axes", got=(dim1, dim2))
        rows, columns = shape[first], shape[second]
        below, above = max(0, -offset), max(0, offset)
        length = symbolic.maximum(
            0, symbolic.minimum(symbolic.add(rows, -below), symbolic.add(columns, -above))
        )
        number = nodes.positions(length, dtypes.int64)
        places = {first: number + below, second: number + above}
        axes = tuple(sorted(places))
        found = indexing.gather_from(self.node, tuple(places[axis] for axis in axes), axes)
        return self.with_node(nodes.move_axis(found, 0, len(found.shape) - 1))

    def diag(self, diagonal: int = 0) -> Self:
        """Return the diagonal of a matrix, or a matrix with this one axis as its diagonal.

        Raises:
            ShapeError: the tensor has neither one nor two axes.
        """
        if len(self.node.shape) == 2:
            return self.diagonal(diagonal)
        if len(self.node.shape) != 1:
            raise ShapeError("diag needs one or two axes", got=show_shape(self.node.shape))
        length = self.node.shape[0]
        size = symbolic.add(length, abs(diagonal))
        number = nodes.positions(length, dtypes.int64)
        places = (number + max(0, -diagonal), number + max(0, diagonal))
        base = filled(0, self.node.dtype, (size, size))
        return self.with_node(indexing.scatter_into(base, self.node, places, (0, 1), "set"))

    def trace(self) -> Self:
        """Return the sum of the diagonal of a matrix."""
        return self.diagonal().sum(-1)


def _check_matrix(name: str, node: Node) -> None:
    if len(node.shape) < 2:
        raise ShapeError(f"{name} needs two axes or more", got=show_shape(node.shape))


def rows_and_columns(shape: tuple[Index, ...]) -> tuple[Node, Node]:
    """Return the numbers of rows and columns of the last two axes of a shape, as index nodes."""
    rank = len(shape)
    row = nodes.positions(shape[-2], dtypes.index, rank, rank - 2)
    return row, nodes.positions(shape[-1], dtypes.index, rank, rank - 1)

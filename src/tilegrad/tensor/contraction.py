"""Contractions: products of tensors summed over common axes.

Each is a broadcast multiplication and a sum, which the compiler recognises; nothing below this
package knows the word matmul. Floats narrower than 32 bits are multiplied and summed in float32 and
rounded once; integers wrap; bools take ``and`` and ``or``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import DType, promote
from tilegrad.ir.node import Node, intern
from tilegrad.ops import arithmetic, bits, reduction
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import permute_axes, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import DTypeLike, resolve_axis, resolve_dtype
from tilegrad.tensor.arithmetic import Operand
from tilegrad.tensor.base import is_operand
from tilegrad.tensor.broadcasting import show_shape, unify_dtypes
from tilegrad.tensor.size import Index
from tilegrad.tensor.statistics import Statistics


def multiply_and_sum(left: Node, right: Node, axes: tuple[int, ...], dtype: DType) -> Node:
    """Return Σ left · right over axes (ascending), which remain with size 1.

    Args:
        left: a node; the operands have one dtype and broadcast.
        right: a node.
        axes: what is summed over.
        dtype: dtype of the result, in which it is computed where that is the wider one; sums of
            narrow floats are made in float32 before.
    """
    wide = promote(left.dtype, dtype)
    left, right = cast_to(left, wide), cast_to(right, wide)
    if left.dtype.is_boolean:
        both = intern(bits.bitwise_and, (left, right))
        return cast_to(nodes.reduce(reduction.reduce_maximum, both, axes), dtype)
    product = intern(arithmetic.multiply, (nodes.widen(left), nodes.widen(right)))
    return cast_to(nodes.reduce_sum(product, axes), dtype)


def matmul_nodes(left: Node, right: Node, dtype: DType | None = None) -> Node:
    """Return the matrix product of two nodes of any dtypes, with NumPy's rules for shapes.

    Raises:
        ShapeError: an operand is a scalar, or the inner or batch sizes do not fit.
    """
    left, right = unify_dtypes(left, right)
    first, second = left.shape, right.shape
    if not first or not second:
        raise _misfit(first, second, "at least one axis each; use * for scalars")
    rows = () if len(first) == 1 else (first[-2],)
    columns = () if len(second) == 1 else (second[-1],)
    inner = first[-1]
    if inner != (second[0] if len(second) == 1 else second[-2]):
        raise _misfit(first, second, "the last size of the left = the last but one of the right")
    batches = max(len(first), len(second), 2) - 2
    left_batch = (1,) * (batches - len(first[:-2])) + first[:-2]
    right_batch = (1,) * (batches - len(second[:-2])) + second[:-2]
    left = reshape_to(left, (*left_batch, *(rows or (1,)), inner, 1))
    right = reshape_to(right, (*right_batch, 1, inner, *(columns or (1,))))
    batch = _join_batches(left_batch, right_batch, first, second)
    summed = multiply_and_sum(left, right, (batches + 1,), dtype or left.dtype)
    return reshape_to(summed, batch + rows + columns)


def _join_batches(
    left: tuple[Index, ...],
    right: tuple[Index, ...],
    first: tuple[Index, ...],
    second: tuple[Index, ...],
) -> tuple[Index, ...]:
    joined = []
    for one, other in zip(left, right, strict=True):
        if one != other and one != 1 and other != 1:
            raise _misfit(first, second, "equal batch sizes or a 1, counted from the last")
        joined.append(other if one == 1 else one)
    return tuple(joined)


def _misfit(first: tuple[Index, ...], second: tuple[Index, ...], expected: str) -> ShapeError:
    return ShapeError(
        "matmul: the shapes do not fit",
        got=f"{show_shape(first)} @ {show_shape(second)}",
        expected=expected,
        mend="transpose or reshape one of them",
    )


class Contraction(Statistics):
    """Matrix products and their relatives."""

    __slots__ = ()

    def matmul(self, x: Operand, reverse: bool = False, dtype: DTypeLike | None = None) -> Self:
        """Return the matrix product self @ x.

        A tensor with one axis is a row on the left and a column on the right; axes before the last
        two are batches and broadcast.

        Args:
            x: the right factor.
            reverse: whether to return x @ self instead.
            dtype: dtype of the result, and of the sums if it is the wider one; the common dtype by
                default.

        Raises:
            ShapeError: the shapes do not fit, or one operand is a scalar.
        """
        operands = (self.node, self.as_operand(x))
        left, right = reversed(operands) if reverse else operands
        wanted = None if dtype is None else resolve_dtype(dtype)
        return self.with_node(matmul_nodes(left, right, wanted))

    def dot(self, w: Operand, dtype: DTypeLike | None = None) -> Self:
        """Return the matrix product self @ w; see ``matmul``."""
        return self.matmul(w, dtype=dtype)

    def __matmul__(self, other: object) -> Self:
        return self.matmul(other) if is_operand(other) else NotImplemented

    def __rmatmul__(self, other: object) -> Self:
        return self.matmul(other, reverse=True) if is_operand(other) else NotImplemented

    def linear(
        self, weight: Operand, bias: Operand | None = None, dtype: DTypeLike | None = None
    ) -> Self:
        """Return self @ weight + bias; a weight with one axis multiplies element by element.

        Args:
            weight: shape (inputs, outputs), or (inputs,).
            bias: shape (outputs,), or None.
            dtype: dtype in which all of this is done; the common one by default.
        """
        source = self if dtype is None else self.cast(dtype)
        factor = self.with_node(self.as_operand(weight))
        if dtype is not None:
            factor = factor.cast(dtype)
        result = source.mul(factor) if len(factor.node.shape) == 1 else source.matmul(factor)
        return result if bias is None else result.add(bias)

    def outer(self, x: Operand) -> Self:
        """Return all products of an element of self with one of x, shape (n, m)."""
        column = self.with_node(nodes.insert_axis(self.node, len(self.node.shape)))
        return column.mul(x)

    def tensordot(self, x: Operand, dims: int | Sequence[Sequence[int]] = 2) -> Self:
        """Return the sum of products over several axes.

        Args:
            x: the other tensor.
            dims: how many of the last axes of self meet the first of x, or two lists of axes.

        Raises:
            ArgumentError: the lists differ in length.
            ShapeError: sizes that meet differ.
        """
        left, right = self.node, self.as_operand(x)
        ranks = len(left.shape), len(right.shape)
        if isinstance(dims, int):
            chosen = (tuple(range(ranks[0] - dims, ranks[0])), tuple(range(dims)))
        else:
            first, second = dims
            chosen = (
                tuple(resolve_axis(axis, ranks[0]) for axis in first),
                tuple(resolve_axis(axis, ranks[1]) for axis in second),
            )
        if len(chosen[0]) != len(chosen[1]) or any(axis < 0 for axis in chosen[0]):
            raise ArgumentError("tensordot needs as many axes of one as of the other", got=dims)
        if [left.shape[i] for i in chosen[0]] != [right.shape[i] for i in chosen[1]]:
            raise ShapeError(
                "tensordot: the sizes that meet differ",
                got=f"{show_shape(left.shape)} and {show_shape(right.shape)} over {dims}",
            )
        free = tuple(
            tuple(axis for axis in range(rank) if axis not in axes)
            for rank, axes in zip(ranks, chosen, strict=True)
        )
        left, right = unify_dtypes(left, right)
        left, right = (
            permute_axes(left, free[0] + chosen[0]),
            permute_axes(right, chosen[1] + free[1]),
        )
        rows, columns = left.shape[: len(free[0])], right.shape[len(chosen[1]) :]
        meeting = left.shape[len(free[0]) :]
        left = reshape_to(left, rows + meeting + (1,) * len(columns))
        right = reshape_to(right, (1,) * len(rows) + meeting + columns)
        axes = tuple(range(len(rows), len(rows) + len(meeting)))
        return self.with_node(
            nodes.drop_axes(multiply_and_sum(left, right, axes, left.dtype), axes)
        )

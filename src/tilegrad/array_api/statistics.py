"""Reductions and running sums, tests of all elements, differences, and products of matrices."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.array_api.arguments import Axes
from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.tensor import Tensor


def _sum_dtype(x: Tensor, dtype: DType | None) -> DType | None:
    """Return the dtype to sum in: sums of unsigned integers are uint64, the rest is PyTorch's."""
    return dtypes.uint64 if dtype is None and x.dtype.is_unsigned else dtype


def sum(
    x: Tensor, /, *, axis: Axes = None, dtype: DType | None = None, keepdims: bool = False
) -> Tensor:
    """Return the sum; integers are summed in 64 bits of their signedness by default."""
    return x.sum(axis, keepdims, _sum_dtype(x, dtype))


def prod(
    x: Tensor, /, *, axis: Axes = None, dtype: DType | None = None, keepdims: bool = False
) -> Tensor:
    """Return the product; integers are multiplied in 64 bits of their signedness by default."""
    return x.prod(axis, keepdims, _sum_dtype(x, dtype))


def cumulative_sum(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: DType | None = None,
    include_initial: bool = False,
) -> Tensor:
    """Return the running sums along an axis, with a 0 before them if asked for.

    Raises:
        ShapeError: the axis is left out and there is not exactly one.
    """
    place = _running_axis(x, axis)
    total = x.cumsum(place, dtype=_sum_dtype(x, dtype))
    return _begin_with(0, total, place) if include_initial else total


def cumulative_prod(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: DType | None = None,
    include_initial: bool = False,
) -> Tensor:
    """Return the running products along an axis, with a 1 before them if asked for.

    Raises:
        ShapeError: the axis is left out and there is not exactly one.
    """
    place = _running_axis(x, axis)
    total = x.cumprod(place, dtype=_sum_dtype(x, dtype))
    return _begin_with(1, total, place) if include_initial else total


def _running_axis(x: Tensor, axis: int | None) -> int:
    if x.ndim == 0 or (axis is None and x.ndim != 1):
        raise ShapeError("a running sum or product needs the axis", got=f"shape {x.shape}")
    return 0 if axis is None else axis


def _begin_with(value: int, x: Tensor, axis: int) -> Tensor:
    shape = list(x.shape)
    shape[axis] = 1
    return Tensor.full(shape, value, x.dtype, x.device).cat(x, axis=axis)


def max(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the greatest element; NaN if there is one."""
    return x.max(axis, keepdims)


def min(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the least element; NaN if there is one."""
    return x.min(axis, keepdims)


def mean(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the mean."""
    return x.mean(axis, keepdims)


def var(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Return the variance Σ(x - mean)² / (n - correction)."""
    return x.var(axis, keepdims, correction)


def std(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Return the standard deviation, the root of the variance."""
    return x.std(axis, keepdims, correction)


def all(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether no element is zero."""
    return x.all(axis, keepdims)


def any(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether any element is not zero."""
    return x.any(axis, keepdims)


def diff(
    x: Tensor,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """Return the differences of neighbours along an axis, taken n times (of bools: whether any).

    Raises:
        ArgumentError: n is negative.
        ShapeError: the tensor is a scalar, or what is put before or after it does not fit.
    """
    if n < 0:
        raise ArgumentError("diff: how often", got=n, expected="0 or more")
    return x.diff(n, axis, prepend, append)


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return the matrix product."""
    return x1.matmul(x2)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """Return matrices with rows and columns exchanged."""
    return x.mT


def tensordot(
    x1: Tensor, x2: Tensor, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2
) -> Tensor:
    """Return the sum of products over several axes: how many, or which of either."""
    return x1.tensordot(x2, axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the sums of products along an axis, counted from the end; the others broadcast.

    Raises:
        ArgumentError: the axis is not counted from the end.
        ShapeError: the sizes of the axis differ, or the others do not broadcast.
    """
    if axis >= 0:
        raise ArgumentError("vecdot: the axis is counted from the end", got=axis, expected="-1 ..")
    if x1.shape[axis] != x2.shape[axis]:
        raise ShapeError("vecdot: the sizes of the axis differ", got=f"{x1.shape} and {x2.shape}")
    row, column = x1.movedim(axis, -1).unsqueeze(-2), x2.movedim(axis, -1).unsqueeze(-1)
    return row.matmul(column).squeeze((-2, -1))

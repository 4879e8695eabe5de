"""Making arrays."""

from __future__ import annotations

from typing import Literal, cast

import numpy

from tilegrad.array_api.arguments import Number, Shape
from tilegrad.base.errors import ArgumentError, SharingError
from tilegrad.ir.dtype import DType
from tilegrad.runtime.dlpack import HasDLPack
from tilegrad.tensor import Tensor


def asarray(
    obj: object,
    /,
    *,
    dtype: DType | None = None,
    device: str | None = None,
    copy: bool | None = None,
) -> Tensor:
    """Return a tensor made of a tensor, an array, a number, nested sequences or a buffer.

    Args:
        obj: what to take the values of.
        dtype: the dtype; by default that of an array, and of Python's numbers bool, int64 or
            float32.
        device: where it is held; by default where a tensor is already, else the default device.
        copy: False to share the memory of an array. Otherwise later changes to the array do not
            matter, and a tensor, which is a value, is shared in any case.

    Raises:
        SharingError: ``copy`` is False and a copy is needed.
    """
    if isinstance(obj, Tensor):
        result = obj if dtype is None else obj.cast(dtype)
        result = result if device is None else result.to(device)
        if copy is False and result is not obj:
            raise _needs_copy("another dtype or device")
        return Tensor(result) if copy and result is obj else result
    if isinstance(obj, numpy.ndarray):
        result = Tensor.from_numpy(obj, device, copy=copy is not False)
    elif hasattr(obj, "__dlpack__") and not isinstance(obj, numpy.generic):
        result = Tensor.from_dlpack(cast("HasDLPack", obj), device=device, copy=copy is not False)
    elif copy is False:
        raise _needs_copy(type(obj).__name__)
    else:
        return Tensor(obj, device, dtype)
    if copy is False and dtype not in (None, result.dtype):
        raise _needs_copy("another dtype")
    return result if dtype is None else result.cast(dtype)


def _needs_copy(what: str) -> SharingError:
    return SharingError("asarray: this needs a copy", got=what, mend="leave out copy=False")


def from_dlpack(x: HasDLPack, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """Return a tensor of another library's array by DLPack; see ``Tensor.from_dlpack``."""
    return Tensor.from_dlpack(x, device=device, copy=copy)


def arange(
    start: Number,
    /,
    stop: Number | None = None,
    step: Number = 1,
    *,
    dtype: DType | None = None,
    device: str | None = None,
) -> Tensor:
    """Return start, start + step .. up to before ``stop`` (with one argument, from 0 up to it)."""
    return Tensor.arange(start, stop, step, dtype, device)


def linspace(
    start: Number,
    stop: Number,
    /,
    num: int,
    *,
    dtype: DType | None = None,
    device: str | None = None,
    endpoint: bool = True,
) -> Tensor:
    """Return ``num`` values at equal distances from ``start`` to ``stop``, with it or without."""
    steps = num if endpoint else num + 1
    return Tensor.linspace(start, stop, steps, dtype, device).shrink_to(num)


def empty(shape: Shape, *, dtype: DType | None = None, device: str | None = None) -> Tensor:
    """Return a tensor whose contents do not matter."""
    return Tensor.empty(shape, dtype=dtype, device=device)


def zeros(shape: Shape, *, dtype: DType | None = None, device: str | None = None) -> Tensor:
    """Return a tensor of zeros, float32 by default."""
    return Tensor.zeros(shape, dtype=dtype, device=device)


def ones(shape: Shape, *, dtype: DType | None = None, device: str | None = None) -> Tensor:
    """Return a tensor of ones, float32 by default."""
    return Tensor.ones(shape, dtype=dtype, device=device)


def full(
    shape: Shape, fill_value: Number, *, dtype: DType | None = None, device: str | None = None
) -> Tensor:
    """Return a tensor of one value; its dtype is bool, int64 or float32 by default."""
    return Tensor.full(shape, fill_value, dtype, device)


def empty_like(x: Tensor, /, *, dtype: DType | None = None, device: str | None = None) -> Tensor:
    """Return a tensor like another whose contents do not matter."""
    return x.empty_like(dtype, device)


def zeros_like(x: Tensor, /, *, dtype: DType | None = None, device: str | None = None) -> Tensor:
    """Return zeros like another tensor."""
    return x.zeros_like(dtype, device)


def ones_like(x: Tensor, /, *, dtype: DType | None = None, device: str | None = None) -> Tensor:
    """Return ones like another tensor."""
    return x.ones_like(dtype, device)


def full_like(
    x: Tensor,
    /,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    device: str | None = None,
) -> Tensor:
    """Return a tensor of one value like another."""
    return x.full_like(fill_value, dtype, device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: DType | None = None,
    device: str | None = None,
) -> Tensor:
    """Return a matrix with ones on the k-th diagonal (above the main one if k > 0), else zeros."""
    columns = n_rows if n_cols is None else n_cols
    above, below = max(0, k), max(0, -k)
    if above >= columns or below >= n_rows:
        return Tensor.zeros(n_rows, columns, dtype=dtype, device=device)
    part = Tensor.eye(n_rows - below, columns - above, dtype=dtype, device=device)
    return part.pad(((below, 0), (above, 0)))


def meshgrid(*arrays: Tensor, indexing: Literal["xy", "ij"] = "xy") -> tuple[Tensor, ...]:
    """Return each of some coordinates repeated over the grid that they span.

    Raises:
        ArgumentError: an array has more than one axis, or the dtypes differ.
    """
    if len({array.dtype for array in arrays}) > 1:
        raise ArgumentError(
            "meshgrid: the dtypes differ", got=", ".join(array.dtype.name for array in arrays)
        )
    return tuple(Tensor(grid) for grid in Tensor.meshgrid(*arrays, indexing=indexing))


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return the lower triangle of matrices, with zeros above the k-th diagonal."""
    return x.tril(k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return the upper triangle of matrices, with zeros below the k-th diagonal."""
    return x.triu(k)

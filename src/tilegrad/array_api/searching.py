"""Finding elements and their places, sorting, and sets."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tilegrad.array_api.arguments import Axes, Operand, as_tensor
from tilegrad.base.errors import ShapeError
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import check_choice


class UniqueAll(NamedTuple):
    """The different elements, where each first is, where among them each element is, how often."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The different elements and how often each occurs."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The different elements and where among them each element is."""

    values: Tensor
    inverse_indices: Tensor


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the first position of the greatest element."""
    return x.argmax(axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the first position of the least element."""
    return x.argmin(axis, keepdims)


def count_nonzero(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return how many elements are not zero."""
    return x.bool().sum(axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Return where the elements are not zero, one tensor for each axis; the tensor is realised.

    Raises:
        ShapeError: the tensor is a scalar.
    """
    if x.ndim == 0:
        raise ShapeError("nonzero needs an axis", got="a scalar", mend="reshape it to (1,)")
    found = x.nonzero(as_tuple=True)
    return found if isinstance(found, tuple) else (found,)


def searchsorted(
    x1: Tensor,
    x2: Operand,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: Tensor | None = None,
) -> Tensor:
    """Return the places in an ascending tensor before which values keep it ascending.

    Args:
        x1: the tensor, with one axis.
        x2: the values.
        side: of equal elements, before the first ("left") or after the last ("right").
        sorter: positions that put x1 in order, if it is not.
    """
    check_choice("side", side, ("left", "right"))
    ordered = x1 if sorter is None else x1.index_select(0, sorter)
    return ordered.searchsorted(as_tensor(x2, x1), side == "right")


def where(condition: Tensor, x1: Operand, x2: Operand, /) -> Tensor:
    """Return x1 where the condition is True, else x2."""
    return condition.where(x1, x2)


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Return the slices at positions along an axis (which a tensor with one axis may leave out).

    Raises:
        ShapeError: the axis is left out and the tensor has several.
    """
    if axis is None and x.ndim != 1:
        raise ShapeError("take needs the axis", got=f"shape {x.shape}")
    return x.index_select(0 if axis is None else axis, indices)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the elements at positions along an axis, each in its own row."""
    return x.take_along_axis(indices, axis)


def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """Return the positions that put the elements in order; equal ones always keep theirs."""
    del stable
    return x.argsort(axis, descending)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the elements in order; NaN comes last, or first if descending."""
    del stable
    values, _ = x.sort(axis, descending)
    return values


def unique_all(x: Tensor, /) -> UniqueAll:
    """Return everything about the different elements; the tensor is realised."""
    values, inverse, counts = x.unique(True, True)
    firsts = x.flatten().argsort(0).index_select(0, counts.cumsum() - counts)
    return UniqueAll(values, firsts, inverse, counts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """Return the different elements and how often each occurs; the tensor is realised."""
    values, counts = x.unique(return_counts=True)
    return UniqueCounts(values, counts)


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """Return the different elements and where each element is; the tensor is realised."""
    values, inverse = x.unique(return_inverse=True)
    return UniqueInverse(values, inverse)


def unique_values(x: Tensor, /) -> Tensor:
    """Return the different elements in ascending order; the tensor is realised."""
    found = x.unique()
    return found if isinstance(found, Tensor) else found[0]

"""The same elements under other shapes and in other orders, joined, split and repeated."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.array_api.arguments import Axes
from tilegrad.base.errors import ShapeError
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import resolve_axes


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """Return tensors repeated to their common shape.

    Raises:
        ShapeError: the shapes do not broadcast.
    """
    return Tensor.broadcast_tensors(*arrays)


def broadcast_to(x: Tensor, /, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor repeated to a shape."""
    return x.broadcast_to(shape)


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Return tensors joined along an axis; None joins them flattened."""
    if axis is None:
        return Tensor.cat([array.flatten() for array in arrays])
    return Tensor.cat(list(arrays), axis=axis)


def expand_dims(x: Tensor, /, axis: int = 0) -> Tensor:
    """Return a tensor with an axis of size 1 put in."""
    return x.unsqueeze(axis)


def flip(x: Tensor, /, *, axis: Axes = None) -> Tensor:
    """Return a tensor in reverse order along some axes (None: all)."""
    axes = resolve_axes(axis, x.ndim)
    return x.flip(axes) if axes else x


def moveaxis(
    x: Tensor, source: int | tuple[int, ...], destination: int | tuple[int, ...], /
) -> Tensor:
    """Return a tensor with axes moved to other places."""
    return x.movedim(source, destination)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """Return a tensor with its axes in another order."""
    return x.permute(axes)


def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """Return each element repeated along an axis (None: of the flattened tensor).

    A tensor of counts, one for each element of the axis or one for all, is realised.

    Raises:
        ShapeError: there are not as many counts as elements.
    """
    return x.repeat_interleave(repeats, axis=axis)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """Return the elements under another shape; ``copy`` makes no difference to a value."""
    del copy
    return x.reshape(shape)


def roll(x: Tensor, /, shift: int | tuple[int, ...], *, axis: Axes = None) -> Tensor:
    """Return a tensor shifted along axes; what leaves at one end comes in at the other."""
    return x.roll(shift, axis=axis)


def squeeze(x: Tensor, /, axis: int | tuple[int, ...]) -> Tensor:
    """Return a tensor without some axes of size 1.

    Raises:
        ShapeError: one of them has another size.
    """
    axes = resolve_axes(axis, x.ndim)
    if any(x.shape[place] != 1 for place in axes):
        raise ShapeError("squeeze: an axis has not size 1", got=f"axes {axes} of {x.shape}")
    return x.squeeze(axes)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """Return tensors of one shape joined along a new axis."""
    return Tensor.stack(list(arrays), axis=axis)


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """Return the whole tensor repeated along its last axes; missing numbers in front are 1."""
    return x.repeat((1,) * (x.ndim - len(repetitions)) + repetitions)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along an axis, each without it."""
    return x.unbind(axis)

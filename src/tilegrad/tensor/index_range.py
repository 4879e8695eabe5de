"""Integers and slices along one axis: which positions they mean."""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.base.errors import ArgumentTypeError, OutOfRangeError
from tilegrad.ops import symbolic
from tilegrad.tensor.size import Index, as_index


class Range(NamedTuple):
    """Part of an axis: positions ``start`` to before ``stop``, perhaps reversed, every step-th."""

    start: Index
    stop: Index
    step: int = 1
    is_reversed: bool = False

    def is_whole(self, size: Index) -> bool:
        """Whether these are all positions of an axis, in order."""
        return self.start == 0 and self.stop == size and self.step == 1 and not self.is_reversed

    @property
    def length(self) -> Index:
        """How many positions there are."""
        extent = symbolic.subtract(self.stop, self.start)
        if self.step == 1:
            return extent
        return symbolic.floor_divide(symbolic.add(extent, self.step - 1), self.step)


def resolve_integer(position: Index, size: Index, axis: int) -> Index:
    """Return a position counted from the front.

    Raises:
        OutOfRangeError: it lies outside the axis.
    """
    if isinstance(position, int) and isinstance(size, int):
        if not -size <= position < size:
            raise out_of_range(position, size, axis)
        return position + size if position < 0 else position
    if isinstance(position, int) and position < 0:
        position = symbolic.add(size, position)
    if symbolic.less(position, size) is False or symbolic.less(position, 0) is True:
        raise out_of_range(position, size, axis)
    return position


def out_of_range(position: object, size: object, axis: int) -> OutOfRangeError:
    """Return the error for a position beyond an axis."""
    return OutOfRangeError(
        f"the index is out of range at axis {axis}",
        got=position,
        expected=f"from -{size} to {size} - 1" if not isinstance(size, int) else _span(size),
    )


def _span(size: int) -> str:
    return f"from {-size} to {size - 1}" if size else "none: the axis has size 0"


def resolve_slice(item: slice, size: Index) -> Range:
    """Return the part of an axis that a slice means.

    Raises:
        ArgumentTypeError: the step is zero or no integer, or not 1 where something is symbolic.
    """
    if item.start is None and item.stop is None and item.step is None:
        return Range(0, size)
    start, stop, step = (
        None if bound is None else as_index(bound) for bound in (item.start, item.stop, item.step)
    )
    step = 1 if step is None else step
    if not isinstance(step, int) or step == 0:
        raise ArgumentTypeError("the step of a slice", got=step, expected="an int that is not zero")
    if all(bound is None or isinstance(bound, int) for bound in (start, stop, size)):
        positions = range(size)[slice(start, stop, step)]  # type: ignore[arg-type]
        if not positions:
            return Range(0, 0)
        low, high = min(positions[0], positions[-1]), max(positions[0], positions[-1])
        return Range(low, high + 1, abs(step), step < 0)
    if step != 1:
        raise ArgumentTypeError(
            "a slice with symbolic bounds needs the step 1", got=step, expected="1"
        )
    begin = _bound(start, 0, size)
    return Range(begin, _bound(stop, size, size))


def _bound(bound: Index | None, default: Index, size: Index) -> Index:
    if bound is None:
        return default
    if isinstance(bound, int) and bound < 0:
        bound = symbolic.maximum(symbolic.add(size, bound), 0)
    return symbolic.minimum(bound, size)

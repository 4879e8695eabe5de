"""From what stands in the brackets after an array to offsets, and what of them lies inside.

Blocks (slices and spans) each make an axis of the result, in their order. Tiles of positions
broadcast together, as NumPy's index arrays do, and their axes take the place of the first. Single
positions make no axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, OutOfRangeError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.language.operands import (
    StaticShape,
    as_position,
    broadcast,
    change_rank,
    check_size,
    expand,
    mend_for,
    shape_of,
)
from tilegrad.language.ranges import Ranges
from tilegrad.language.tile import Tile
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.build import lanes
from tilegrad.ops.symbolic import Condition

Size = int | Tile
"""A size of an array or of a grid: known when the kernel is written, or at launch."""


@dataclass(frozen=True, slots=True)
class Span:
    """Positions that follow each other, as many as an axis of a tile is long.

    Attributes:
        start: the first.
        length: how many.
    """

    start: Size
    length: int
    tiles_of: ClassVar = "its positions are a tile, span.positions; the first one is span.start"

    @property
    def stop(self) -> Size:
        """The position after the last."""
        return self.start + self.length

    @property
    def positions(self) -> Tile:
        """The positions as a tile of one axis."""
        return Tile(lanes(self.length)) + self.start

    def __add__(self, distance: Size) -> Span:
        """Return the span moved on."""
        return Span(self.start + distance, self.length)

    def __sub__(self, distance: Size) -> Span:
        """Return the span moved back."""
        return Span(self.start - distance, self.length)

    def within(self, size: Size) -> Span:
        """Return the span moved back to end inside an axis; itself if that may be too short.

        What is computed for a position that two spans have in common must be the same in both.
        """
        index = size_index(size)
        if bounds(index)[0] < self.length:
            return self
        last = symbolic.subtract(index, self.length)
        start = symbolic.minimum(size_index(self.start), last)
        return Span(Tile(as_node(start)), self.length)


def size_index(size: Size) -> Index:
    """Return a size or a single position as the index algebra has it.

    Raises:
        ArgumentTypeError: it is no integer and no scalar tile.
        DTypeError: it is a tile of floats or bools.
    """
    if isinstance(size, Tile):
        if size.ndim:
            raise ArgumentTypeError(
                "a single position or size is a scalar", got=repr(size), expected="shape ()"
            )
        return as_index(as_position(size.node))
    if isinstance(size, int) and not isinstance(size, bool):
        return size
    raise ArgumentTypeError(
        "a position or size is an integer", got=repr(size), expected="an int or a tile of indices"
    )


def known(size: Size) -> int:
    """Return a size that a kernel needs to know while it is written.

    Raises:
        ShapeError: it is only known at launch.
    """
    if isinstance(size, int):
        return size
    raise ShapeError(
        "the kernel needs this size while it is written",
        got="a symbolic size",
        expected="an integer",
        mend="call it with tensors of known shape, or loop over the axis in tiles",
    )


class Place(NamedTuple):
    """Elements of an array.

    Attributes:
        offset: their distances from the first element.
        inside: which of them exist; True if all do.
        shape: of the tile that they make.
    """

    offset: Node
    inside: Condition
    shape: StaticShape

    def move(self, base: Place) -> Place:
        """Return the place counted from a single element that itself exists under a condition."""
        offset = symbolic.add(as_index(self.offset), as_index(base.offset))
        inside = symbolic.logical_and(self.inside, base.inside)
        return Place(expand(as_node(offset), self.shape), inside, self.shape)


WHOLE = Place(as_node(0), True, ())
"""The first element of an array."""


def locate(sizes: Sequence[Index], key: object, ranges: Ranges) -> Place:
    """Return the elements that a key selects from an array stored row by row.

    Raises:
        ArgumentError: the key has too many items, or a slice without a known length.
        OutOfRangeError: a position lies outside the array, whatever the instance and round.
    """
    items = _complete(key, sizes)
    advanced = [item.shape for item in items if isinstance(item, Tile) and item.ndim]
    common = broadcast(advanced)
    shape: list[int] = []
    places: list[int] = []
    at = -1
    for item in items:
        places.append(len(shape))
        if isinstance(item, Span):
            shape.append(item.length)
        elif isinstance(item, Tile) and item.ndim:
            if at < 0:
                at = len(shape)
                shape += common
            places[-1] = at + len(common) - item.ndim
    check_size(shape)
    offset: Index = 0
    inside: list[Condition] = []
    for number, (item, size) in enumerate(zip(items, sizes, strict=True)):
        index = _spread(item, places[number], len(shape))
        inside += _find_inside(index, size, number, ranges)
        stride = symbolic.multiply_all(sizes[number + 1 :])
        offset = symbolic.add(offset, symbolic.multiply(index, stride))
    result = tuple(shape)
    return Place(expand(as_node(offset), result), symbolic.logical_and(*inside), result)


def _complete(key: object, sizes: Sequence[Index]) -> list[int | Tile | Span]:
    """Return one item for each axis, slices as spans."""
    items = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in [item for item in items if not isinstance(item, Tile)]:
        at = next(number for number, item in enumerate(items) if item is Ellipsis)
        items[at : at + 1] = [slice(None)] * (len(sizes) - len(items) + 1)
    if len(items) > len(sizes):
        raise ArgumentError(
            "the array has fewer axes than positions were given for",
            got=f"{len(items)} positions",
            expected=f"at most {len(sizes)}",
        )
    items += [slice(None)] * (len(sizes) - len(items))
    return [_as_item(item, size) for item, size in zip(items, sizes, strict=True)]


def _as_item(item: object, size: Index) -> int | Tile | Span:
    if isinstance(item, slice):
        return _as_span(item, size)
    if isinstance(item, Span):
        return item
    if isinstance(item, Tile):
        return Tile(as_position(item.node))
    if isinstance(item, int) and not isinstance(item, bool):
        return item + size if item < 0 and isinstance(size, int) else item
    raise ArgumentTypeError(
        "an array is indexed by positions and blocks",
        got=repr(item),
        expected="an int, a tile of integers, a span or a slice",
        mend=mend_for(item),
    )


def _as_span(item: slice, size: Index) -> Span:
    if item.step is not None:
        raise ArgumentError(
            "a slice of an array has no step",
            got=item.step,
            mend="index with positions instead: start + step * arange(length)",
        )
    start = 0 if item.start is None else size_index(item.start)
    stop = size if item.stop is None else size_index(item.stop)
    length = symbolic.subtract(stop, start)
    if not isinstance(length, int) or length < 1:
        raise ArgumentError(
            "a slice of an array has a length that is known when the kernel is written",
            got=length,
            expected="stop - start is a positive integer",
            mend="loop over the axis in blocks of a fixed length",
        )
    return Span(start if isinstance(start, int) else Tile(start), length)


def _spread(item: int | Tile | Span, place: int, rank: int) -> Index:
    """Return the positions along one axis as a tile of the result's rank."""
    if isinstance(item, int):
        return item
    if isinstance(item, Span):
        along = lanes(item.length, rank, place) if item.length > 1 else 0
        return symbolic.add(size_index(item.start), along)
    node = item.node
    if not node.shape:
        return as_index(node)
    after = rank - place - len(node.shape)
    return as_index(change_rank(node, (1,) * place + shape_of(node) + (1,) * after))


def _find_inside(index: Index, size: Index, axis: int, ranges: Ranges) -> list[Condition]:
    """Return the conditions under which positions lie inside an axis, none if they always do."""
    low, high = ranges.bounds(index)
    most = ranges.bounds(size)[1]
    if most and (high < 0 or low >= most):
        raise OutOfRangeError(
            f"these positions lie outside axis {axis} of the array",
            got=f"{low} to {high}",
            expected=f"0 to {int(most) - 1}",
        )
    conditions: list[Condition] = []
    if low < 0:
        conditions.append(symbolic.less_equal(0, index))
    if not ranges.is_below(index, size):
        conditions.append(symbolic.less(index, size))
    return [_fit(condition, index) for condition in conditions]


def _fit(condition: Condition, index: Index) -> Condition:
    """Return a condition with the rank of the positions that it is about."""
    is_scalar = not isinstance(condition, Node) or not isinstance(index, Node)
    if is_scalar or condition.shape or not index.shape:
        return condition
    return expand(condition, tuple(1 for _ in index.shape))


def as_mask(mask: Tile) -> Node:
    """Return a mask that the author gave.

    Raises:
        ArgumentTypeError: it is no tile of bools.
    """
    if not isinstance(mask, Tile) or mask.dtype is not dtypes.bool:
        raise ArgumentTypeError("a mask is a tile of bools", got=repr(mask))
    return mask.node

"""What an index means: NumPy's rules for integers, slices, None, Ellipsis, masks and arrays."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy

from tilegrad.base.errors import ArgumentTypeError, ShapeError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import as_node
from tilegrad.ops.conversion import cast_to
from tilegrad.tensor import nodes
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.broadcasting import do_broadcast, show_shape
from tilegrad.tensor.index_range import Range, out_of_range, resolve_integer, resolve_slice
from tilegrad.tensor.size import Index, SymbolicInteger, as_index

Shape = tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """An index, worked out for a shape.

    Attributes:
        ranges: which part of each axis is read or written at all.
        layout: the shape of that part with the axes of integers dropped and those of None put in.
        arrays: integer index nodes of one shape, for some axes of ``layout``.
        axes: those axes, ascending.
        place: where in the result the axes of the arrays' shape stand.
    """

    ranges: tuple[Range, ...]
    layout: Shape
    arrays: tuple[Node, ...]
    axes: tuple[int, ...]
    place: int

    @property
    def result_shape(self) -> Shape:
        """The shape of what the index selects."""
        rest = tuple(size for axis, size in enumerate(self.layout) if axis not in self.axes)
        common = self.arrays[0].shape if self.arrays else ()
        return rest[: self.place] + common + rest[self.place :]


def plan_index(index: object, shape: Shape, device: str) -> Plan:
    """Work out an index.

    A mask whose contents are not known yet is realised, since the shape depends on them.

    Raises:
        OutOfRangeError: an integer, or one in a list or array, lies outside its axis.
        ShapeError: there are too many indices, a mask has another shape, or arrays do not
            broadcast.
        ArgumentTypeError: something is no index.
    """
    items = [_read(item) for item in (index if isinstance(index, tuple) else (index,))]
    return _Planner(shape, device, _fill_ellipsis(items, shape)).run()


def _read(item: object) -> object:
    """Return lists as arrays, masks as arrays, integers as ints; the rest as it is."""
    if item is None or item is Ellipsis or isinstance(item, (slice, bool, int, SymbolicInteger)):
        return item
    if isinstance(item, TensorBase):
        if item.node.dtype.is_float:
            raise ArgumentTypeError(
                "a tensor of floats is no index",
                got=item.node.dtype.name,
                mend="cast it to an integer dtype, or compare it to get a mask",
            )
        return numpy.asarray(item) if item.node.dtype.is_boolean else item
    if isinstance(item, (list, tuple, range, numpy.ndarray, numpy.generic)):
        array = numpy.asarray(item)
        if array.size == 0 and not isinstance(item, numpy.ndarray):
            array = array.astype(numpy.int64)
        if array.dtype.kind in "iu":
            return int(array) if array.ndim == 0 else array
        if array.dtype.kind == "b":
            return array
    try:
        return operator.index(item)  # type: ignore[arg-type]
    except TypeError as error:
        raise ArgumentTypeError(
            "this is no index",
            got=type(item).__name__,
            expected="integers, slices, None, ..., masks, or integer tensors, arrays and lists",
        ) from error


def _consumed(item: object) -> int:
    """Return how many axes an item takes up."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, numpy.ndarray) and item.dtype.kind == "b":
        return item.ndim
    return 1


def _fill_ellipsis(items: list[object], shape: Shape) -> list[object]:
    """Return the items with an ellipsis (at the end, if there is none) replaced by slices."""
    used = sum(_consumed(item) for item in items)
    missing = len(shape) - used
    if missing < 0:
        raise ShapeError(
            "there are more indices than axes", got=f"{used} for shape {show_shape(shape)}"
        )
    places = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(places) > 1:
        raise ArgumentTypeError("an index can have one ellipsis", got=len(places))
    place = places[0] if places else len(items)
    # An ellipsis for no axis stays: it still stands between the arrays around it.
    filler = [slice(None)] * missing or ([Ellipsis] if places else [])
    return [*items[:place], *filler, *items[place + 1 :]]


class _Planner:
    """Walks over the items of an index, axis by axis."""

    def __init__(self, shape: Shape, device: str, items: list[object]) -> None:
        self.shape = shape
        self.device = device
        self.items = items
        self.is_advanced = any(
            isinstance(item, (numpy.ndarray, TensorBase, bool)) for item in items
        )
        self.axis = 0
        self.ranges: list[Range] = []
        self.layout: list[Index] = []
        self.arrays: list[Node] = []
        self.axes: list[int] = []

    def run(self) -> Plan:
        kinds = [self.take(item) for item in self.items]
        runs = sum(
            is_array and not was_array
            for was_array, is_array in zip([False, *kinds], kinds, strict=False)
        )
        # Arrays that stand together keep their place; else their axes come first, as in NumPy.
        place = self.axes[0] if runs == 1 else 0
        return Plan(
            tuple(self.ranges),
            tuple(self.layout),
            self.join_arrays(),
            tuple(self.axes),
            place,
        )

    def take(self, item: object) -> bool:
        """Take one item; return whether it is an array (or counts as one)."""
        if item is Ellipsis:
            return False
        if item is None:
            self.layout.append(1)
            return False
        if isinstance(item, bool):
            self.layout.append(1)
            self.add_array(numpy.arange(int(item)))
            return True
        if isinstance(item, numpy.ndarray) and item.dtype.kind == "b":
            self.take_mask(item)
            return True
        size = self.shape[self.axis]
        if isinstance(item, slice):
            found = resolve_slice(item, size)
            self.ranges.append(found)
            self.layout.append(found.length)
            self.axis += 1
            return False
        if isinstance(item, (int, SymbolicInteger)) and not self.is_advanced:
            position = resolve_integer(as_index(item), size, self.axis)
            self.ranges.append(Range(position, symbolic.add(position, 1)))
            self.axis += 1
            return False
        self.take_array(item, size)
        return True

    def take_mask(self, mask: numpy.ndarray) -> None:
        sizes = self.shape[self.axis : self.axis + mask.ndim]
        if mask.shape != sizes:
            raise ShapeError(
                "the mask does not fit the axes that it stands for",
                got=f"mask of shape {mask.shape}",
                expected=show_shape(sizes),
            )
        if mask.ndim == 0:
            self.layout.append(1)
            self.add_array(numpy.arange(int(mask)))
            return
        for positions, size in zip(numpy.nonzero(mask), sizes, strict=True):
            self.keep_axis(size)
            self.add_array(positions)

    def take_array(self, item: object, size: Index) -> None:
        axis = self.axis
        self.keep_axis(size)
        if isinstance(item, TensorBase):
            self.axes.append(len(self.layout) - 1)
            self.arrays.append(wrap_negative(item.node, size))
            return
        if isinstance(item, (int, SymbolicInteger)):
            position = resolve_integer(as_index(item), size, axis)
            self.axes.append(len(self.layout) - 1)
            self.arrays.append(as_node(position))
            return
        array = numpy.asarray(item).astype(numpy.int64)
        if isinstance(size, int):
            outside = array[(array < -size) | (array >= size)]
            if outside.size:
                raise out_of_range(int(outside.flat[0]), size, axis)
            array = numpy.where(array < 0, array + size, array)
        self.add_array(array)

    def keep_axis(self, size: Index) -> None:
        self.ranges.append(Range(0, size))
        self.layout.append(size)
        self.axis += 1

    def add_array(self, array: numpy.ndarray) -> None:
        self.axes.append(len(self.layout) - 1)
        self.arrays.append(current_session().from_numpy(array.astype(numpy.int64), self.device))

    def join_arrays(self) -> tuple[Node, ...]:
        """Return the arrays broadcast to one shape."""
        if not self.arrays:
            return ()
        arrays = [cast_to(array, dtypes.int64) for array in self.arrays]
        rank = max(len(array.shape) for array in arrays)
        arrays = [nodes.with_rank(array, rank) for array in arrays]
        if not do_broadcast(arrays):
            raise ShapeError(
                "the index arrays do not broadcast",
                got=" and ".join(show_shape(array.shape) for array in self.arrays),
            )
        shape = nodes.broadcast_shape(arrays)
        return tuple(nodes.expand(array, shape) for array in arrays)


def wrap_negative(index: Node, size: Index) -> Node:
    """Return an index node in which negative positions count from the end."""
    if index.dtype.is_unsigned:
        return index
    wide = cast_to(index, dtypes.int64)
    length = cast_to(as_node(size), dtypes.int64)
    return nodes.where(wide < 0, wide + length, wide)

"""Scatter as a tile program: the base is copied, then the updates are applied in order.

Everything that belongs to one place must happen in the order of the updates, so the axes that the
indices select from are walked by one instance, one update after another. All other axes are
independent: they make the grid, and the last one, if it is the innermost of the data, the lanes. An
index that is nothing but the position along one of its own axes (``aligned``) selects independently
too, and needs no array.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops import arithmetic, symbolic
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.indexing import Mode
from tilegrad.ops.leaves import Number, constant
from tilegrad.ops.program import Program
from tilegrad.tile.scan import accumulator, limit_width
from tilegrad.tile.scatter_layout import Axis, Layout, Role, lay_out, offset_of

_STRIP_BYTES = 512
"""Width of the strip of the innermost axis that is moved at once: whole cache lines."""

_COMBINE = {
    "add": arithmetic.add,
    "multiply": arithmetic.multiply,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
}


def build_scatter(
    dtype: DType,
    shape: Shape,
    positions: Shape,
    indices: Sequence[DType | int],
    axes: tuple[int, ...],
    mode: Mode,
    fill: Number | None = None,
) -> Program:
    """Return the program of ``scatter``: base, updates, index arrays, output, then sizes.

    Sums and products of floats narrower than 32 bits accumulate in float32, in a workspace, from
    which every element is converted back (so an infinity in FP8 saturates).

    Args:
        dtype: of the data.
        shape: of the data; sizes may be symbolic.
        positions: shape of the index arrays.
        indices: for each of ``axes`` the dtype of its index array, or the axis of ``positions``
            whose position is the index; then there is no array.
        axes: the axes of the data that the indices select from, in increasing order.
        mode: set, add, multiply, maximum or minimum.
        fill: the value of every element of the base; then the base is no input.

    Raises:
        ArgumentError: two indices are the position along the same axis.
    """
    layout = lay_out(shape, positions, indices, axes)
    build = Builder(f"scatter_{mode}_{dtype.name}")
    count = symbolic.multiply_all(shape)
    total = symbolic.multiply_all(positions)
    rest = symbolic.multiply_all(axis.size for axis in layout.rest)
    wide = accumulator(dtype) if mode in ("add", "multiply") else dtype
    base = build.input(dtype, count) if fill is None else None
    updates = build.input(dtype, symbolic.multiply(total, rest))
    arrays = [build.input(kind, total) for kind in indices if isinstance(kind, DType)]
    output = build.output(dtype, count)
    memory = output if wide is dtype else build.workspace(wide, count)
    width = _STRIP_BYTES // wide.itemsize
    scattering = _Scattering(build, layout, limit_width(layout.data[-1].size, width))
    with scattering.every_element() as (offset, mask):
        if base is None:
            initial = constant(fill or 0, wide)
        else:
            initial = cast_to(build.load(base, offset, mask), wide)
        build.store(memory, offset, initial, mask)
    with scattering.every_update(arrays) as (source, offset, mask):
        value = cast_to(build.load(updates, source, mask), wide)
        if mode != "set":
            value = _COMBINE[mode](build.load(memory, offset, mask), value)
        build.store(memory, offset, value, mask)
    if memory is not output:
        with scattering.every_element() as (offset, mask):
            value = cast_to(build.load(memory, offset, mask), dtype)
            build.store(output, offset, value, mask)
    return build.program()


class _Scattering:
    """Writes the loops of an instance.

    Attributes:
        mask: which lanes and which instance are within the data, or None for all.
    """

    def __init__(self, build: Builder, layout: Layout, width: int) -> None:
        self.build, self.layout, self.width = build, layout, width
        self.mask: Node | None = None
        data, positions = layout.data, layout.positions
        for number, axis in enumerate(data):
            axis.extent = build.scalar(f"size{number}", axis.size)
            is_same = symbolic.equal(axis.size, axis.count) is True
            if axis.role is Role.ALIGNED:
                axis.limit = axis.extent if is_same else build.scalar(f"count{number}", axis.count)
        for number, axis in enumerate(axis for axis in positions if axis.role is Role.FREE):
            axis.extent = build.scalar(f"positions{number}", axis.size)
        for axis in data:
            if axis.is_parallel:
                self._spread(axis, is_innermost=axis is data[-1])

    def _spread(self, axis: Axis, *, is_innermost: bool) -> None:
        """Put an axis on the grid, the innermost one in strips of lanes."""
        if not is_innermost:
            axis.place = self.build.instance(axis.extent)
            return
        strips = symbolic.floor_divide(symbolic.add(axis.extent, self.width - 1), self.width)
        axis.place = self.build.instance(strips) * self.width + lanes(self.width)
        self.mask = axis.place < axis.extent

    @contextmanager
    def every_element(self) -> Iterator[tuple[Index, Node | None]]:
        """Write a loop over the instance's elements of the data; give their offset and mask."""
        data, mask = self.layout.data, self.mask
        with ExitStack() as loops:
            for axis in self.layout.indexed:
                is_innermost = axis is data[-1]
                loop = loops.enter_context(
                    self.build.loop(0, axis.extent, self.width if is_innermost else 1)
                )
                axis.place = loop.index
                if is_innermost:
                    axis.place = loop.index + lanes(self.width)
                    mask = axis.place < axis.extent
            yield offset_of([(axis.place, axis.extent) for axis in data]), mask

    @contextmanager
    def every_update(self, arrays: Sequence[Node]) -> Iterator[tuple[Index, Index, Node | None]]:
        """Write a loop over the instance's updates; give their offsets in updates and data."""
        layout = self.layout
        masks = [] if self.mask is None else [self.mask]
        with ExitStack() as loops:
            within: list[tuple[Index, Index]] = []
            for axis in layout.positions:
                if axis.role is Role.FREE:
                    axis.place = loops.enter_context(self.build.loop(0, axis.extent)).index
                    within.append((axis.place, axis.extent))
                else:
                    within.append((axis.place, axis.limit))
                    if axis.limit is not axis.extent:
                        masks.append(as_node(axis.place) < axis.limit)
            for axis, array in zip(layout.indexed, arrays, strict=True):
                index = self.build.load(array, offset_of(within), _conjunction(masks))
                axis.place = cast_to(cast_to(index, dtypes.int64), dtypes.index)
            for axis in layout.indexed:
                masks += [as_node(axis.place) >= 0, as_node(axis.place) < axis.extent]
            rest = [(axis.place, axis.extent) for axis in layout.rest]
            target = [(axis.place, axis.extent) for axis in layout.data]
            yield offset_of([*within, *rest]), offset_of(target), _conjunction(masks)


def _conjunction(masks: Sequence[Node]) -> Node | None:
    needed = [mask for mask in masks if mask is not symbolic.as_condition(True)]
    return symbolic.as_condition(symbolic.logical_and(*needed)) if needed else None

"""The loops of a scatter: what one instance does, and in which order.

Updates of one place must happen in their order, so one instance applies all of them. Two ways to
divide the work have that property:

* ``Rows``: the axes before the first indexed one and ranges of that one make the grid. An instance
  owns a contiguous piece of the data; it reads all indices and applies the updates that fall into
  its range, each to a whole row.
* ``Strips``: all axes that are not indexed make the grid, the innermost one in strips of lanes. It
  is for data with aligned axes further in, where rows would look at every update in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.conversion import cast_to
from tilegrad.tile.operations.scatter_layout import Axis, Layout, Role, offset_of

PARTS = 16
"""Into how many ranges the first indexed axis is divided at most."""
WORTH_A_PART = 32
"""Elements of a row that take about as long as reading an index."""

WriteElement = Callable[[Index, Node | None], None]
"""Writes what happens to the elements of the data at an offset, where the mask holds."""
WriteUpdate = Callable[[Index, Index, Node | None], None]
"""Writes what happens for the updates at an offset to the elements of the data at another."""


class Rows:
    """Ranges of rows.

    Args:
        build: writes the program.
        layout: the axes, whose sizes are known to the program.
        width: lanes.
    """

    def __init__(self, build: Builder, layout: Layout, width: int) -> None:
        self.build, self.layout, self.width = build, layout, width
        first = layout.data.index(layout.indexed[0])
        self.row, self.inner = layout.data[first], layout.data[first + 1 :]
        leading = layout.data[:first]
        for axis in leading:
            axis.place = build.instance(axis.extent)
        # Every part reads all indices: that must not cost more than what it does with them.
        rest = symbolic.multiply_all(axis.size for axis in self.inner if axis.role is Role.REST)
        others = symbolic.multiply_all(axis.size for axis in leading)
        wanted = symbolic.minimum(symbolic.floor_divide(rest, WORTH_A_PART), PARTS)
        wanted = symbolic.floor_divide(wanted, symbolic.maximum(others, 1))
        parts = build.scalar("parts", symbolic.maximum(wanted, 1), 1, PARTS)
        share = (as_node(self.row.extent) + parts - 1) // parts
        self.begin = as_node(symbolic.minimum(build.instance(parts) * share, self.row.extent))
        self.end = as_node(symbolic.minimum(self.begin + share, self.row.extent))

    def for_each_element(self, write: WriteElement) -> None:
        """Write a loop over the instance's elements of the data."""
        edges: list[Index] = []
        for place in (self.begin, self.end):
            self.row.place = place
            for axis in self.inner:
                axis.place = 0
            edges.append(offset_of([(axis.place, axis.extent) for axis in self.layout.data]))
        self.build.for_each(edges[0], edges[1], self.width, write)

    def for_each_update(self, arrays: Sequence[Node], write: WriteUpdate) -> None:
        """Write a loop over all updates that fall into the instance's range."""
        build, layout = self.build, self.layout
        with ExitStack() as loops:
            limits = _walk_positions(build, layout, loops)
            conditions = _read_indices(build, layout, arrays, _conjunction(limits))
            row = as_node(self.row.place)
            conditions += [*limits, row >= self.begin, row < self.end]
            loops.enter_context(build.when(_conjunction(conditions)))
            rest = [axis for axis in self.inner if axis.role is Role.REST]
            if not rest:
                write(*_offsets(layout), _conjunction(limits))
                return
            *between, last = rest
            for axis in between:
                axis.place = loops.enter_context(build.loop(0, axis.extent)).index

            def write_tile(place: Node, mask: Node | None) -> None:
                last.place = place
                masks = limits if mask is None else [*limits, mask]
                write(*_offsets(layout), _conjunction(masks))

            build.for_each(0, last.extent, self.width, write_tile)


class Strips:
    """Strips of all axes that are not indexed; see ``Rows`` for the arguments."""

    def __init__(self, build: Builder, layout: Layout, width: int) -> None:
        self.build, self.layout, self.width = build, layout, width
        self.mask: Node | None = None
        for axis in layout.data:
            if axis.role is Role.INDEXED:
                continue
            if axis is not layout.data[-1]:
                axis.place = build.instance(axis.extent)
                continue
            strips = symbolic.floor_divide(symbolic.add(axis.extent, width - 1), width)
            axis.place = build.instance(strips) * width + lanes(width)
            self.mask = axis.place < axis.extent

    def for_each_element(self, write: WriteElement) -> None:
        """Write a loop over the instance's elements of the data."""
        with ExitStack() as loops:
            if not self.layout.indexed:
                write(_data_offset(self.layout), self.mask)
                return
            *between, last = self.layout.indexed
            for axis in between:
                axis.place = loops.enter_context(self.build.loop(0, axis.extent)).index
            if last is not self.layout.data[-1]:
                last.place = loops.enter_context(self.build.loop(0, last.extent)).index
                write(_data_offset(self.layout), self.mask)
                return

            def write_tile(place: Node, mask: Node | None) -> None:
                last.place = place
                write(_data_offset(self.layout), mask)

            self.build.for_each(0, last.extent, self.width, write_tile)

    def for_each_update(self, arrays: Sequence[Node], write: WriteUpdate) -> None:
        """Write a loop over the updates of the instance's strip."""
        with ExitStack() as loops:
            masks = _walk_positions(self.build, self.layout, loops)
            masks += [] if self.mask is None else [self.mask]
            conditions = _read_indices(self.build, self.layout, arrays, _conjunction(masks))
            scalars = [condition for condition in conditions if not condition.shape]
            if scalars:
                loops.enter_context(self.build.when(_conjunction(scalars)))
            masks += [condition for condition in conditions if condition.shape]
            write(*_offsets(self.layout), _conjunction(masks))


def _walk_positions(build: Builder, layout: Layout, loops: ExitStack) -> list[Node]:
    """Open loops over the free axes of the positions; return what the aligned places must meet."""
    limits: list[Node] = []
    for axis in layout.positions:
        if axis.role is Role.FREE:
            axis.place = loops.enter_context(build.loop(0, axis.extent)).index
        elif axis.limit is not axis.extent:
            limits.append(as_node(axis.place) < axis.limit)
    return limits


def _read_indices(
    build: Builder, layout: Layout, arrays: Sequence[Node], mask: Node | None
) -> list[Node]:
    """Set the places on the indexed axes; return the conditions under which they exist."""
    conditions: list[Node] = []
    for axis, array in zip(layout.indexed, arrays, strict=True):
        index = build.load(array, offset_of(_positions(layout)), mask)
        place = cast_to(cast_to(index, dtypes.int64), dtypes.index)
        conditions += [place >= 0, place < axis.extent]
        axis.place = place
    return conditions


def _positions(layout: Layout) -> list[tuple[Index, Index]]:
    return [
        (axis.place, axis.extent if axis.role is Role.FREE else axis.limit)
        for axis in layout.positions
    ]


def _data_offset(layout: Layout) -> Index:
    return offset_of([(axis.place, axis.extent) for axis in layout.data])


def _offsets(layout: Layout) -> tuple[Index, Index]:
    """Return where the program is in the updates and in the data."""
    rest = [(axis.place, axis.extent) for axis in layout.rest]
    return offset_of([*_positions(layout), *rest]), _data_offset(layout)


def _conjunction(conditions: Sequence[Node]) -> Node:
    """Return whether all conditions hold (true if there are none)."""
    return symbolic.as_condition(symbolic.logical_and(*conditions))


def choose_loops(build: Builder, layout: Layout, width: int) -> Rows | Strips:
    """Return the better way to divide the work."""
    first = layout.data.index(layout.indexed[0]) if layout.indexed else len(layout.data)
    inner: list[Axis] = layout.data[first:]
    if not layout.indexed or any(axis.role is Role.ALIGNED for axis in inner):
        return Strips(build, layout, width)
    return Rows(build, layout, width)

"""The axes of a scatter and what each means for the loops around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import DType
from tilegrad.ir.op import Shape
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.build import Builder

SHORT = 256
"""A row of so few elements is written without a loop, which needs its length."""


class Role(Enum):
    """What an axis is."""

    REST = auto()
    """Of the data; the updates have it too."""
    INDEXED = auto()
    """Of the data; an index array selects from it."""
    ALIGNED = auto()
    """Of the data and of the index positions: the index is the position itself."""
    FREE = auto()
    """Of the index positions."""


@dataclass(eq=False, slots=True)
class Axis:
    """An axis.

    Attributes:
        role: what it is.
        size: how long it is in the data, or among the positions if it is not in the data.
        count: how long it is among the positions; for an aligned axis.
        extent: the size in the program.
        limit: the count in the program.
        place: where on the axis the program is.
    """

    role: Role
    size: Index
    count: Index = 0
    extent: Index = 0
    limit: Index = 0
    place: Index = 0


@dataclass(slots=True)
class Layout:
    """The axes of the data and of the index positions; neighbours of one kind are one axis.

    Attributes:
        data: axes of the data.
        positions: axes of the index positions; the aligned ones are in both.
    """

    data: list[Axis] = field(default_factory=list)
    positions: list[Axis] = field(default_factory=list)

    @property
    def rest(self) -> list[Axis]:
        """The axes that follow the positions in the updates."""
        return [axis for axis in self.data if axis.role is Role.REST]

    @property
    def indexed(self) -> list[Axis]:
        """The axes that index arrays select from, in the order of the arrays."""
        return [axis for axis in self.data if axis.role is Role.INDEXED]

    def declare(self, build: Builder) -> None:
        """Make the sizes known to a program, as scalars but for that of a short last axis."""
        for number, axis in enumerate(self.data):
            is_short = axis is self.data[-1] and axis.role is Role.REST
            if is_short and isinstance(axis.size, int) and axis.size <= SHORT:
                axis.extent = axis.size
                continue
            axis.extent = build.scalar(f"size{number}", axis.size)
            if axis.role is Role.ALIGNED:
                is_same = symbolic.equal(axis.size, axis.count) is True
                axis.limit = axis.extent if is_same else build.scalar(f"count{number}", axis.count)
        free = [axis for axis in self.positions if axis.role is Role.FREE]
        for number, axis in enumerate(free):
            axis.extent = build.scalar(f"positions{number}", axis.size)


def lay_out(
    shape: Shape, positions: Shape, indices: Sequence[DType | int], axes: tuple[int, ...]
) -> Layout:
    """Return the axes of a scatter; see ``build_scatter`` for the arguments.

    Raises:
        ArgumentError: two indices are the position along the same axis.
    """
    index_of = dict(zip(axes, indices, strict=True))
    aligned = {index: Axis(Role.ALIGNED, 0) for index in indices if isinstance(index, int)}
    if len(aligned) < sum(isinstance(index, int) for index in indices):
        raise ArgumentError("one axis of the positions is the index of two axes", got=indices)
    layout = Layout()
    for number, size in enumerate(shape):
        index = index_of.get(number)
        if isinstance(index, int):
            aligned[index].size, aligned[index].count = size, positions[index]
            layout.data.append(aligned[index])
        else:
            role = Role.REST if index is None else Role.INDEXED
            _append(layout.data, Axis(role, size))
    for number, size in enumerate(positions):
        _append(layout.positions, aligned.get(number) or Axis(Role.FREE, size))
    return layout


def _append(axes: list[Axis], axis: Axis) -> None:
    """Add an axis, or make the last one longer if both are of a kind that can be one."""
    if axes and axes[-1].role is axis.role and axis.role in (Role.REST, Role.FREE):
        axes[-1].size = symbolic.multiply(axes[-1].size, axis.size)
    else:
        axes.append(axis)


def offset_of(axes: Sequence[tuple[Index, Index]]) -> Index:
    """Return the row-major offset of places in extents, given as (place, extent)."""
    offset: Index = 0
    for place, extent in axes:
        offset = symbolic.add(symbolic.multiply(offset, extent), place)
    return as_node(offset)

"""Argsort of short rows: an element's place is how many elements come before it.

All pairs are compared, lanes at once, so it is the fastest for some hundred elements at most. Keys
are unsigned integers (``sort_key``); of equal ones the first stays first.
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.comparison import where
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program
from tilegrad.tile.operations.scan import limit_width
from tilegrad.tile.operations.sort_key import order_key

LONGEST = 192
"""Longest row for which comparing all pairs is the faster way."""
_TILE_BYTES = 256
"""Several vectors, which share the reading of the other element and the loop around it."""


def build_rank_sort(
    dtype: DType, sizes: tuple[Index, Index, Index], wanted: Index, *, is_descending: bool
) -> Program:
    """Return the argsort of data seen as (outer, length, inner) along the middle axis.

    Args:
        dtype: of the elements.
        sizes: the product of the sizes before the axis, the size of the axis, ``LONGEST`` at most,
            and the product of the sizes after it.
        wanted: how many first places are wanted, the size of the axis for all.
        is_descending: whether the greatest comes first.
    """
    outer, length, inner = sizes
    build = Builder(f"rank_{'rows' if inner == 1 else 'columns'}_{dtype.name}")
    x = build.input(dtype, symbolic.multiply_all(sizes))
    y = build.output(dtypes.int64, symbolic.multiply_all((outer, wanted, inner)))
    rows, depth = build.scalar("outer", outer), build.scalar("length", length, 0, LONGEST)
    limit = depth if wanted == length else build.scalar("wanted", wanted, 0, LONGEST)
    lanes_wanted = length if inner == 1 else inner
    sorting = _Sorting(build, (x, y), (depth, limit), lanes_wanted, is_descending=is_descending)
    if inner == 1:
        sorting.sort_rows(build.instance(rows))
    else:
        columns = build.scalar("inner", inner)
        sorting.sort_columns(build.instance(rows), columns)
    return build.program()


class _Sorting:
    def __init__(
        self,
        build: Builder,
        memory: tuple[Node, Node],
        sizes: tuple[Node, Node],
        lanes_wanted: Index,
        *,
        is_descending: bool,
    ) -> None:
        self.build = build
        self.x, self.y = memory
        self.length, self.wanted = sizes
        self.is_descending = is_descending
        self.dtype = dtypes.uint64 if self.x.dtype.bits == 64 else dtypes.uint32
        self.width = limit_width(lanes_wanted, _TILE_BYTES // self.dtype.itemsize)
        self.lane = lanes(self.width)

    def key(self, offset: Node, mask: Node) -> Node:
        element = self.build.load(self.x, offset, mask)
        return cast_to(order_key(element, is_descending=self.is_descending), self.dtype)

    def sort_rows(self, row: Node) -> None:
        """Sort one row of consecutive elements, a vector of them at a time."""
        build, length, lane = self.build, self.length, self.lane
        first = row * length
        keys = build.scratch(self.dtype, LONGEST)
        with build.loop(0, length, self.width) as chunk:
            place = chunk.index + lane
            build.store(keys, place, self.key(first + place, place < length), place < length)
        with build.loop(0, length, self.width) as chunk:
            place = chunk.index + lane
            is_inside = place < length
            mine = build.load(keys, place, is_inside)
            end = as_node(symbolic.minimum(chunk.index + self.width, length))
            rank = self.count(filled(0, dtypes.int32, (self.width,)), 0, chunk.index, keys, mine)
            with build.loop(chunk.index, end, rank=rank) as near:
                other = build.load(keys, near.index)
                # As 32-bit integers the comparison of positions is one instruction a vector.
                is_earlier = cast_to(near.index, dtypes.int32) < cast_to(place, dtypes.int32)
                comes_before = (other < mine) | ((other <= mine) & is_earlier)
                near["rank"] = near["rank"] + _as_number(comes_before)
            rank = self.count(near["rank"], end, length, keys, mine)
            self.write(row * self.wanted, rank, place, is_inside)

    def write(
        self,
        row: Node,
        rank: Node,
        position: Node,
        mask: Node,
        columns: Index = 1,
        column: Index = 0,
    ) -> None:
        """Write the positions of what has a rank that is wanted."""
        place = cast_to(rank, dtypes.index)
        if self.wanted is not self.length:
            mask = mask & (place < self.wanted)
        target = (row + place) * columns + column
        self.build.store(self.y, target, cast_to(position, dtypes.int64), mask)

    def count(self, rank: Node, start: Index, stop: Index, keys: Node, mine: Node) -> Node:
        """Add how many keys in a range come before ``mine``; ties do where the range is before."""
        with self.build.loop(start, stop, rank=rank) as loop:
            other = self.build.load(keys, loop.index)
            comes_before = other <= mine if start == 0 else other < mine
            loop["rank"] = loop["rank"] + _as_number(comes_before)
        return loop["rank"]

    def sort_columns(self, outside: Node, columns: Node) -> None:
        """Sort as many columns as there are lanes, one row of elements at a time."""
        build, width = self.build, self.width
        first = outside * self.length
        keys = build.scratch(self.dtype, LONGEST * width)
        column = build.instance((columns + (width - 1)) // width) * width + self.lane
        is_inside = column < columns
        with build.loop(0, self.length) as row:
            key = self.key((first + row.index) * columns + column, is_inside)
            build.store(keys, row.index * width + self.lane, key)
        with build.loop(0, self.length) as row:
            mine = build.load(keys, row.index * width + self.lane)
            rank = filled(0, dtypes.int32, (width,))
            for start, stop in ((0, row.index), (row.index + 1, self.length)):
                with build.loop(start, stop, rank=rank) as loop:
                    other = build.load(keys, loop.index * width + self.lane)
                    comes_before = other <= mine if start == 0 else other < mine
                    loop["rank"] = loop["rank"] + _as_number(comes_before)
                rank = loop["rank"]
            self.write(outside * self.wanted, rank, row.index, is_inside, columns, column)


def _as_number(condition: Node) -> Node:
    return where(condition, constant(1, dtypes.int32), constant(0, dtypes.int32))

"""The first few places of a long row's order: the best seen so far are kept, and most are refused.

A row is walked some vectors at a time. Only where one of them holds a key that comes before the
last of the best are its elements looked at one by one; such a one is put in its place among the
best, all of which move by one at once. In a row of n random elements that happens about
k · ln(n/k) times.
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.arithmetic import maximum, minimum
from tilegrad.ops.build import Builder, combine, lanes
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program
from tilegrad.tile.operations.sort_key import key_dtype, order_key

MOST = 256
"""So many places are found in this way at most ..."""
SHARE = 8
"""... and only of rows that are so many times as long."""
_LANES = 64
"""Elements that are compared at a time with the last of the best."""
_GREATEST = (1 << 64) - 1


def selects(dtype: DType, length: Index, inner: Index, count: int) -> bool:
    """Whether this is the way to find the first ``count`` places."""
    is_long = not isinstance(length, int) or length >= SHARE * count
    return count <= MOST and key_dtype(dtype).bits <= 32 and inner == 1 and is_long


def build_selection(
    dtype: DType, outer: Index, length: Index, count: int, *, is_descending: bool
) -> Program:
    """Return the program of ``argsort`` that gives the first places of each row.

    Args:
        dtype: of the elements, of 32 bits at most.
        outer: number of rows.
        length: of a row, less than 2³².
        count: how many places are wanted.
        is_descending: whether the greatest comes first.
    """
    build = Builder(f"selection_{count}_{dtype.name}")
    x = build.input(dtype, symbolic.multiply(outer, length))
    y = build.output(dtypes.int64, symbolic.multiply(outer, count))
    rows, depth = build.scalar("outer", outer), build.scalar("length", length)
    row = build.instance(rows)
    selection = _Selection(build, x, row * depth, depth, count, is_descending=is_descending)
    selection.walk()
    best = build.load(selection.best, lanes(count) + 1) & _bits((1 << 32) - 1)
    build.store(y, row * count + lanes(count), cast_to(best, dtypes.int64))
    return build.program()


class _Selection:
    """Writes the walk along one row.

    Attributes:
        best: words of the best keys so far in order, each with its position below; before them a
            word that is less than all.
    """

    def __init__(
        self, build: Builder, x: Node, first: Node, length: Node, count: int, *, is_descending: bool
    ) -> None:
        self.build, self.x, self.first, self.length = build, x, first, length
        self.count, self.is_descending = count, is_descending
        self.best = build.scratch(dtypes.uint64, count + 1)

    def walk(self) -> None:
        """Look at all elements of the row."""
        build, length = self.build, self.length
        build.store(self.best, 0, 0)
        build.store(
            self.best, lanes(self.count) + 1, filled(_GREATEST, dtypes.uint64, (self.count,))
        )
        end = length // _LANES * _LANES
        with build.loop(0, end, _LANES) as loop:
            least = combine(self._key(loop.index + lanes(_LANES)), "minimum")
            last = build.load(self.best, self.count) >> _bits(32)
            # Only equal to it is the key of a NaN while there is still room.
            with build.when(least <= cast_to(last, dtypes.uint32)):
                self._add_each(loop.index, loop.index + _LANES)
        self._add_each(end, length)

    def _add_each(self, start: Index, stop: Index) -> None:
        build = self.build
        with build.loop(start, stop) as loop:
            key = cast_to(self._key(loop.index), dtypes.uint64)
            word = (key << _bits(32)) | cast_to(loop.index, dtypes.uint64)
            with build.when(word < build.load(self.best, self.count)):
                before = build.load(self.best, lanes(self.count))
                here = build.load(self.best, lanes(self.count) + 1)
                build.store(self.best, lanes(self.count) + 1, minimum(here, maximum(before, word)))

    def _key(self, place: Node) -> Node:
        element = self.build.load(self.x, self.first + place)
        return cast_to(order_key(element, is_descending=self.is_descending), dtypes.uint32)


def _bits(value: int) -> Node:
    return constant(value, dtypes.uint64)

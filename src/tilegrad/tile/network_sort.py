"""Sorting of many rows at once: a network of comparisons, each lane a row of its own.

What is compared with what does not depend on the data, so all lanes take the same way, and a
comparison is a minimum and a maximum of vectors. Blocks of eight are sorted in registers; then
pairs of sorted blocks are merged by a bitonic network (K. Batcher, "Sorting networks and their
applications", 1968), whose first comparisons pair the first element with the last: two or three of
its levels at a time are done in registers, as stores cost most. Rows are filled up to a power of
two. Where only the first places are wanted, blocks grow no longer than these are: of each two, the
half that comes first is kept, until one is left.

Words are sorted: keys (``sort_key``), or, where positions are wanted, keys with the positions below
them, so that equal elements keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.arithmetic import maximum, minimum
from tilegrad.ops.bounds import bounds
from tilegrad.ops.build import Builder, full, lanes
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import permute_axes
from tilegrad.ops.program import Program
from tilegrad.tile.sort_key import exact_key, key_dtype, order_key, value_of_key

LONGEST = 2048
"""Longest row for which a network is the faster way."""
FEWEST = 4
"""With fewer rows too many lanes would be idle."""
_BLOCK = 8
_LANES = 16
Comparison = tuple[int, int]
"""Places of the elements of which the first is to hold the lesser one."""


def suits(dtype: DType, length: int, rows: Index, *, has_positions: bool) -> bool:
    """Whether so many rows of a length are sorted by a network."""
    fits = not has_positions or key_dtype(dtype).bits <= 32
    return fits and 2 <= length <= LONGEST and bounds(rows)[0] >= FEWEST


def build_network_sort(
    dtype: DType,
    sizes: tuple[Index, int, Index],
    wanted: Index,
    *,
    is_descending: bool,
    has_positions: bool,
) -> Program:
    """Return the sort of data seen as (outer, length, inner) along the middle axis.

    Args:
        dtype: of the elements.
        sizes: the product of the sizes before the axis, the size of the axis, ``LONGEST`` at most,
            and the product of the sizes after it.
        wanted: how many first places are wanted.
        is_descending: whether the greatest comes first.
        has_positions: whether the result is the positions, of int64, else the elements.
    """
    outer, length, inner = sizes
    kind = "positions" if has_positions else "values"
    build = Builder(f"network_{kind}_{'rows' if inner == 1 else 'columns'}_{dtype.name}")
    x = build.input(dtype, symbolic.multiply_all(sizes))
    result = dtypes.int64 if has_positions else dtype
    y = build.output(result, symbolic.multiply_all((outer, wanted, inner)))
    rows = build.scalar("outer", outer)
    columns = None if inner == 1 else build.scalar("inner", inner)
    sorting = _Sorting(build, (x, y), (length, wanted), is_descending, has_positions)
    width = sorting.width
    if columns is None:
        first = build.instance((rows + (width - 1)) // width) * width
        sorting.sort_rows(first, rows)
    else:
        outside = build.instance(rows)
        column = build.instance((columns + (width - 1)) // width) * width
        sorting.sort_columns(outside, column, columns)
    return build.program()


class _Sorting:
    """Writes the sort of as many rows as there are lanes."""

    def __init__(
        self,
        build: Builder,
        memory: tuple[Node, Node],
        sizes: tuple[int, Index],
        is_descending: bool,
        has_positions: bool,
    ) -> None:
        self.build = build
        self.x, self.y = memory
        length, wanted = sizes
        self.filled = max(_BLOCK, 1 << (length - 1).bit_length())
        self.length = build.scalar("length", length, 2, self.filled)
        self.wanted = self.length
        self.kept = self.filled
        if isinstance(wanted, int):
            self.kept = min(self.filled, max(_BLOCK, 1 << (max(wanted, 1) - 1).bit_length()))
        if wanted != length:
            self.wanted = build.scalar("wanted", wanted, 0, self.filled)
        self.is_descending = is_descending
        self.has_positions = has_positions
        self.dtype = dtypes.uint64 if has_positions else key_dtype(self.x.dtype)
        self.width = max(_LANES, 64 // self.dtype.itemsize)
        self.words = build.scratch(self.dtype, (self.filled + _LANES) * self.width)

    def word(self, element: Node, position: Node) -> Node:
        """Return what is sorted."""
        if not self.has_positions:
            return exact_key(element, is_descending=self.is_descending)
        key = cast_to(order_key(element, is_descending=self.is_descending), dtypes.uint64)
        return (key << constant(32, dtypes.uint64)) | cast_to(position, dtypes.uint64)

    def result(self, word: Node) -> Node:
        """Return what is written for a word."""
        if not self.has_positions:
            return value_of_key(word, self.x.dtype, is_descending=self.is_descending)
        return cast_to(word & constant((1 << 32) - 1, dtypes.uint64), dtypes.int64)

    def sort_rows(self, first: Node, rows: Node) -> None:
        """Sort rows of consecutive elements; pieces of them are turned on the way in and out."""
        build, width = self.build, self.width
        row, piece = first + lanes(width, 2, 0), lanes(_LANES, 2, 1)
        with build.loop(0, self.length, _LANES) as loop:
            place = loop.index + piece
            is_inside = (row < rows) & (place < self.length)
            element = build.load(self.x, row * self.length + place, is_inside)
            words = permute_axes(self.word(element, place), (1, 0))
            self.keep(loop.index + lanes(_LANES, 2, 0), words)
        self.fill()
        self.exchange_all()
        with build.loop(0, self.wanted, _LANES) as loop:
            place = loop.index + piece
            offset = (loop.index + lanes(_LANES, 2, 0)) * width + lanes(width, 2, 1)
            words = permute_axes(build.load(self.words, offset), (1, 0))
            is_inside = (row < rows) & (place < self.wanted)
            build.store(self.y, row * self.wanted + place, self.result(words), is_inside)

    def sort_columns(self, outside: Node, column: Node, columns: Node) -> None:
        """Sort columns, one row of elements at a time on the way in and out."""
        build = self.build
        column = column + lanes(self.width)
        is_inside = column < columns
        with build.loop(0, self.length) as loop:
            offset = (outside * self.length + loop.index) * columns + column
            element = build.load(self.x, offset, is_inside)
            build.store(self.words, self.place(loop.index), self.word(element, loop.index))
        self.fill()
        self.exchange_all()
        with build.loop(0, self.wanted) as loop:
            word = self.load(loop.index)
            offset = (outside * self.wanted + loop.index) * columns + column
            build.store(self.y, offset, self.result(word), is_inside)

    def place(self, position: Index) -> Node:
        """Return where the words of a position are."""
        return as_node(position) * self.width + lanes(self.width)

    def load(self, position: Index) -> Node:
        """Return the words of a position."""
        return self.build.load(self.words, self.place(position))

    def keep(self, position: Node, words: Node) -> None:
        """Write words of shape (positions, lanes)."""
        self.build.store(self.words, position * self.width + lanes(self.width, 2, 1), words)

    def fill(self) -> None:
        """Fill the rows up with words that no other comes after."""
        last = full((self.width,), (1 << self.dtype.bits) - 1, self.dtype)
        with self.build.loop(self.length, self.filled) as loop:
            self.build.store(self.words, self.place(loop.index), last)

    def exchange_all(self) -> None:
        """Put everything in order, or as much as is wanted."""
        self.exchange(1, _BLOCK, range(_BLOCK), _sort_block())
        size = _BLOCK
        while size < self.kept:
            size *= 2
            self.merge(size)
        while size < self.filled:
            self.keep_least(size)

    def keep_least(self, size: int) -> None:
        """Of each two sorted blocks keep a sorted block of what comes first."""
        build, half = self.build, size // 2
        blocks = self.filled // (2 * size)
        with build.loop(0, blocks) as block, build.loop(0, half) as near:
            first = block.index * (2 * size) + near.index
            last = block.index * (2 * size) - near.index + (2 * size - 1)
            words = [
                minimum(self.load(first + near_), self.load(last - near_)) for near_ in (0, half)
            ]
            kept = block.index * size + near.index
            build.store(self.words, self.place(kept), minimum(*words))
            build.store(self.words, self.place(kept + half), maximum(*words))
        self.filled //= 2
        reach = half // 2
        while reach >= _BLOCK:
            self.exchange(reach, 2 * reach, (0, reach), [(0, 1)])
            reach //= 2
        self.exchange(1, _BLOCK, range(_BLOCK), _merge_levels(_BLOCK))

    def merge(self, size: int) -> None:
        """Merge pairs of sorted blocks into blocks of a size."""
        quarter = size // 4
        # The first level pairs places from both ends, the next one those a quarter apart.
        ends = [0, quarter, size - 1 - quarter, size - 1]
        reach, is_odd = quarter, (quarter // _BLOCK).bit_length() % 2
        if is_odd:
            self.exchange_mirrored(size, ends, [(0, 3), (1, 2), (0, 1), (2, 3)])
            reach //= 2
        else:
            self.exchange_mirrored(size, ends, [(0, 3), (1, 2)])
        while reach >= _BLOCK:
            places = range(0, 2 * reach, reach // 2)
            self.exchange(reach // 2, 2 * reach, places, [(0, 2), (1, 3), (0, 1), (2, 3)])
            reach //= 4
        self.exchange(1, _BLOCK, range(_BLOCK), _merge_levels(_BLOCK))

    def exchange(
        self, count: int, block: int, places: Sequence[int], comparisons: Sequence[Comparison]
    ) -> None:
        """Compare within each block elements at some places and at the ``count`` - 1 after them."""
        with self.build.loop(0, self.filled, block) as blocks:
            if count == 1:
                self.compare([blocks.index + place for place in places], comparisons)
                return
            with self.build.loop(0, count) as near:
                first = blocks.index + near.index
                self.compare([first + place for place in places], comparisons)

    def exchange_mirrored(
        self, size: int, ends: Sequence[int], comparisons: Sequence[Comparison]
    ) -> None:
        """Compare elements of the first half of each block with those of the second half's end."""
        with (
            self.build.loop(0, self.filled, size) as blocks,
            self.build.loop(0, size // 4) as near,
        ):
            half = len(ends) // 2
            first = [blocks.index + end + near.index for end in ends[:half]]
            last = [blocks.index + end - near.index for end in ends[half:]]
            self.compare([*first, *last], comparisons)

    def compare(self, positions: Sequence[Node], comparisons: Sequence[Comparison]) -> None:
        """Do comparisons in registers."""
        places = [self.place(position) for position in positions]
        words = [self.load(position) for position in positions]
        for low, high in comparisons:
            words[low], words[high] = (
                minimum(words[low], words[high]),
                maximum(words[low], words[high]),
            )
        for place, word in zip(places, words, strict=True):
            self.build.store(self.words, place, word)


def _sort_block() -> list[Comparison]:
    """Return the network that sorts a block: odd-even merges of Batcher, 19 for 8 elements."""
    found: list[Comparison] = []

    def merge(start: int, count: int, step: int) -> None:
        if 2 * step >= count:
            found.append((start, start + step))
            return
        merge(start, count, 2 * step)
        merge(start + step, count, 2 * step)
        inner = range(start + step, start + count - step, 2 * step)
        found.extend((place, place + step) for place in inner)

    def sort(start: int, count: int) -> None:
        if count > 1:
            sort(start, count // 2)
            sort(start + count // 2, count // 2)
            merge(start, count, 1)

    sort(0, _BLOCK)
    return found


def _merge_levels(size: int) -> list[Comparison]:
    """Return the levels of a bitonic merge that stay within a block."""
    reaches = [size >> level for level in range(1, size.bit_length())]
    return [(i, i + reach) for reach in reaches for i in range(size) if not i & reach]

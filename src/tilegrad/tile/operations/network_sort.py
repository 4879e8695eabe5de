"""Sorting of many rows at once: a network of comparisons, each lane a row of its own.

What is compared with what does not depend on the data, so all lanes take the same way, and a
comparison is a minimum and a maximum of vectors. Blocks of sixteen words, half of the registers,
are sorted as they come in; then pairs of sorted blocks are merged by a bitonic network (K. Batcher,
"Sorting networks and their applications", 1968), whose first comparisons pair the first element
with the last. A store takes as long as four comparisons: so up to four levels of a merge are done
in registers each time that words are there, and the last ones where results are written. What the
next rows need is asked for meanwhile. Rows are filled up to a power of two. Where only the first
places are wanted, blocks grow no longer than these are: of each two, the half that comes first is
kept, until one is left.

Words are sorted: keys (``sort_key``), or, where positions are wanted, keys with the positions below
them, so that equal elements keep their order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.arithmetic import maximum, minimum
from tilegrad.ops.bounds import bounds
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.comparison import where
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import filled, permute_axes
from tilegrad.ops.program import Program
from tilegrad.tile.operations.comparisons import Comparison, merge_levels, sort_levels
from tilegrad.tile.operations.sort_key import exact_key, key_dtype, order_key, value_of_key

LONGEST = 2048
"""Longest row for which a network is the faster way."""
FEWEST = 4
"""With fewer rows too many lanes would be idle."""
_BLOCK = 16
"""Words that are sorted in registers at a time: half of the registers of AVX-512."""
_LANES = 16
"""Elements of a row that are read at a time, and turned."""
_VECTOR_BYTES = 64
"""Lanes are rows; where vectors are narrower, what is meant as one takes several registers."""


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
        self.filled = 1 << (length - 1).bit_length()
        self.block = min(_BLOCK, self.filled)
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
        self.width = _VECTOR_BYTES // self.dtype.itemsize
        self.last = constant((1 << self.dtype.bits) - 1, self.dtype)
        self.is_ordered = True
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
            offset = row * self.length + place
            element = build.load(self.x, offset, is_inside, ahead=width * self.filled)
            words = where(is_inside, self.word(element, place), self.last)
            offset = (loop.index + lanes(_LANES, 2, 0)) * width + lanes(width, 2, 1)
            build.store(self.words, offset, permute_axes(words, (1, 0)))
            self.sort_block(loop.index)
        self.fill()
        self.merge_all()
        with build.loop(0, self.wanted, _LANES) as loop:
            self.end_block(loop.index)
            place = loop.index + piece
            offset = (loop.index + lanes(_LANES, 2, 0)) * width + lanes(width, 2, 1)
            words = permute_axes(build.load(self.words, offset), (1, 0))
            is_inside = (row < rows) & (place < self.wanted)
            build.store(self.y, row * self.wanted + place, self.result(words), is_inside)

    def sort_columns(self, outside: Node, column: Node, columns: Node) -> None:
        """Sort columns, a block of rows of elements at a time on the way in and out."""
        build, block = self.build, self.block
        column = column + lanes(self.width)
        is_inside = column < columns
        with build.loop(0, self.length, block) as loop:
            for place in [loop.index + near for near in range(block)]:
                is_here = is_inside & (place < self.length)
                offset = (outside * self.length + place) * columns + column
                word = self.word(build.load(self.x, offset, is_here), place)
                build.store(self.words, self.place(place), where(is_here, word, self.last))
            self.sort_block(loop.index)
        self.fill()
        self.merge_all()
        with build.loop(0, self.wanted, block) as loop:
            self.end_block(loop.index)
            for place in [loop.index + near for near in range(block)]:
                offset = (outside * self.wanted + place) * columns + column
                is_wanted = is_inside & (place < self.wanted)
                build.store(self.y, offset, self.result(self.load(place)), is_wanted)

    def place(self, position: Index) -> Node:
        """Return where the words of a position are."""
        return as_node(position) * self.width + lanes(self.width)

    def load(self, position: Index) -> Node:
        """Return the words of a position."""
        return self.build.load(self.words, self.place(position))

    def fill(self) -> None:
        """Fill the rows up with blocks of words that no other comes after."""
        blocks = (self.length + (self.block - 1)) // self.block
        with self.build.loop(blocks * self.block, self.filled) as loop:
            last = filled((1 << self.dtype.bits) - 1, self.dtype, (self.width,))
            self.build.store(self.words, self.place(loop.index), last)

    def sort_block(self, start: Node) -> None:
        """Sort a block."""
        self.compare([start + place for place in range(self.block)], sort_levels(self.block))

    def end_block(self, start: Node) -> None:
        """Order what the last merge leaves in each block."""
        if not self.is_ordered:
            self.order_block(start)

    def order_block(self, start: Node) -> None:
        """Do the last levels of a merge, which stay within a block."""
        levels = self.block.bit_length() - 1
        places = [start + place for place in range(self.block)]
        self.compare(places, merge_levels(self.block, levels))

    def merge_all(self) -> None:
        """Merge the sorted blocks, as far as is wanted, up to the last levels within blocks."""
        size = self.block
        while size < self.filled:
            if not self.is_ordered:
                with self.build.loop(0, self.filled, self.block) as loop:
                    self.order_block(loop.index)
            if size < self.kept:
                size *= 2
                self.merge(size)
            else:
                self.filled //= 2
                self.keep_least(size)
            self.is_ordered = size == self.block

    def merge(self, size: int) -> None:
        """Merge pairs of sorted blocks into blocks of a size, but for the last levels."""
        levels, half = self.divide_levels(size), self.block // 2
        offsets = _offsets(self.block, size, levels[0])[:half]
        with self.each(size, levels[0]) as (start, near):
            places = [start + near + offset for offset in offsets]
            places += [start - near + (size - 1 - offset) for offset in offsets[::-1]]
            ends = [(place, self.block - 1 - place) for place in range(half)]
            self.compare(places, [*ends, *merge_levels(self.block, levels[0])[half:]])
        self.order(size, levels)

    def keep_least(self, size: int) -> None:
        """Of each two sorted blocks keep a block of what comes first, in order as by ``merge``."""
        levels = self.divide_levels(size)
        offsets = _offsets(self.block, size, levels[0])
        with self.each(size, levels[0]) as (start, near):
            first = [self.load(start * 2 + near + offset) for offset in offsets]
            last = [self.load(start * 2 - near + (2 * size - 1 - offset)) for offset in offsets]
            places = [start + near + offset for offset in offsets]
            words = list(map(minimum, first, last))
            self.compare(places, merge_levels(self.block, levels[0]), words)
        self.order(size, levels)

    def order(self, size: int, levels: Sequence[int]) -> None:
        """Do the levels of a merge after those of its first pass."""
        for before, level in itertools.pairwise(levels):
            size >>= before
            offsets = _offsets(self.block, size, level)
            with self.each(size, level) as (start, near):
                places = [start + near + offset for offset in offsets]
                self.compare(places, merge_levels(self.block, level))

    def divide_levels(self, size: int) -> list[int]:
        """Return how many levels of a merge each pass does, but for those within a block.

        If it is of one block there are no others.
        """
        most = self.block.bit_length() - 1
        left = size.bit_length() - 1 - most
        passes = -(-left // most)
        return [left // passes + (i < left % passes) for i in range(passes)] or [most]

    @contextmanager
    def each(self, span: int, levels: int) -> Iterator[tuple[Node, Node]]:
        """Walk all spans, and in each what a block in registers does not reach."""
        loop, block = self.build.loop, self.block
        with loop(0, self.filled, span) as spans, loop(0, span >> levels, block >> levels) as near:
            yield spans.index, near.index

    def compare(
        self,
        places: Sequence[Node],
        comparisons: Sequence[Comparison],
        loaded: Sequence[Node] | None = None,
    ) -> None:
        """Do comparisons in registers of what is at some places, or of what was loaded."""
        words = [self.load(place) for place in places] if loaded is None else [*loaded]
        for low, high in comparisons:
            words[low], words[high] = (
                minimum(words[low], words[high]),
                maximum(words[low], words[high]),
            )
        for place, word in zip(places, words, strict=True):
            self.build.store(self.words, self.place(place), word)


def _offsets(block: int, span: int, levels: int) -> list[int]:
    """Return the places of a block of words that some levels of a span compare."""
    return [piece + i for piece in range(0, span, span >> levels) for i in range(block >> levels)]

"""Sort of long rows: least significant digit first, each pass a stable counting sort.

Keys are unsigned integers (``sort_key``) of 8-bit digits; one reading of the row counts all digits,
then each pass moves the elements to the places that the counts give. Keys of up to 32 bits travel
with their position in one 64-bit word. (D. Knuth, The Art of Computer Programming, volume 3,
section 5.2.5.)
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.program import Program
from tilegrad.tile.operations.sort_key import exact_key, key_dtype, order_key, value_of_key

WORKERS = 16
"""Most instances at a time; each has a workspace of its own for one row."""
LONGEST = (1 << 31) - 1
"""Positions are kept in 32 bits."""
_DIGITS = 256
"""Values of a digit: what 8 bits hold, so that all counts of a key stay in the first cache."""
_LANES = 16
"""Counts that are cleared at a time."""


def build_radix_sort(
    dtype: DType,
    sizes: tuple[Index, Index, Index],
    wanted: Index,
    *,
    is_descending: bool,
    has_positions: bool = True,
) -> Program:
    """Return the sort of data seen as (outer, length, inner) along the middle axis.

    Args:
        dtype: of the elements.
        sizes: the product of the sizes before the axis, the size of the axis, ``LONGEST`` at most,
            and the product of the sizes after it.
        wanted: how many first places are wanted, the size of the axis for all.
        is_descending: whether the greatest comes first.
        has_positions: whether the result is the positions, of int64, else the elements.
    """
    build = Builder(f"radix_{'argsort' if has_positions else 'sort'}_{dtype.name}")
    outer, length, inner = sizes
    count = symbolic.multiply_all(sizes)
    results = symbolic.multiply_all((outer, wanted, inner))
    rows = symbolic.multiply(outer, inner)
    workers = symbolic.minimum(rows, WORKERS)
    x = build.input(dtype, count)
    y = build.output(dtypes.int64 if has_positions else dtype, results)
    space = symbolic.multiply(workers, length)
    sorting = _Sorting(build, x, y, space, is_descending=is_descending, has_positions=has_positions)
    rows_, length_ = build.scalar("rows", rows), build.scalar("length", length, 0, LONGEST)
    inner_ = build.scalar("inner", inner, 1)
    workers_ = build.scalar("workers", workers, 0, WORKERS)
    limit = None if wanted == length else build.scalar("wanted", wanted)
    worker = build.instance(workers_)
    share = (rows_ + workers_ - 1) // symbolic.maximum(workers_, 1)
    end = symbolic.minimum((worker + 1) * share, rows_)
    with build.loop(worker * share, end) as row:
        outside, column = row.index // inner_, row.index % inner_
        first = outside * (length_ * inner_) + column
        target = first if limit is None else outside * (limit * inner_) + column
        sorting.sort(first, inner_, length_, worker * length_, target, limit)
    return build.program()


class _Sorting:
    """Writes the sort of one row.

    Attributes:
        key: dtype of the keys.
        passes: number of digits.
        has_positions: whether positions are sorted with the keys.
        is_packed: whether key and position share a word.
        counts: for each pass, how many elements have each digit, then where the next one goes.
        spaces: memories (of words, or of keys and positions) between which the passes alternate.
    """

    def __init__(
        self,
        build: Builder,
        x: Node,
        y: Node,
        space: Index,
        *,
        is_descending: bool,
        has_positions: bool,
    ) -> None:
        self.build, self.x, self.y = build, x, y
        self.is_descending = is_descending
        self.has_positions = has_positions
        self.key = key_dtype(x.dtype)
        self.passes = self.key.itemsize
        self.is_packed = has_positions and self.key.bits <= 32
        self.counts = build.scratch(dtypes.int64, self.passes * _DIGITS)
        parts = [dtypes.uint64] if self.is_packed else [dtypes.uint64, dtypes.uint32]
        if not has_positions:
            parts = [self.key]
        self.spaces = [
            [build.workspace(part, space) for part in parts] for _ in range(min(2, self.passes - 1))
        ]

    def sort(
        self,
        first: Node,
        stride: Node,
        length: Node,
        space: Node,
        target: Node,
        limit: Node | None,
    ) -> None:
        """Sort a row.

        Args:
            first: where it begins.
            stride: from element to element.
            length: of the row.
            space: where its workspace begins.
            target: where its result begins.
            limit: how many places are wanted, None for all.
        """
        build = self.build
        with build.loop(0, self.passes * _DIGITS, _LANES) as loop:
            build.store(self.counts, loop.index + lanes(_LANES), 0)
        with build.loop(0, length, place=first) as loop:
            key = self._read_key(loop["place"])
            loop["place"] = loop["place"] + stride
            for number in range(self.passes):
                self._take_place(key, number)
        self._add_up()
        for number in range(self.passes):
            start, step = (first, stride) if number == 0 else (space, 1)
            with build.loop(0, length, place=start) as loop:
                if number == 0:
                    key = self._read_key(loop["place"])
                    position = cast_to(loop.index, dtypes.uint64)
                else:
                    key, position = self._read(number, loop["place"])
                loop["place"] = loop["place"] + step
                place = self._take_place(key, number)
                if number == self.passes - 1:
                    mask = None if limit is None else place < limit
                    build.store(self.y, target + place * stride, self._result(key, position), mask)
                else:
                    self._write(number, space + place, key, position)

    def _read_key(self, offset: Node) -> Node:
        key_of = order_key if self.has_positions else exact_key
        key = key_of(self.build.load(self.x, offset), is_descending=self.is_descending)
        return cast_to(key, dtypes.uint64)

    def _result(self, key: Node, position: Node) -> Node:
        if self.has_positions:
            return cast_to(position, dtypes.int64)
        key = cast_to(key, self.key)
        return value_of_key(key, self.x.dtype, is_descending=self.is_descending)

    def _take_place(self, key: Node, number: int) -> Node:
        """Return the count of a key's digit, and count one more."""
        shifted = key >> constant(8 * number, dtypes.uint64)
        digit = cast_to(shifted & constant(_DIGITS - 1, dtypes.uint64), dtypes.index)
        count = self.build.load(self.counts, digit + number * _DIGITS)
        self.build.store(self.counts, digit + number * _DIGITS, count + 1)
        return cast_to(count, dtypes.index)

    def _add_up(self) -> None:
        """Turn the counts of each pass into the places of the first element of each digit."""
        names = [f"digit{number}" for number in range(self.passes)]
        nothing = constant(0, dtypes.int64)
        with self.build.loop(0, _DIGITS, **dict.fromkeys(names, nothing)) as loop:
            for number, name in enumerate(names):
                offset = loop.index + number * _DIGITS
                count = self.build.load(self.counts, offset)
                loop[name] = loop[name] + count
                # Written as a difference, the store depends on the load and cannot overtake it.
                self.build.store(self.counts, offset, loop[name] - count)

    def _read(self, number: int, offset: Node) -> tuple[Node, Node]:
        words = [self.build.load(memory, offset) for memory in self.spaces[(number - 1) % 2]]
        if not self.has_positions:
            return cast_to(words[0], dtypes.uint64), constant(0, dtypes.uint64)
        if not self.is_packed:
            return words[0], words[1]
        (word,) = words
        low = constant((1 << 32) - 1, dtypes.uint64)
        return word >> constant(32, dtypes.uint64), word & low

    def _write(self, number: int, offset: Node, key: Node, position: Node) -> None:
        space = self.spaces[number % 2]
        if not self.has_positions:
            self.build.store(space[0], offset, cast_to(key, self.key))
        elif self.is_packed:
            word = (key << constant(32, dtypes.uint64)) | position
            self.build.store(space[0], offset, word)
        else:
            self.build.store(space[0], offset, key)
            self.build.store(space[1], offset, cast_to(position, dtypes.uint32))

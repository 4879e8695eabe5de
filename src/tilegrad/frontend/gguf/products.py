"""Products of a quantised matrix and a few rows, by whole numbers.

Where a processor multiplies groups of four bytes and adds up the products in one instruction, the
levels of a block need not become floats. ``levels`` says where the formats have them. The rows are
made whole numbers, too (``quantised_rows``), so that Σ level·n is computed exactly and scaled once
for each part of 16 or 32 numbers. Each row of a result is computed in the same way however many
rows there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.engine import current_session
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.frontend.gguf.levels import LAYOUTS, Group, Layout, Portion
from tilegrad.frontend.gguf.quantised_rows import BYTES, PART, PARTS, QuantisedRow, quantise_rows
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.op import Shape
from tilegrad.language import Array, KernelBuilder, Size, Span, Tile
from tilegrad.ops.infer import known_sizes
from tilegrad.tensor import Tensor
from tilegrad.tensor.kernel import kernel

_MOST = 32
"""So many rows are multiplied as whole numbers; with more, decoding costs each of them little."""
_TOGETHER = 8
"""So many of them have their sums in registers while a row of the matrix is read."""
_LINES = 4
"""Rows of the matrix that are multiplied at a time, if their number is a multiple."""
_MANY_LINES = 16
"""Rows of an instance where there are more of x: they stay in the first cache while x changes."""
_WORDS = 4
"""Words of four bytes in a part."""

_AHEAD = 10816
"""Memory is asked for rows so many bytes early, into the second cache. Less than 9 KiB does not
hide how long it takes; multiples of 2 KiB made products up to eight times as slow, as if the first
cache took what is asked for and what is read for each other."""

Store = Callable[[int, Span, Tile], None]
"""Stores the products of a row of x, given by its number, and some rows of the matrix."""


def can_multiply(form: str, shape: Shape, x: Tensor) -> bool:
    """Whether ``multiply`` takes a matrix of a format and shape, and x, and is fast there."""
    executor = current_session().compiled(x.device)
    return (
        form in LAYOUTS
        and len(shape) == x.ndim == 2
        and x.dtype is dtypes.float32
        and x.shape[0] in range(1, _MOST + 1)
        and executor is not None
        and executor.multiplies(dtypes.uint8, dtypes.int8)
    )


def multiply(form: str, stored: Blocks, x: Tensor) -> Tensor:
    """Return x @ Wᵀ, float32 of shape (count, rows).

    Args:
        form: of the blocks, one of ``LAYOUTS``.
        stored: blocks of shape (rows, blocks, ..).
        x: float32 of shape (count, columns), of fixed and small size.
    """
    halves = stored.bytes if stored.halves is None else stored.halves
    layout = LAYOUTS[form]
    turns = layout.turns(*known_sizes(stored.bytes.node.shape[:2]))
    quantised = quantise_rows(layout.order, x, is_ring=turns > 1)
    return multiply_levels(form, x.shape[0], stored.bytes, halves, x, *quantised)


@kernel
def multiply_levels(
    build: KernelBuilder,
    form: str,
    count: int,
    stored: Array,
    halves: Array,
    x: Array,
    levels: Array,
    factors: Array,
) -> Array:
    """Return the products of count rows; x is there for the gradient alone."""
    del x
    y = build.output((count, stored.shape[0]), dtypes.float32)
    following, is_long = build.following(stored), count > _TOGETHER
    lines = Lines(build, LAYOUTS[form], stored, halves, following, is_long=is_long)
    first = build.grid(lines.instances) * lines.count

    def multiply_some(start: Size, size: int) -> None:
        given = [QuantisedRow(levels.at(start + n), factors.at(start + n)) for n in range(size)]

        def store(number: int, span: Span, product: Tile) -> None:
            y.at(start + number).reshape(*lines.shape)[span] = product

        lines.multiply(first, given, store)

    whole = count - count % _TOGETHER
    if whole:
        with build.loop(0, whole, _TOGETHER) as loop:
            multiply_some(loop.index, _TOGETHER)
    if count % _TOGETHER:
        multiply_some(whole, count % _TOGETHER)
    return y


class _Sums(NamedTuple):
    """What is added up for each part of each row.

    Attributes:
        products: scaled sums of products.
        rest: what stands for level 0 times the sums of x; where groups say no leasts, the scales
            times the sums.
    """

    products: Tile
    rest: Tile

    def add(self, group: Group, x: QuantisedRow, place: _Place) -> _Sums:
        """Return the sums with the products of a group."""
        (parts,) = place.parts.shape
        total = tl.zeros((1, parts * _WORDS), dtypes.int32)
        for byte in range(BYTES):
            total = total << 8
            for number, vector in enumerate(group.vectors):
                factor = x.levels[place.group, byte, number, place.bytes]
                total = total + (_words(vector) * _words(factor)).sum(0, keepdim=True)
        whole = total.reshape(parts, _WORDS).sum(1).cast(dtypes.float32)
        scales = group.scales * x.factors[place.group, 0, place.parts]
        leasts = group.scales if group.leasts is None else group.leasts
        return _Sums(
            tl.fma(whole, scales, self.products),
            tl.fma(leasts, x.factors[place.group, 1, place.parts], self.rest),
        )

    def where(self, condition: Tile) -> _Sums:
        """Return the sums of some parts; 0 for the others."""
        return _Sums(*(tl.where(condition, one, 0.0) for one in self))

    def plus(self, other: _Sums) -> _Sums:
        """Return the sums of both."""
        return _Sums(self.products + other.products, self.rest + other.rest)

    def total(self, middle: int | None) -> Tile:
        """Return what each part adds to a product."""
        return self.products + (self.rest if middle is None else self.rest * -middle)


class _Place(NamedTuple):
    """Where the numbers of x that belong to a group are.

    Attributes:
        group: its number in each portion.
        parts: which parts of the row, for each part of each row of the matrix.
    """

    group: int
    parts: Tile

    @property
    def bytes(self) -> Tile:
        """The bytes of vectors."""
        places = self.parts[:, None] * PART + tl.arange(PART)[None, :]
        return places.reshape(self.parts.shape[0] * PART)


class Lines:
    """Products of some rows of a matrix with rows of x.

    Rows that do not fill whole portions are joined, as many as do: they follow each other in
    memory, and x is repeated. A portion then may hold the end of one row and the beginning of the
    next one. Four (joined) rows at a time are multiplied: so what four parts of each add up to
    fills a vector, which is scaled by one instruction.

    Args:
        build: the kernel.
        layout: of the format.
        stored: the matrix, uint8 of shape (rows, blocks, ..).
        halves: the same as float16.
        following: how many bytes behind the matrix lies what the next kernel reads.
        is_long: whether so many rows are wanted that x changes more often than they.

    Attributes:
        shape: how many joined rows there are, and of how many rows each.
        count: how many joined rows an instance multiplies.
        instances: how many there are.
    """

    def __init__(
        self,
        build: KernelBuilder,
        layout: Layout,
        stored: Array,
        halves: Array,
        following: Size = 0,
        *,
        is_long: bool,
    ) -> None:
        rows, self._blocks = (tl.known(size) for size in stored.shape[:2])
        turns = layout.turns(rows, self._blocks)
        self.shape = rows // turns, turns
        self._build, self._layout = build, layout
        self._stored, self._halves = (
            one.reshape(rows // turns, turns * self._blocks, one.shape[2])
            for one in (stored, halves)
        )
        self._following = following
        self.count = math.gcd(rows // turns, _MANY_LINES if is_long else _LINES)
        self.instances = self.shape[0] // self.count
        self._together = min(self.count, _LINES)

    def multiply(self, first: Size, given: Sequence[QuantisedRow], store: Store) -> None:
        """Multiply the joined rows from the first one on with each row of x.

        Args:
            first: its number.
            given: the rows of x.
            store: stores the products of a row of x, given by its number, and some joined rows:
                shape (joined rows, rows of each).
        """
        with self._build.loop(0, self.count, self._together) as loop:
            start = loop.index + first
            totals: list[list[Tile]] = []
            begun = self._nothing(len(given))
            for turn in range(self.shape[1]):
                sums, begun = self._multiply_turn(start, turn, given, begun)
                totals.append([one.total(self._layout.middle) for one in sums])
            for number, turns in enumerate(zip(*totals, strict=True)):
                store(number, Span(start, self._together), _add_parts(turns, self._together))

    def _multiply_turn(
        self, start: Tile, turn: int, given: Sequence[QuantisedRow], begun: list[_Sums]
    ) -> tuple[list[_Sums], list[_Sums]]:
        """Return the sums of one of the joined rows, and what those of the next one begin with."""
        size, end = self._layout.blocks, (turn + 1) * self._blocks
        first, last = -(-turn * self._blocks // size), end // size
        products, rest = zip(*begun, strict=True)
        with self._build.loop(first, last, 1, products=products, rest=rest) as loop:
            sums = [_Sums(*both) for both in zip(loop.products, loop.rest, strict=True)]
            sums = self._add(start, loop.index, turn, given, sums)
            loop.products, loop.rest = zip(*sums, strict=True)
        sums = [_Sums(*both) for both in zip(loop.products, loop.rest, strict=True)]
        if end % size == 0:
            return sums, self._nothing(len(given))
        border = self._add(start, last, turn, given, self._nothing(len(given)))
        is_own = tl.arange(self._together * PARTS) % PARTS < end % size
        own = [one.plus(both.where(is_own)) for one, both in zip(sums, border, strict=True)]
        return own, [both.where(~is_own) for both in border]

    def _nothing(self, count: int) -> list[_Sums]:
        """Return the sums of so many rows of x before anything is added."""
        zero = tl.zeros(self._together * PARTS)
        return [_Sums(zero, zero)] * count

    def _add(
        self,
        first: Tile,
        index: Size,
        turn: int,
        given: Sequence[QuantisedRow],
        sums: list[_Sums],
    ) -> list[_Sums]:
        """Return sums of each row of x with a portion, which begins in the given turn."""
        blocks = self._layout.blocks
        parts = tl.arange(self._together * PARTS)
        block = index * blocks + parts % blocks
        if isinstance(index, int):  # x is 0 where the last row has ended
            block = tl.minimum(block, self._stored.shape[1] - 1)
        portion = Portion(self._stored, self._halves, first + parts // PARTS, block)
        self._fetch(first, index)
        # Parts are blocks wherever turns are more than one.
        start = index * PARTS - turn * self._blocks
        for number, group in enumerate(self._layout.read(portion)):
            place = _Place(number, start + parts % PARTS)
            sums = [one.add(group, x, place) for one, x in zip(sums, given, strict=True)]
        return sums

    def _fetch(self, first: Tile, portion: Size) -> None:
        """Ask for rows that come soon, or for what the next kernel reads where none do."""
        rows, *sizes = (tl.known(size) for size in self._stored.shape)
        length, share = math.prod(sizes), self._layout.blocks * sizes[-1]
        soon = first * length + _AHEAD
        soon = tl.where(soon < rows * length, soon, soon + self._following) + portion * share
        for row in range(self._together):
            self._stored.fetch(soon + row * length, share)


def _add_parts(totals: Sequence[Tile], rows: int) -> Tile:
    """Return the sums of each row's parts, for several turns: shape (rows, turns)."""
    number = tl.arange(len(totals))[None, :, None]
    shape = (rows, len(totals), PARTS)
    chosen = totals[0].reshape(rows, 1, PARTS).expand(*shape)
    for turn, total in enumerate(totals[1:], 1):
        chosen = tl.where(number < turn, chosen, total.reshape(rows, 1, PARTS).expand(*shape))
    return chosen.sum(2)


def _words(x: Tile) -> Tile:
    """Return bytes as int32 of shape (4, words)."""
    return x.reshape(x.shape[0] // 4, 4).T.cast(dtypes.int32)


@multiply_levels.gradient
def _multiply_gradient(
    upstream: Tensor, result: Tensor, form: str, count: int, *arguments: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradient by x: that of a product with the decoded matrix."""
    del result, count
    stored, halves = arguments[:2]
    decoded = FORMATS[form].decode(Blocks(stored, halves)).reshape(stored.shape[0], -1)
    return None, None, upstream @ decoded, None, None

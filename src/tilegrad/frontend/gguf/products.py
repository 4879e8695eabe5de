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
    quantised = quantise_rows(LAYOUTS[form].order, x)
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
    rows = tl.known(stored.shape[0])
    y = build.output((count, rows), dtypes.float32)
    lines = Lines(build, LAYOUTS[form], rows, tl.known(stored.shape[1]), count > _TOGETHER)
    first = build.grid(rows // lines.count) * lines.count

    def multiply_some(start: Size, size: int) -> None:
        given = [QuantisedRow(levels.at(start + n), factors.at(start + n)) for n in range(size)]

        def store(number: int, span: Span, product: Tile) -> None:
            y[start + number, span] = product

        lines.multiply(stored, halves, first, given, store)

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
                factor = x.levels[(*place.group, byte, number, place.bytes)]
                total = total + (_words(vector) * _words(factor)).sum(0, keepdim=True)
        whole = total.reshape(parts, _WORDS).sum(1).cast(dtypes.float32)
        scales = group.scales * x.factors[(*place.group, place.parts)]
        leasts = group.scales if group.leasts is None else group.leasts
        return _Sums(
            tl.fma(whole, scales, self.products),
            tl.fma(leasts, x.factors[(*place.group, PARTS + place.parts)], self.rest),
        )

    def finish(self, middle: int | None, rows: int) -> Tile:
        """Return the product of each row."""
        rest = self.rest if middle is None else self.rest * -middle
        total = self.products + rest
        return total.reshape(rows, total.shape[0] // rows).sum(1)


class _Place(NamedTuple):
    """Where the numbers of x that belong to a group are.

    Attributes:
        group: its portion, and its number there.
        parts: which of the four parts, for each part of each row.
    """

    group: tuple[Size, int]
    parts: Tile

    @property
    def bytes(self) -> Tile:
        """The bytes of vectors."""
        places = self.parts[:, None] * PART + tl.arange(PART)[None, :]
        return places.reshape(self.parts.shape[0] * PART)


class Lines:
    """Products of some rows of a matrix with rows of x.

    Four rows at a time are multiplied: so what four parts of each add up to fills a vector, which
    is scaled by one instruction. Of each row whole portions are read; then what is left of all of
    them, so that it fills vectors, too.

    Args:
        build: the kernel.
        layout: of the format.
        rows: of the matrix.
        blocks: in each row.
        is_long: whether so many rows are wanted that x changes more often than they.

    Attributes:
        count: how many rows an instance multiplies.
    """

    def __init__(
        self, build: KernelBuilder, layout: Layout, rows: int, blocks: int, is_long: bool
    ) -> None:
        self._build, self._layout = build, layout
        self._whole, self._left = divmod(blocks, layout.blocks)
        self.count = math.gcd(rows, _MANY_LINES if is_long else _LINES)
        self._together = min(self.count, _LINES)

    def multiply(
        self, stored: Array, halves: Array, first: Size, given: list[QuantisedRow], store: Store
    ) -> None:
        """Multiply the rows from the first one on with each row of x, and store the products."""
        with self._build.loop(0, self.count, self._together) as loop:
            rows = Span(first + loop.index, self._together)
            sums = self._multiply_whole(stored, halves, rows, given)
            products = [one.finish(self._layout.middle, self._together) for one in sums]
            if self._left:
                left = self._multiply_left(stored, halves, rows, given)
                products = [one + other for one, other in zip(products, left, strict=True)]
            for number, product in enumerate(products):
                store(number, rows, product)

    def _multiply_whole(
        self, stored: Array, halves: Array, rows: Span, given: list[QuantisedRow]
    ) -> list[_Sums]:
        """Return for each row of x what is added up over whole portions."""
        names = [(f"products{n}", f"rest{n}") for n in range(len(given))]
        parts = tl.arange(self._together * PARTS)
        zero = tl.zeros(self._together * PARTS)
        carried = {name: zero for both in names for name in both}
        with self._build.loop(0, self._whole, 1, **carried) as loop:
            found = [_Sums(*(getattr(loop, name) for name in both)) for both in names]
            block = loop.index * self._layout.blocks + parts % self._layout.blocks
            portion = Portion(stored, halves, rows.start + parts // PARTS, block)
            found = _add(self._layout, portion, given, (loop.index, parts % PARTS), found)
            for both, sums in zip(names, found, strict=True):
                for name, value in zip(both, sums, strict=True):
                    setattr(loop, name, value)
        return [_Sums(*(getattr(loop, name) for name in both)) for both in names]

    def _multiply_left(
        self, stored: Array, halves: Array, rows: Span, given: list[QuantisedRow]
    ) -> list[Tile]:
        """Return the products of what follows the whole portions of each row.

        Three blocks are read as four: x is 0 there.
        """
        size = 1 << (self._left - 1).bit_length()
        number = tl.arange(self._together * size)
        part = number % size
        block = self._whole * self._layout.blocks + tl.minimum(part, self._left - 1)
        portion = Portion(stored, halves, rows.start + number // size, block)
        zero = tl.zeros(self._together * size)
        nothing = [_Sums(zero, zero)] * len(given)
        found = _add(self._layout, portion, given, (self._whole, part), nothing)
        return [one.finish(self._layout.middle, self._together) for one in found]


def _add(
    layout: Layout,
    portion: Portion,
    given: Sequence[QuantisedRow],
    place: tuple[Size, Tile],
    sums: list[_Sums],
) -> list[_Sums]:
    """Return the sums of each row of x with the products of a portion."""
    index, parts = place
    for number, group in enumerate(layout.read(portion)):
        at = _Place((index, number), parts)
        sums = [one.add(group, x, at) for one, x in zip(sums, given, strict=True)]
    return sums


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

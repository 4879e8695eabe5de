"""Products of a quantised matrix and a few rows, by whole numbers.

Where a processor multiplies groups of four bytes and adds up the products in one instruction, the
levels of a block need not become floats. ``levels`` says where the formats have them. The rows are
made whole numbers, too (``quantised_rows``), so that Σ level·n is computed exactly and scaled once
for each part of 16 or 32 numbers. Each row of a result is computed in the same way however many
rows there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.engine import current_session
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.frontend.gguf.levels import LAYOUTS, Group, Layout, Portion
from tilegrad.frontend.gguf.quantised_rows import BYTES, PART, PARTS, QuantisedRow, quantise_rows
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.op import Shape
from tilegrad.language import Array, KernelBuilder, Size, Tile
from tilegrad.tensor import Tensor
from tilegrad.tensor.kernel import kernel

_MOST = 32
"""So many rows are multiplied as whole numbers; with more, decoding costs each of them little."""
_TOGETHER = 8
"""So many of them have their sums in registers while a row of the matrix is read."""
_LINES = 4
"""Rows of the matrix whose sums are finished together, if their number is a multiple."""
_MANY_LINES = 16
"""So many where there are more rows of x: they stay in the first cache while x changes."""
_PORTIONS = 4
"""So many portions follow each other in a round of a loop, if that has few instructions."""
_WORDS = 4
"""Words of four bytes in a part."""


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
    lines = math.gcd(rows, _LINES if count <= _TOGETHER else _MANY_LINES)
    span = slice(first := build.grid(rows // lines) * lines, first + lines)
    some = Lines(build, LAYOUTS[form], lines, min(count, _TOGETHER), tl.known(stored.shape[1]))

    def multiply_some(start: Size, size: int) -> None:
        numbers = [start + n for n in range(size)]
        given = [QuantisedRow(levels.at(n), factors.at(n)) for n in numbers]
        for number, product in zip(
            numbers, some.multiply(stored, halves, first, given), strict=True
        ):
            y[number, span] = product

    whole = count - count % _TOGETHER
    if whole:
        with build.loop(0, whole, _TOGETHER) as loop:
            multiply_some(loop.index, _TOGETHER)
    if count % _TOGETHER:
        multiply_some(whole, count % _TOGETHER)
    return y


class _Sums(NamedTuple):
    """What is added up.

    Attributes:
        products: scaled sums of products, for each word of a vector.
        rest: the products of leasts and sums, for each part. Where a format has leasts, products
            of scales stand before them: they are multiplied together, and these mean nothing.
    """

    products: Tile
    rest: Tile

    @classmethod
    def zero(cls, layout: Layout, parts: int) -> _Sums:
        """Return nothing, for vectors of so many parts."""
        rest = parts if layout.middle is not None else 2 * parts
        return cls(tl.zeros(parts * _WORDS), tl.zeros(rest))

    def add(self, group: Group, x: QuantisedRow, place: _Place) -> _Sums:
        """Return the sums with the products of a group."""
        (parts,) = place.parts.shape
        total = tl.zeros((1, parts * _WORDS), dtypes.int32)
        for byte in range(BYTES):
            total = total << 8
            for number, vector in enumerate(group.vectors):
                factor = x.levels[(*place.group, byte, number, place.bytes)]
                total = total + (_words(vector) * _words(factor)).sum(0, keepdim=True)
        whole = total.reshape(parts * _WORDS).cast(dtypes.float32)
        if group.factors.shape[0] == parts:
            rest = tl.fma(group.factors, x.factors[(*place.group, PARTS + place.parts)], self.rest)
            scale = group.factors * x.factors[(*place.group, place.parts)]
        else:
            both = group.factors * x.factors[(*place.group, place.factors)]
            rest, scale = self.rest + both, _half(both, 0)
        scales = scale[:, None].expand(parts, _WORDS).reshape(parts * _WORDS)
        return _Sums(tl.fma(whole, scales, self.products), rest)

    def finish(self, middle: int | None) -> _Sums:
        """Return the products, and what is to be added for each part."""
        return _Sums(self.products, _half(self.rest, 1) if middle is None else self.rest * -middle)


def _half(both: Tile, number: int) -> Tile:
    """Return the first or the second half of a vector of float32."""
    rows = both.bitcast(dtypes.uint32).reshape(2, both.shape[0] // 2)
    is_wanted = (tl.arange(2) < 1 if number == 0 else tl.arange(2) > 0)[:, None]
    return tl.where(is_wanted, rows, 0).sum(0).bitcast(dtypes.float32)


class _Place(NamedTuple):
    """Where the numbers of x that belong to a group are.

    Attributes:
        group: its portion, and its number there.
        parts: which of the four parts.
    """

    group: tuple[Size, int]
    parts: Tile

    @property
    def factors(self) -> Tile:
        """The scales and the sums of the parts, as one vector."""
        places = tl.arange(2)[:, None] * PARTS + self.parts[None, :]
        return places.reshape(2 * self.parts.shape[0])

    @property
    def bytes(self) -> Tile:
        """The bytes of a vector."""
        places = self.parts[:, None] * PART + tl.arange(PART)[None, :]
        return places.reshape(self.parts.shape[0] * PART)


class Lines:
    """Products of some rows of a matrix with rows of x.

    Of each row whole portions are multiplied; then what is left of all of them, so that it fills
    vectors, too.
    """

    def __init__(
        self, build: KernelBuilder, layout: Layout, lines: int, count: int, blocks: int
    ) -> None:
        """Get memory for so many rows, rows of x, and blocks in each row."""
        self._build, self._layout, self._lines = build, layout, lines
        self._whole, self._left = divmod(blocks, layout.blocks)
        self._found = build.scratch((count, lines, PARTS * _WORDS), dtypes.float32)
        self._least = build.scratch((count, lines, PARTS), dtypes.float32)
        if self._left:
            size = lines * self._left
            self._products = build.scratch((count, size, _WORDS), dtypes.float32)
            self._rest = build.scratch((count, size), dtypes.float32)

    def multiply(
        self, stored: Array, halves: Array, first: Size, given: list[QuantisedRow]
    ) -> list[Tile]:
        """Return the products of the rows from the first one on with each row of x."""
        with self._build.loop(self._lines) as loop:
            row = first + loop.index
            for n, sums in enumerate(self._multiply_whole(stored, halves, row, given)):
                self._found[n, loop.index], self._least[n, loop.index] = sums
        found = [
            self._found[n].reshape(self._lines, PARTS, _WORDS).sum(1) + self._least[n]
            for n in range(len(given))
        ]
        if not self._left:
            return [one.sum(1) for one in found]
        self._multiply_left(stored, halves, first, given)
        shape = (self._lines, self._left)
        return [
            (one + self._products[n].reshape(*shape, _WORDS).sum(1)).sum(1)
            + self._rest[n].reshape(*shape).sum(1)
            for n, one in enumerate(found)
        ]

    def _multiply_whole(
        self, stored: Array, halves: Array, row: Size, given: list[QuantisedRow]
    ) -> list[_Sums]:
        """Return for each row of x what is added up over whole portions."""
        layout = self._layout
        names = [(f"products{n}", f"rest{n}") for n in range(len(given))]
        zero = _Sums.zero(layout, PARTS)
        carried = {name: value for both in names for name, value in zip(both, zero, strict=True)}
        is_short = len(given) == 1 and layout.blocks > 1
        together = math.gcd(self._whole or 1, _PORTIONS) if is_short else 1
        with self._build.loop(0, self._whole, together, **carried) as loop:
            found = [_Sums(*(getattr(loop, name) for name in both)) for both in names]
            for number in range(together):
                index = loop.index + number
                start = index * layout.blocks
                blocks = slice(start, start + layout.blocks)
                portion = Portion(stored, halves, row, blocks, layout.blocks)
                found = _add(layout, portion, given, (index, tl.arange(PARTS)), found)
            for both, sums in zip(names, found, strict=True):
                for name, value in zip(both, sums, strict=True):
                    setattr(loop, name, value)
        ends = [_Sums(*(getattr(loop, name) for name in both)) for both in names]
        return [one.finish(layout.middle) for one in ends]

    def _multiply_left(
        self, stored: Array, halves: Array, first: Size, given: list[QuantisedRow]
    ) -> None:
        """Multiply what follows the whole portions of each row."""
        layout, left, start = self._layout, self._left, 0
        while start < (end := self._lines * left):
            size = next(size for size in (4, 2, 1) if start + size <= end)
            number = start + tl.arange(size)
            block = number % left
            place = self._whole * layout.blocks + block
            portion = Portion(stored, halves, first + number // left, place, size)
            nothing = [_Sums.zero(layout, size)] * len(given)
            found = _add(layout, portion, given, (self._whole, block), nothing)
            for n, sums in enumerate(found):
                products, rest = sums.finish(layout.middle)
                self._products[n, start : start + size] = products.reshape(size, _WORDS)
                self._rest[n, start : start + size] = rest
            start += size


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

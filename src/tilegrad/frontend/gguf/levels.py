"""Where formats keep what stands for their numbers: levels, as bytes without sign, and scales.

A number is scale · level + least, or scale · (level - middle). A row is read in portions: four
blocks of 32 numbers, fewer at its end, or one block of 256. A portion has groups of vectors of four
parts, 16 numbers each; every part of a group has its scale and its least value
(``quantised_rows.Order`` says which numbers). Some rows are read together: a part of each row's
portion after the other, row by row. The places are those of ``formats``, which decodes
the same blocks to float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.frontend.gguf.quantised_rows import PART, PARTS, Order
from tilegrad.ir.dtype import dtypes
from tilegrad.language import Array, Tile


class Group(NamedTuple):
    """Numbers that are added up together.

    Attributes:
        vectors: levels, uint8 of shape (16 · parts).
        scales: of each part, float32 of shape (parts).
        leasts: what stands for level 0 in each part, of the same shape; None where the scale times
            a level of the format's ``Layout`` has to be taken off.
    """

    vectors: tuple[Tile, ...]
    scales: Tile
    leasts: Tile | None = None


class Portion(NamedTuple):
    """Parts of some rows: those of the first row, then those of the next one.

    Attributes:
        bytes: of the rows, uint8 of shape (rows, blocks, ..).
        halves: the same as float16.
        row: of each part.
        block: that each part belongs to; of a row they are different ones, or one has all four.
    """

    bytes: Array
    halves: Array
    row: Tile
    block: Tile

    @property
    def parts(self) -> int:
        """How many there are."""
        return self.row.shape[0]

    def part(self, place: int) -> Tile:
        """Return 16 bytes of each part's block, as one vector."""
        places = (place + tl.arange(PART))[None, :].expand(self.parts, PART)
        return self._read(self.bytes, places)

    def spread(self, place: int) -> Tile:
        """Return the bits of two bytes of each block, one in each byte; as 0 and other values."""
        shape = (self.parts, 2, 8)
        bits = tl.ones(8, dtypes.uint8) << tl.arange(8).cast(dtypes.uint8)
        places = (place + tl.arange(2))[None, :, None].expand(*shape)
        return self._read(self.bytes, places) & bits.expand(*shape).reshape(self.parts * PART)

    def byte(self, place: int) -> Tile:
        """Return a byte of each block."""
        return self.bytes[self.row, self.block, place]

    def number(self, place: int) -> Tile:
        """Return the float16 number at an even place of each part's block."""
        return self.halves[self.row, self.block, place // 2].cast(dtypes.float32)

    def numbers(self, place: int) -> tuple[Tile, Tile]:
        """Return the float16 numbers at an even place of each block, and those behind them."""
        shape = (2, self.parts)
        row, block = (one[None, :].expand(*shape) for one in (self.row, self.block))
        places = (place // 2 + tl.arange(2))[:, None].expand(*shape)
        flat = (one.reshape(2 * self.parts) for one in (row, block, places))
        words = self.halves[tuple(flat)].bitcast(dtypes.uint16).reshape(*shape)
        is_first = (tl.arange(2) < 1)[:, None]
        both = tl.where(is_first, words, 0), tl.where(is_first, 0, words)
        first, second = (one.sum(0).bitcast(dtypes.float16).cast(dtypes.float32) for one in both)
        return first, second

    def at(self, places: Tile) -> Tile:
        """Return the bytes at some places, for the four parts of a row that has one block."""
        own = places.shape[1:]
        rows = self.parts // PARTS
        spread = places[None].expand(rows, *places.shape).reshape(self.parts, *own)
        return self._read(self.bytes, spread)

    def _read(self, array: Array, places: Tile) -> Tile:
        """Return bytes of each part's block, as one vector."""
        axes = (1,) * (places.ndim - 1)
        index = (one.reshape(self.parts, *axes) for one in (self.row, self.block))
        size = math.prod(places.shape)
        flat = [one.expand(*places.shape).reshape(size) for one in (*index, places)]
        return array[tuple(flat)]


Read = Callable[[Portion], Iterator[Group]]


class Layout(NamedTuple):
    """How a format is multiplied.

    Attributes:
        read: gives the groups of a portion.
        order: of the numbers of a portion.
        blocks: of a whole portion.
        middle: the level that stands for 0, None if groups have least values.
    """

    read: Read
    order: Order
    blocks: int
    middle: int | None = None

    def turns(self, rows: int, blocks: int) -> int:
        """Return how many rows of a matrix are joined to fill portions; 1 if none can be."""
        joined = self.blocks // math.gcd(self.blocks, blocks)
        return joined if rows % joined == 0 and blocks >= self.blocks else 1


def _four_bits(portion: Portion, place: int) -> tuple[Tile, Tile]:
    packed = portion.part(place)
    return packed & 15, packed >> 4


def _five_bits(portion: Portion, place: int) -> tuple[Tile, Tile]:
    """Return levels whose fifth bits lie in four bytes before the others."""
    low, high = _four_bits(portion, place + 4)
    return _add_bit(low, portion.spread(place), 16), _add_bit(high, portion.spread(place + 2), 16)


def _add_bit(levels: Tile, condition: Tile, bit: int) -> Tile:
    """Return levels with another bit where a byte is not 0."""
    return tl.where(condition > 0, levels | bit, levels)


def _q4_0(portion: Portion) -> Iterator[Group]:
    yield Group(_four_bits(portion, 2), portion.number(0))


def _q4_1(portion: Portion) -> Iterator[Group]:
    yield Group(_four_bits(portion, 4), *portion.numbers(0))


def _q5_0(portion: Portion) -> Iterator[Group]:
    yield Group(_five_bits(portion, 2), portion.number(0))


def _q5_1(portion: Portion) -> Iterator[Group]:
    yield Group(_five_bits(portion, 4), *portion.numbers(0))


def _q8_0(portion: Portion) -> Iterator[Group]:
    signed = (portion.part(place) for place in (2, 2 + PART))
    yield Group(tuple(one ^ 128 for one in signed), portion.number(0))


def _parts(first: int, outer: int, inner: int) -> Tile:
    """Return first + outer·m + inner·n for the parts (m, n) of a row."""
    return (first + outer * tl.arange(2)[:, None] + inner * tl.arange(2)[None, :]).reshape(PARTS)


def _whole(first: int, outer: int, inner: int) -> Tile:
    """Return the places of 16 bytes for each part that begin there."""
    return _parts(first, outer, inner)[:, None] + tl.arange(PART)[None, :]


def _choose(first: Tile, second: Tile, part: int = 1) -> Tile:
    """Return the first two parts of each row from one vector, and the last two from another.

    A part is so many elements long.
    """
    (size,) = first.shape
    rows = size // (PARTS * part)
    is_early = (tl.arange(2) < 1)[None, :, None].expand(rows, 2, 2 * part).reshape(size)
    return tl.where(is_early, first, second)


def _q4_k(portion: Portion) -> Iterator[Group]:
    for half in range(2):
        packed = [portion.at(_whole(16 + PART * place, 64, 32)) for place in range(2)]
        yield _k_group(portion, half, tuple(_nibble(one, half) for one in packed))


def _q5_k(portion: Portion) -> Iterator[Group]:
    for half in range(2):
        vectors = []
        for place in range(2):
            low = _nibble(portion.at(_whole(48 + PART * place, 64, 32)), half)
            high = portion.at(_whole(16 + PART * place, 0, 0))
            vectors.append(_add_bit(low, high & _bits(portion, half, 4, 2), 16))
        yield _k_group(portion, half, tuple(vectors))


def _nibble(packed: Tile, half: int) -> Tile:
    return packed >> 4 if half else packed & 15


def _bits(portion: Portion, first: int, outer: int, inner: int) -> Tile:
    """Return one bit for each byte of the parts (m, n): that of first + outer·m + inner·n."""
    shape = (portion.parts // PARTS, PARTS, PART)
    shifts = _parts(first, outer, inner).cast(dtypes.uint8)[None, :, None].expand(*shape)
    return (tl.ones(shape, dtypes.uint8) << shifts).reshape(portion.parts * PART)


def _k_group(portion: Portion, half: int, vectors: tuple[Tile, ...]) -> Group:
    """Return a group with the scales and leasts of 6 bits, in 12 bytes, of every second part."""
    lower = [portion.at(_parts(place + half, 0, 2)) for place in (4, 8)]
    rest = portion.at(_parts(12 + half, 0, 2))
    levels = [
        _choose(one & 63, _nibble(rest, number) | ((one >> 6) << 4))
        for number, one in enumerate(lower)
    ]
    return Group(vectors, *_scale_pair(portion, 0, *levels))


def _scale_pair(portion: Portion, place: int, scales: Tile, leasts: Tile) -> tuple[Tile, Tile]:
    """Return scales and leasts: levels times a number of the block, and less times the next."""
    factor, offset = portion.number(place), portion.number(place + 2)
    return scales.cast(dtypes.float32) * factor, leasts.cast(dtypes.float32) * -offset


def _q6_k(portion: Portion) -> Iterator[Group]:
    for number in range(4):
        place, half = divmod(number, 2)
        low = _nibble(portion.at(_whole(64 * place, 32, PART)), half)
        high = portion.at(_whole(128 + 32 * place, 0, PART))
        upper = _choose(*((high, high >> 2) if half else (high << 4, high << 2)), PART)
        scales = portion.at(_parts(192 + 4 * number, 2, 1)).bitcast(dtypes.int8)
        yield Group((low | (upper & 48),), scales.cast(dtypes.float32) * portion.number(208))


def _q2_k(portion: Portion) -> Iterator[Group]:
    for number in range(4):
        levels = (portion.at(_whole(16, 32, PART)) >> 2 * number) & 3
        packed = portion.at(_parts(2 * number, 8, 1))
        yield Group((levels,), *_scale_pair(portion, 80, packed & 15, packed >> 4))


def _q3_k(portion: Portion) -> Iterator[Group]:
    for number in range(4):
        low = (portion.at(_whole(32, 32, PART)) >> 2 * number) & 3
        levels = _add_bit(low, portion.at(_whole(0, 0, PART)) & _bits(portion, number, 4, 0), 4)
        packed = portion.at(_parts(96 + 2 * number, 0, 1))
        upper = portion.at(_parts(104 + 2 * (number % 2), 0, 1)) >> 2 * (number // 2)
        scales = _choose(packed & 15, packed >> 4) | ((_choose(upper, upper >> 4) & 3) << 4)
        factor = (scales.cast(dtypes.float32) - 32) * portion.number(108)
        yield Group((levels,), factor)


def _mxfp4(portion: Portion) -> Iterator[Group]:
    """Twice the values 0, 0.5, 1, 1.5, 2, 3, 4 and 6 are whole numbers; so half the scale."""
    exponents = portion.byte(0).cast(dtypes.uint32)
    normal, subnormal = (exponents - 1) << 23, (exponents + 1) << 21
    half = tl.where(exponents < 2, subnormal, normal).bitcast(dtypes.float32)
    yield _looked_up(portion, 1, _FLOATS, half)


def _iq4_nl(portion: Portion) -> Iterator[Group]:
    yield _looked_up(portion, 2, _CURVE, portion.number(0))


def _looked_up(portion: Portion, place: int, levels: tuple[int, ...], scales: Tile) -> Group:
    """Return the only group of a format whose codes of four bits stand for other levels."""
    packed = portion.part(place)
    codes = (packed, packed >> 4)
    return Group(tuple(tl.look_up(code, levels, dtypes.uint8) for code in codes), scales)


_CURVE = (1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241)
"""The values of IQ4_NL, and 128."""
_FLOATS = (12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)
"""Twice the values of MXFP4, and 12."""
_BLOCKS = Order((PARTS, 2), (1, 0), 2)
_HALVES = Order((PARTS, 2, 2), (1, 2, 0), 2)
_LINES = Order((4, PARTS), (0, 1), 1)
_QUARTERS = Order((2, 4, 2), (1, 0, 2), 1)

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "Q4_0": Layout(_q4_0, _BLOCKS, 4, 8),
        "Q4_1": Layout(_q4_1, _BLOCKS, 4),
        "Q5_0": Layout(_q5_0, _BLOCKS, 4, 16),
        "Q5_1": Layout(_q5_1, _BLOCKS, 4),
        "Q8_0": Layout(_q8_0, _BLOCKS, 4, 128),
        "IQ4_NL": Layout(_iq4_nl, _BLOCKS, 4, 128),
        "MXFP4": Layout(_mxfp4, _BLOCKS, 4, 12),
        "Q2_K": Layout(_q2_k, _QUARTERS, 1),
        "Q3_K": Layout(_q3_k, _QUARTERS, 1, 4),
        "Q4_K": Layout(_q4_k, _HALVES, 1),
        "Q5_K": Layout(_q5_k, _HALVES, 1),
        "Q6_K": Layout(_q6_k, _LINES, 1, 32),
    }
)

"""Where formats keep what stands for their numbers: levels, as bytes without sign, and scales.

A number is scale · level + least, or scale · (level - middle). A row is read in portions: four
blocks of 32 numbers, fewer at its end, or one block of 256. A portion has groups of vectors of four
parts, 16 numbers each; every part of a group has its scale and its least value
(``quantised_rows.Order`` says which numbers). The places are those of ``formats``, which decodes
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
from tilegrad.language import Array, Size, Tile

_AHEAD = 10240
"""Formats that need less time than memory ask for it so many bytes early, into the second cache.
Less does not hide how long memory takes; 8192 made products twice as slow, as if the first cache
took what is asked for and what is read for each other."""


class Group(NamedTuple):
    """Numbers that are added up together.

    Attributes:
        vectors: levels, uint8 of shape (16 · parts).
        factors: the scale of each part, float32 of shape (parts), where the scale times the level
            of the format's ``Layout`` has to be taken off; else (2 · parts): scales, and then what
            stands for level 0 in each part.
    """

    vectors: tuple[Tile, ...]
    factors: Tile


class Portion(NamedTuple):
    """Blocks of a row, or some of several rows.

    Attributes:
        bytes: of the rows, uint8 of shape (rows, blocks, ..).
        halves: the same as float16.
        row: of all blocks, or of each.
        block: their places in the row: consecutive ones, or that of each.
        blocks: how many there are.
    """

    bytes: Array
    halves: Array
    row: Size
    block: slice | Tile
    blocks: int

    def part(self, place: int, ahead: int = 0) -> Tile:
        """Return 16 bytes of each block, as one vector; so many bytes ahead is read soon."""
        key = (self.row, self.block, slice(place, place + PART))
        return self.bytes.load(key, ahead=ahead).reshape(self.blocks * PART)

    def spread(self, place: int) -> Tile:
        """Return the bits of two bytes of each block, one in each byte; as 0 and other values."""
        shape, size = (self.blocks, 2, 8), self.blocks * PART
        bits = tl.ones(8, dtypes.uint8) << tl.arange(8).cast(dtypes.uint8)
        if isinstance(self.block, slice):
            blocks = (self.block.start + tl.arange(self.blocks))[:, None, None]
            places = (place + tl.arange(2))[None, :, None]
            flat = (one.expand(*shape).reshape(size) for one in (blocks, places))
            found = self.bytes[(self.row, *flat)]
        else:
            both = self.bytes[self.row, self.block, place : place + 2]
            found = both[:, :, None].expand(*shape).reshape(size)
        return found & bits.expand(*shape).reshape(size)

    def byte(self, place: int) -> Tile:
        """Return a byte of each block."""
        return self.bytes[self.row, self.block, place]

    def numbers(self, place: int) -> Tile:
        """Return the float16 numbers at an even place of each block, then those behind them."""
        return self._words(place).bitcast(dtypes.float16).cast(dtypes.float32)

    def number(self, place: int) -> Tile:
        """Return the float16 number at an even place of each block."""
        if self.blocks == 1:
            return self.halves[self.row, self.block, place // 2].cast(dtypes.float32)
        words = self._words(place).reshape(2, self.blocks)
        first = tl.where(tl.arange(2)[:, None] < 1, words, 0).sum(0)
        return first.bitcast(dtypes.float16).cast(dtypes.float32)

    def _words(self, place: int) -> Tile:
        """Return the words of 16 bits at an even place of each block, then those behind them.

        Where a vector reaches from the first to the last of them, it is read and they are picked;
        else words of 32 bits are read and then taken apart.
        """
        size, first, shape = 2 * tl.known(self.halves.shape[-1]), place // 2, (2, self.blocks)
        if isinstance(self.block, slice) and (self.blocks - 1) * size + 4 <= PARTS * PART:
            blocks = (self.block.start + tl.arange(self.blocks))[None, :].expand(*shape)
            places = (first + tl.arange(2))[:, None].expand(*shape)
            flat = (one.reshape(2 * self.blocks) for one in (blocks, places))
            found = self.halves[(self.row, *flat)]
        else:
            key = (self.row, self.block, slice(first, first + 2))
            found = self.halves[key].T.reshape(2 * self.blocks)
        return found.bitcast(dtypes.uint16)

    def at(self, places: Tile) -> Tile:
        """Return the bytes at some places of the only block, as one vector."""
        found = self.bytes[self.row, self.block, places.reshape(math.prod(places.shape))]
        return found.reshape(math.prod(places.shape))


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


def _four_bits(portion: Portion, place: int, ahead: int = 0) -> tuple[Tile, Tile]:
    packed = portion.part(place, ahead)
    return packed & 15, packed >> 4


def _five_bits(portion: Portion, place: int) -> tuple[Tile, Tile]:
    """Return levels whose fifth bits lie in four bytes before the others."""
    low, high = _four_bits(portion, place + 4)
    return _add_bit(low, portion.spread(place), 16), _add_bit(high, portion.spread(place + 2), 16)


def _add_bit(levels: Tile, condition: Tile, bit: int) -> Tile:
    """Return levels with another bit where a byte is not 0."""
    return tl.where(condition > 0, levels | bit, levels)


def _q4_0(portion: Portion) -> Iterator[Group]:
    yield Group(_four_bits(portion, 2, _AHEAD), portion.number(0))


def _q4_1(portion: Portion) -> Iterator[Group]:
    yield Group(_four_bits(portion, 4, _AHEAD), portion.numbers(0))


def _q5_0(portion: Portion) -> Iterator[Group]:
    yield Group(_five_bits(portion, 2), portion.number(0))


def _q5_1(portion: Portion) -> Iterator[Group]:
    yield Group(_five_bits(portion, 4), portion.numbers(0))


def _q8_0(portion: Portion) -> Iterator[Group]:
    signed = (portion.part(place, _AHEAD) for place in (2, 2 + PART))
    yield Group(tuple(one ^ 128 for one in signed), portion.number(0))


def _parts(first: int, outer: int, inner: int) -> Tile:
    """Return first + outer·m + inner·n for the parts (m, n) of a vector."""
    return first + outer * tl.arange(2)[:, None] + inner * tl.arange(2)[None, :]


def _whole(first: int, outer: int, inner: int) -> Tile:
    """Return the places of 16 bytes for each part that begin there."""
    return _parts(first, outer, inner)[:, :, None] + tl.arange(PART)[None, None, :]


def _choose(first: Tile, second: Tile) -> Tile:
    """Return the first two parts of one vector and the last two of another."""
    size = first.shape[0]
    return tl.where(tl.arange(size) < size // 2, first, second)


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
            vectors.append(_add_bit(low, high & _bits(half, 4, 2), 16))
        yield _k_group(portion, half, tuple(vectors))


def _nibble(packed: Tile, half: int) -> Tile:
    return packed >> 4 if half else packed & 15


def _bits(first: int, outer: int, inner: int) -> Tile:
    """Return one bit for each byte of the parts (m, n): that of first + outer·m + inner·n."""
    shifts = _parts(first, outer, inner).cast(dtypes.uint8)[:, :, None].expand(2, 2, PART)
    return (tl.ones((2, 2, PART), dtypes.uint8) << shifts).reshape(PARTS * PART)


def _k_group(portion: Portion, half: int, vectors: tuple[Tile, ...]) -> Group:
    """Return a group with the scales and leasts of 6 bits, in 12 bytes, of every second part."""
    both = portion.at(_both(4 + half, 4, 0, 2))
    rest = portion.at(_both(12 + half, 0, 0, 2))
    upper = _pick_nibbles(rest) | ((both >> 6) << 4)
    is_low = (tl.arange(2)[None, :, None] < 1).expand(2, 2, 2).reshape(2 * PARTS)
    return Group(vectors, _scale_pair(portion, 0, tl.where(is_low, both & 63, upper)))


def _both(first: int, step: int, outer: int, inner: int) -> Tile:
    """Return the places of the parts (m, n), and the same a step further on."""
    return tl.arange(2)[:, None, None] * step + _parts(first, outer, inner)[None, :, :]


def _pick_nibbles(packed: Tile) -> Tile:
    """Return the lower halves of the bytes of scales, and the upper ones of those of leasts."""
    return tl.where(tl.arange(2 * PARTS) < PARTS, packed & 15, packed >> 4)


def _scale_pair(portion: Portion, place: int, levels: Tile) -> Tile:
    """Return scales and leasts: levels times a number of the block, and less times the next."""
    factor, offset = portion.number(place), portion.number(place + 2)
    factors = tl.where(tl.arange(2 * PARTS) < PARTS, factor, -offset)
    return levels.cast(dtypes.float32) * factors


def _q6_k(portion: Portion) -> Iterator[Group]:
    for number in range(4):
        place, half = divmod(number, 2)
        low = _nibble(portion.at(_whole(64 * place, 32, PART)), half)
        high = portion.at(_whole(128 + 32 * place, 0, PART))
        upper = _choose(high, high >> 2) if half else _choose(high << 4, high << 2)
        scales = portion.at(_parts(192 + 4 * number, 2, 1)).bitcast(dtypes.int8)
        factor = scales.cast(dtypes.float32) * portion.number(208)
        yield Group((low | (upper & 48),), factor)


def _q2_k(portion: Portion) -> Iterator[Group]:
    for number in range(4):
        levels = (portion.at(_whole(16, 32, PART)) >> 2 * number) & 3
        packed = portion.at(_both(2 * number, 0, 8, 1))
        yield Group((levels,), _scale_pair(portion, 80, _pick_nibbles(packed)))


def _q3_k(portion: Portion) -> Iterator[Group]:
    for number in range(4):
        low = (portion.at(_whole(32, 32, PART)) >> 2 * number) & 3
        levels = _add_bit(low, portion.at(_whole(0, 0, PART)) & _bits(number, 4, 0), 4)
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
    vectors = []
    for code in _four_bits(portion, 1):
        size = code & 7
        twice = size + (tl.maximum(size, 4) - 4) + ((tl.maximum(size, 6) - 6) << 1)
        vectors.append(tl.where(code > 7, 12 - twice, 12 + twice))
    yield Group(tuple(vectors), half)


def _iq4_nl(portion: Portion) -> Iterator[Group]:
    """Yield the only group; each bit of a code halves the choice of its value."""
    vectors: list[Tile] = []
    for code in _four_bits(portion, 2):
        values = [tl.full(code.shape, value + 128, code.dtype) for value in _CURVE]
        for bit in range(4):
            is_set = (code & (1 << bit)) > 0
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [tl.where(is_set, second, first) for first, second in pairs]
        vectors += values
    yield Group(tuple(vectors), portion.number(0))


_CURVE = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
"""The values of IQ4_NL."""
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

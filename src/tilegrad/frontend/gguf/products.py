"""Products of a quantised matrix and a few rows, by whole numbers.

Where a processor multiplies groups of four bytes and adds up the products in one instruction, the
levels of a block need not become floats. The rows are made whole numbers, too, block by block:
x ≈ s·n, where n = 65536·high + 256·middle + low has three bytes with signs. So Σ level·n is
computed exactly and scaled once a block. Only rounding x adds to the errors of float32: at most
2^-24 of a block's greatest element, 2^-21 where levels have 8 bits, as sums must fit into 32. Each
row of a result is computed in the same way however many rows there are.

A vector holds one half of each of four blocks: sixteen bytes of levels, as formats store them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.engine import current_session
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.op import Shape
from tilegrad.language import Array, KernelBuilder, Tile
from tilegrad.tensor import Tensor
from tilegrad.tensor.kernel import kernel

_HALF = 16
_GROUP = 4
"""Blocks that are computed with at once."""
_SMALLEST = 1e-30
"""Blocks of smaller elements are scaled like this one, so that no factor overflows."""
_PARTS = 3
"""The bytes of a number of x."""


def _four_bits(row: Array, blocks: slice, place: int) -> tuple[Tile, Tile]:
    """Return the levels of both halves of blocks: the low and the high bits of sixteen bytes."""
    packed = _bytes(row, blocks, place)
    return packed & 15, packed >> 4


def _five_bits(row: Array, blocks: slice, place: int) -> tuple[Tile, Tile]:
    """Return levels whose fifth bits lie in four bytes before the others."""
    low, high = _four_bits(row, blocks, place + 4)
    return low | _fifth_bits(row, blocks, place), high | _fifth_bits(row, blocks, place + 2)


def _fifth_bits(row: Array, blocks: slice, place: int) -> Tile:
    packed = row[blocks, place : place + 2]
    spread = packed[:, :, None].expand(_GROUP, 2, 8).reshape(_GROUP * _HALF)
    bits = tl.ones(_GROUP * _HALF, dtypes.uint8) << (tl.arange(_GROUP * _HALF) % 8).cast(
        spread.dtype
    )
    return tl.where((spread & bits) > 0, tl.full(spread.shape, 16, spread.dtype), 0)


def _eight_bits(row: Array, blocks: slice, place: int) -> tuple[Tile, Tile]:
    """Return levels with a sign, plus 128."""
    return _bytes(row, blocks, place) ^ 128, _bytes(row, blocks, place + _HALF) ^ 128


def _bytes(row: Array, blocks: slice, place: int) -> Tile:
    return row[blocks, place : place + _HALF].reshape(_GROUP * _HALF)


class _Layout(NamedTuple):
    """Where a format has what.

    Attributes:
        read: returns the levels of both halves of some blocks of a row, uint8.
        place: where they begin, in bytes.
        most: the greatest level.
        middle: the level that stands for 0; None if a least value follows the scale.
    """

    read: Callable[[Array, slice, int], tuple[Tile, Tile]]
    place: int
    most: int
    middle: int | None

    @property
    def limit(self) -> int:
        """The greatest number of x: 8 products of it and a level, one lane's, are an int32."""
        return min(127 << 16, ((1 << 31) - 1) // (8 * self.most))


_LAYOUTS: Mapping[str, _Layout] = MappingProxyType(
    {
        "Q4_0": _Layout(_four_bits, 2, 15, 8),
        "Q4_1": _Layout(_four_bits, 4, 15, None),
        "Q5_0": _Layout(_five_bits, 2, 31, 16),
        "Q5_1": _Layout(_five_bits, 4, 31, None),
        "Q8_0": _Layout(_eight_bits, 2, 255, 128),
    }
)


_MOST = 8
"""So many rows are multiplied as whole numbers; with more, decoding costs each of them little."""


def can_multiply(form: str, shape: Shape, x: Tensor) -> bool:
    """Whether ``multiply`` takes a matrix of a format and shape, and x, and is fast there."""
    executor = current_session().compiled(x.device)
    return (
        form in _LAYOUTS
        and len(shape) == x.ndim == 2
        and x.dtype is dtypes.float32
        and x.shape[0] in range(1, _MOST + 1)
        and executor is not None
        and executor.multiplies(dtypes.uint8, dtypes.int8)
    )


def multiply(form: str, stored: Blocks, x: Tensor) -> Tensor:
    """Return x @ Wᵀ, float32 of shape (count, rows).

    Args:
        form: of the blocks; one of 32 numbers a block, with a scale for each.
        stored: blocks of shape (rows, blocks, ..).
        x: float32 of shape (count, columns), of fixed and small size.
    """
    count = x.shape[0]
    return multiply_levels(
        form, count, stored.bytes, stored.halves, x, *quantise_rows(_LAYOUTS[form].limit, x)
    )


@kernel
def quantise_rows(build: KernelBuilder, limit: int, x: Array) -> tuple[Array, Array, Array]:
    """Return bytes (count, groups, parts, halves, blocks, 16), scales, and scaled sums.

    The highest bytes come first. What is missing to the last group is 0.
    """
    count, columns = x.shape
    width = _GROUP * 2 * _HALF
    groups = -(-columns // width)
    levels = build.output((count, groups, _PARTS, 2, _GROUP, _HALF), dtypes.int8)
    scales = build.output((count, groups, _GROUP), dtypes.float32)
    sums = build.output((count, groups, _GROUP), dtypes.float32)
    row = build.grid(count)
    with build.loop(groups) as loop:
        first = loop.index * width
        value = x[row, first : first + width].reshape(_GROUP, 2, _HALF)
        largest = tl.maximum(abs(value).max((1, 2), keepdim=True), _SMALLEST)
        whole = tl.round(value * (limit / largest)).cast(dtypes.int32)
        scale = largest.reshape(_GROUP) / limit
        scales[row, loop.index] = scale
        sums[row, loop.index] = whole.sum((1, 2)).cast(dtypes.float32) * scale
        for part in reversed(range(_PARTS)):
            higher = (whole + 128) >> 8
            byte = (whole - (higher << 8)).permute(1, 0, 2).cast(dtypes.int8)
            levels[row, loop.index, part] = byte
            whole = higher
    return levels, scales, sums


@kernel
def multiply_levels(
    build: KernelBuilder,
    form: str,
    count: int,
    stored: Array,
    halves: Array,
    x: Array,
    levels: Array,
    scales: Array,
    sums: Array,
) -> Array:
    """Return the products of count rows; x is there for the gradient alone."""
    del x
    rows, blocks, _ = stored.shape
    y = build.output((count, rows), dtypes.float32)
    place = build.grid(rows)
    row = _Row(_LAYOUTS[form], stored.at(place), halves.at(place))
    given = [_Quantised(levels.at(n), scales.at(n), sums.at(n)) for n in range(count)]
    zeros = _Sums(tl.zeros((1, _GROUP * 4)), tl.zeros(_GROUP))
    names = [(f"products{n}", f"rest{n}") for n in range(count)]
    carried = {name: value for both in names for name, value in zip(both, zeros, strict=True)}
    with build.loop(0, blocks // _GROUP, 1, **carried) as loop:
        before = [_Sums(*(getattr(loop, name) for name in both)) for both in names]
        for both, after in zip(names, _add(row, loop.index, given, before), strict=True):
            for name, value in zip(both, after, strict=True):
                setattr(loop, name, value)
    found = [_Sums(*(getattr(loop, name) for name in both)) for both in names]
    if blocks % _GROUP:
        found = _add(row, blocks // _GROUP, given, found)
    for n, one in enumerate(found):
        y[n, place] = (one.products.reshape(_GROUP, 4).sum(0) + one.rest).sum()
    return y


class _Row(NamedTuple):
    """A row of the matrix: bytes (blocks, ..) and float16 numbers (blocks, ..)."""

    layout: _Layout
    bytes: Array
    halves: Array

    def levels(self, blocks: slice) -> tuple[Tile, Tile]:
        """Return the levels of both halves of the blocks, uint8."""
        return self.layout.read(self.bytes, blocks, self.layout.place)

    def scales(self, blocks: slice) -> tuple[Tile, Tile]:
        """Return the blocks' scales, and what stands for level 0."""
        middle = self.layout.middle
        if middle is not None:
            scale = self.halves[blocks, 0:1].reshape(_GROUP).cast(dtypes.float32)
            return scale, scale * -middle
        words = self.halves[blocks, 0:2].bitcast(dtypes.uint16).T
        is_scale = tl.arange(2)[:, None] < 1
        scale, least = (
            tl.where(one, words, 0).sum(0).bitcast(dtypes.float16).cast(dtypes.float32)
            for one in (is_scale, ~is_scale)
        )
        return scale, least


class _Quantised(NamedTuple):
    """A row of x: bytes (groups, parts, halves, blocks, 16), scales and sums (groups, blocks)."""

    levels: Array
    scales: Array
    sums: Array


class _Sums(NamedTuple):
    """What is added up for a product: of scaled levels (1, 16), of what levels 0 stand for (4)."""

    products: Tile
    rest: Tile


def _add(row: _Row, group: Tile | int, given: list[_Quantised], sums: list[_Sums]) -> list[_Sums]:
    """Add the products of a group of blocks; what lies beyond the row's last block is 0."""
    blocks = slice(group * _GROUP, group * _GROUP + _GROUP)
    low, high = map(_words, row.levels(blocks))
    scale, least = row.scales(blocks)
    found = []
    for x, before in zip(given, sums, strict=True):
        total = tl.zeros((1, _GROUP * 4), dtypes.int32)
        for part in range(_PARTS):
            first, second = (_words(x.levels[group, part, half].reshape(64)) for half in (0, 1))
            total = _dot(high, second, _dot(low, first, total << 8))
        factor = (scale * x.scales[group])[:, None].expand(_GROUP, 4).reshape(1, _GROUP * 4)
        products = tl.fma(total.cast(dtypes.float32), factor, before.products)
        found.append(_Sums(products, tl.fma(least, x.sums[group], before.rest)))
    return found


def _words(x: Tile) -> Tile:
    """Return bytes as int32 of shape (4, words)."""
    return x.reshape(x.shape[0] // 4, 4).T.cast(dtypes.int32)


def _dot(x: Tile, y: Tile, total: Tile) -> Tile:
    """Return a total and the sums of the products of each word's bytes."""
    return total + (x * y).sum(0, keepdim=True)


@multiply_levels.gradient
def _multiply_gradient(
    upstream: Tensor, result: Tensor, form: str, count: int, *arguments: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradient by x: that of a product with the decoded matrix."""
    del result, count
    stored, halves = arguments[:2]
    decoded = FORMATS[form].decode(Blocks(stored, halves)).reshape(stored.shape[0], -1)
    return None, None, upstream @ decoded, None, None, None

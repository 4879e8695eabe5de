"""Rows of float32 as whole numbers of 16 bits: what bytes of weights are multiplied with.

A block of 32 numbers is x ≈ s·n, n = 256·high + low with two bytes with signs. Rounding is to 2^-16
of a block's greatest element at most.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.ir.dtype import dtypes
from tilegrad.language import Array, KernelBuilder, Size, Span, Tile
from tilegrad.tensor.kernel import kernel

PARTS = 4
"""Parts of 16 numbers that lie side by side in a vector of bytes."""
PART = 16
BYTES = 2
"""The bytes of a number."""
BLOCK = 32
"""Numbers with one scale."""
_SMALLEST = 1e-30
"""Blocks of smaller elements are scaled like this one, so that no factor overflows."""
_LARGEST = 127 << 8 * (BYTES - 1)


class Order(NamedTuple):
    """The order in which a format stores the numbers of a portion of a row.

    Attributes:
        shape: the axes of a portion, in the order of its elements, less the last one, of 16.
        order: these axes as vectors have them: the first ones count groups, then come vectors of a
            group, then the four parts of a vector.
        vectors: how many vectors a group has; their products are added up before they are scaled.
    """

    shape: tuple[int, ...]
    order: tuple[int, ...]
    vectors: int

    @property
    def size(self) -> int:
        """The numbers of a portion."""
        return math.prod(self.shape) * PART

    @property
    def groups(self) -> int:
        """The groups of a portion."""
        return math.prod(self.shape) // (self.vectors * PARTS)

    def arrange(self, parts: Tile, *last: int) -> Tile:
        """Return what belongs to parts, in the order of elements, as vectors have it."""
        shape = self.shape + last
        order = (*self.order, *range(len(self.order), len(shape)))
        moved = parts.reshape(*shape).permute(*order)
        return moved.reshape(self.groups, self.vectors, PARTS, *last)


class QuantisedRow(NamedTuple):
    """A row as bytes: for each group and vector its parts, those of one portion after the other's.

    Attributes:
        levels: int8 of shape (groups, bytes, vectors, 16 · parts), the highest bytes first.
        factors: the scales of the numbers of each part of a group, and their sums, scaled; float32
            of shape (groups, 2, parts).
    """

    levels: Array
    factors: Array


@kernel
def quantise_rows(
    build: KernelBuilder, order: Order, x: Array, *, is_ring: bool = False
) -> tuple[Array, Array]:
    """Return levels and factors of rows (count, columns).

    Args:
        build: the kernel.
        order: of the numbers.
        x: the rows, float32.
        is_ring: whether each row is followed by its beginning, as far as any portion reaches that
            starts at a block of the row; else it is followed by 0.
    """
    count, columns = x.shape[0], tl.known(x.shape[1])
    size = order.size
    end = columns + size - math.gcd(columns, size) if is_ring else columns
    portions = -(-end // size)
    shape = (count, order.groups, BYTES, order.vectors, portions * PARTS * PART)
    levels = build.output(shape, dtypes.int8)
    factors = build.output((count, order.groups, 2, portions * PARTS), dtypes.float32)
    row = build.grid(count)
    quantised = QuantisedRow(levels.at(row), factors.at(row))
    with build.loop(columns // size) as loop:
        first = loop.index * size
        _quantise(order, x[row, first : first + size], loop.index, quantised)
    for portion in range(columns // size, portions):
        # Positions outside the row read 0: what is its end, and what its beginning, is added.
        starts = [portion * size, portion * size - columns][: 1 + is_ring]
        found = [x[row, first : first + size] for first in starts if first < columns]
        _quantise(order, sum(found[1:], found[0]), portion, quantised)
    return levels, factors


def _quantise(order: Order, value: Tile, portion: Size, row: QuantisedRow) -> None:
    """Store levels and factors of a portion of a row."""
    blocks = value.reshape(order.size // BLOCK, BLOCK)
    largest = tl.maximum(abs(blocks).max(1, keepdim=True), _SMALLEST)
    whole = tl.round(blocks * (_LARGEST / largest)).cast(dtypes.int32)
    scale = (largest / _LARGEST).expand(order.size // BLOCK, BLOCK // PART)
    scale = order.arrange(scale).max(1)
    parts = Span(portion * PARTS, PARTS)
    row.factors[:, 0, parts] = scale
    added = whole.reshape(order.size // PART, PART).sum(1)
    row.factors[:, 1, parts] = order.arrange(added).sum(1).cast(dtypes.float32) * scale
    places = Span(portion * (PARTS * PART), PARTS * PART)
    for byte in reversed(range(BYTES)):
        higher = (whole + 128) >> 8
        low = order.arrange((whole - (higher << 8)).cast(dtypes.int8), PART)
        row.levels[:, byte, :, places] = low.reshape(order.groups, order.vectors, PARTS * PART)
        whole = higher

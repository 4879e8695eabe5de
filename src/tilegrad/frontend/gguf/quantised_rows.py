"""Rows of float32 as whole numbers of 16 bits: what bytes of weights are multiplied with.

A block of 32 numbers is x ≈ s·n, n = 256·high + low with two bytes with signs. Rounding is to 2^-16
of a block's greatest element at most.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.ir.dtype import dtypes
from tilegrad.language import Array, KernelBuilder, Span, Tile
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
    size, groups = order.size, order.groups
    end = columns + size - math.gcd(columns, size) if is_ring else columns
    portions = -(-end // size)
    shape = (count, groups, BYTES, order.vectors, portions * PARTS * PART)
    levels = build.output(shape, dtypes.int8)
    factors = build.output((count, groups, 2, portions * PARTS), dtypes.float32)
    row = build.grid(count)
    with build.loop(portions) as loop:
        first = loop.index * size
        parts = Span(loop.index * PARTS, PARTS)
        value = x[row, first : first + size]
        if is_ring:
            value = value + x[row, first - columns : first - columns + size]
        value = value.reshape(size // BLOCK, BLOCK)
        largest = tl.maximum(abs(value).max(1, keepdim=True), _SMALLEST)
        whole = tl.round(value * (_LARGEST / largest)).cast(dtypes.int32)
        scale = (largest / _LARGEST).expand(size // BLOCK, BLOCK // PART)
        scale = order.arrange(scale).max(1)
        factors[row, :, 0, parts] = scale
        added = whole.reshape(size // PART, PART).sum(1)
        factors[row, :, 1, parts] = order.arrange(added).sum(1).cast(dtypes.float32) * scale
        for byte in reversed(range(BYTES)):
            higher = (whole + 128) >> 8
            low = order.arrange((whole - (higher << 8)).cast(dtypes.int8), PART)
            places = Span(loop.index * (PARTS * PART), PARTS * PART)
            levels[row, :, byte, :, places] = low.reshape(groups, order.vectors, PARTS * PART)
            whole = higher
    return levels, factors

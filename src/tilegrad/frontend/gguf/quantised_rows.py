"""Rows of float32 as whole numbers of 16 bits: what bytes of weights are multiplied with.

A block of 32 numbers is x ≈ s·n, n = 256·high + low with two bytes with signs. Rounding is to 2^-16
of a block's greatest element at most.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.ir.dtype import dtypes
from tilegrad.language import Array, KernelBuilder, Tile
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
    """A row as bytes.

    Attributes:
        levels: int8 of shape (portions, groups, bytes, vectors, 64), the highest bytes first.
        factors: the scales of the numbers of each part of a group, and then their sums, scaled;
            float32 of shape (portions, groups, 8).
    """

    levels: Array
    factors: Array


@kernel
def quantise_rows(build: KernelBuilder, order: Order, x: Array) -> tuple[Array, Array]:
    """Return levels and factors of rows (count, columns); what is missing at the end is 0."""
    count, columns = x.shape
    size, groups = order.size, order.groups
    portions = -(-columns // size)
    shape = (count, portions, groups)
    levels = build.output((*shape, BYTES, order.vectors, PARTS * PART), dtypes.int8)
    factors = build.output((*shape, 2 * PARTS), dtypes.float32)
    row = build.grid(count)
    with build.loop(portions) as loop:
        first = loop.index * size
        value = x[row, first : first + size].reshape(size // BLOCK, BLOCK)
        largest = tl.maximum(abs(value).max(1, keepdim=True), _SMALLEST)
        whole = tl.round(value * (_LARGEST / largest)).cast(dtypes.int32)
        scale = (largest / _LARGEST).expand(size // BLOCK, BLOCK // PART)
        scale = order.arrange(scale).max(1)
        factors[row, loop.index, :, :PARTS] = scale
        added = whole.reshape(size // PART, PART).sum(1)
        total = order.arrange(added).sum(1).cast(dtypes.float32) * scale
        factors[row, loop.index, :, PARTS:] = total
        for byte in reversed(range(BYTES)):
            higher = (whole + 128) >> 8
            low = order.arrange((whole - (higher << 8)).cast(dtypes.int8), PART)
            levels[row, loop.index, :, byte] = low.reshape(groups, order.vectors, PARTS * PART)
            whole = higher
    return levels, factors

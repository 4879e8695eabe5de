"""Which values of its axes a tile of one side of a contraction has."""

from __future__ import annotations

from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.products.staging import Side
from tilegrad.tile.products.terms import span

Range = tuple[Index, Index]
"""First tile of a side in an instance, and the first that is not."""
Part = tuple[Index, int]
"""First element of a part of a tile, and how many there are; in place of a tile the whole of it."""


def find_bases(side: Side, number: Index) -> list[Index]:
    """Return the first value of each axis of a tile; the last tiles overlap those before them."""
    bases: list[Index] = []
    parts = list(zip(side.extents, side.sizes, side.counts, strict=True))
    for place, (extent, size, count) in reversed(list(enumerate(parts))):
        base = symbolic.multiply(symbolic.modulo(number, count) if place else number, size)
        number = symbolic.floor_divide(number, count)
        if extent % size:
            base = symbolic.minimum(base, extent - size)
        bases.insert(0, base if count > 1 else 0)
    return bases


def find_digits(side: Side, dimension: int, part: Part | None = None) -> list[Index]:
    """Return, for each axis, the places of a tile's elements, which run along one dimension."""
    start, size = part or (0, side.width)
    element = span(start, size, dimension)
    digits: list[Index] = []
    inner = 1
    for place, size in reversed(list(enumerate(side.sizes))):
        digit = symbolic.floor_divide(element, inner)
        if any(other > 1 for other in side.sizes[:place]):
            digit = symbolic.modulo(digit, size)
        digits.insert(0, digit if size > 1 else 0)
        inner *= size
    return digits


def bind_tile(
    at: Environment, side: Side, number: Index, dimension: int, part: Part | None = None
) -> Environment:
    """Return positions with a side's axes bound to a tile, which runs along one dimension."""
    bases, digits = find_bases(side, number), find_digits(side, dimension, part)
    width = side.width if part is None else part[1]
    for axis, size, extent, base, digit in zip(
        side.axes, side.sizes, side.extents, bases, digits, strict=True
    ):
        if size == 1:
            at = at.bind(axis, Position(base))
            continue
        value = symbolic.add(base, digit)
        condition = symbolic.less(value, extent) if side.is_padded else True
        at = at.bind(axis, Position(value, dimension, width, condition))
    return at

"""Contractions of narrow operands that a processor has matrix instructions for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import bits, conversion
from tilegrad.ops.conversion import CastAttributes
from tilegrad.ops.leaves import constant
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.tile.facts import constant_extent, extent_number
from tilegrad.tile.products.contraction import Contraction, Factor
from tilegrad.tile.products.staging import SumBlocks
from tilegrad.tile.products.terms import find_levels

WORDS_A_ROUND = 4
"""Words along the depth that a round of the innermost loop multiplies by dot products in lanes."""


def find_narrow(contraction: Contraction, units: Sequence[MatrixFacts]) -> Contraction | None:
    """Return a contraction with its factors as they are before they are widened, with its units.

    The products of bfloat16 are exact in float32, and those of bytes in int32, so that widening is
    part of what the units do. None if the factors are not widened, or nothing multiplies them.
    """
    factors = [factor._replace(value=peel_widening(factor.value)) for factor in contraction.factors]
    kinds = {tuple(factor.value.dtype for factor in factors)}
    kinds |= {(right, left) for left, right in kinds}
    total = contraction.reduction.dtype
    fitting = tuple(
        unit for unit in units if (unit.left, unit.right) in kinds and unit.accumulator is total
    )
    if not fitting:
        return None
    bound = _end_with_words(contraction.bound, max(unit.group for unit in fitting))
    return contraction._replace(bound=bound, factors=(factors[0], factors[1]), units=fitting)


def _end_with_words(bound: tuple[Node, ...], group: int) -> tuple[Node, ...]:
    """Return the summed axes in an order whose last one is whole words, if one of them is."""
    fitting = [axis for axis in bound if (constant_extent(axis) or 1) % group == 0]
    if not fitting or bound[-1] in fitting:
        return bound
    last = max(fitting, key=extent_number)
    return (*(axis for axis in bound if axis is not last), last)


RAISE = 128
"""What makes any int8 a uint8, as instructions want it that multiply one with the other."""


def raise_signed(value: Node) -> Node:
    """Return an int8 with 128 added, as uint8: its sign bit flipped."""
    unsigned = conversion.bitcast(value, attributes=CastAttributes(dtypes.uint8))
    return bits.bitwise_xor(unsigned, constant(RAISE, dtypes.uint8))


def peel_widening(value: Node) -> Node:
    """Return what a factor is before it is widened."""
    return value.sources[0] if value.op is conversion.cast else value


def find_unit(contraction: Contraction, rows: Factor, columns: Factor) -> MatrixFacts | None:
    """Return the unit that multiplies two factors in these roles."""
    kinds = rows.value.dtype, columns.value.dtype
    return next((unit for unit in contraction.units if (unit.left, unit.right) == kinds), None)


def find_depth(unit: MatrixFacts, sums: SumBlocks) -> int | None:
    """Return how many terms a round multiplies, None if some block has parts of words."""
    shared = math.gcd(sums.length, sums.least * sums.per_value)
    return None if shared % unit.group else find_round(unit, shared)


def find_round(unit: MatrixFacts, length: int) -> int:
    """Return how many terms a round multiplies of so many, which are whole words."""
    most = unit.depth if unit.rows > 1 else unit.group * WORDS_A_ROUND
    return unit.group * math.gcd(most // unit.group, length // unit.group)


def has_words(unit: MatrixFacts, sums: SumBlocks, value: Node) -> bool:
    """Whether the terms that are walked as one, of a factor, are whole words."""
    last = find_levels(sums, value)[-1]
    lengths = [last.unit * sums.size, last.least] if last.has_cut else [last.unit]
    return all(length % unit.group == 0 for length in lengths)

"""Sums of odd length, made whole words: a few more terms, which are zero.

Matrix instructions multiply words of neighbouring terms. Where no summed axis is a whole number of
words, the longest one is made longer, and both factors are zero beyond its end. Panels are packed
as ever then, and hold zeros in the last word.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ops import conversion, kernel, memory, symbolic
from tilegrad.ops.affine import as_index
from tilegrad.ops.comparison import where
from tilegrad.ops.elementwise import zero
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.facts import constant_extent, extent_number
from tilegrad.tile.products.contraction import Contraction
from tilegrad.tile.products.narrow import WORDS_A_ROUND, find_narrow
from tilegrad.tile.target import TileTarget

LEAST_ROUNDS = 8
"""An axis of at least so many rounds of the innermost loop is made a whole number of them."""


def pad_sum(root: Node, contraction: Contraction, target: TileTarget) -> Node | None:
    """Return a kernel with its sum made whole words; None if it is so, or no unit multiplies it."""
    narrow = find_narrow(contraction, target.units)
    if narrow is None:
        return None
    group = max(unit.group for unit in narrow.units)
    if any((constant_extent(axis) or 1) % group == 0 for axis in contraction.bound):
        return None
    axis = max(contraction.bound, key=extent_number)
    extent = constant_extent(axis) or 1
    step = group * WORDS_A_ROUND
    step = step if extent >= LEAST_ROUNDS * step else group
    longer = kernel.make_axis(kernel.name_of(axis), -(-extent // step) * step)
    inside = symbolic.as_condition(symbolic.less(as_index(longer), extent))
    body, *bound = contraction.reduction.sources
    factors = {source: _pad(source, axis, longer, inside) for source in body.sources}
    (padded,) = substitute([body], factors)
    axes = (longer if one is axis else one for one in bound)
    reduction = kernel.reduce_over(padded, *axes, attributes=contraction.reduction.attributes)
    (result,) = substitute([root], {contraction.reduction: reduction})
    return result


def _pad(factor: Node, axis: Node, longer: Node, inside: Node) -> Node:
    """Return a widened factor over a longer axis, zero before it is widened where not inside."""
    (value,) = substitute([factor.sources[0]], {axis: longer})
    guarded = {node: _guard(node, inside) for node in memory.loads_in(value)}
    (safe,) = substitute([value], guarded)
    if value.op is not memory.load:
        safe = where(inside, safe, zero(safe.dtype))
    return conversion.cast(safe, attributes=factor.attributes)


def _guard(load: Node, inside: Node) -> Node:
    pointer, offset, *guard = load.sources
    condition = symbolic.as_condition(symbolic.logical_and(inside, *guard))
    return memory.make_load(pointer, as_index(offset), condition)

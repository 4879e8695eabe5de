"""What a stream does with the rows of a band between its products and its totals with columns.

Twice it walks the rows: for the maxima of exponents, and, with these, for what totals combine. To
compute an exponent twice takes less than to note it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tilegrad.ir.node import Node
from tilegrad.ops import comparison, exponential, symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.arithmetic import maximum
from tilegrad.ops.build import combine as combine_lanes
from tilegrad.ops.build import lanes
from tilegrad.ops.combining import identity
from tilegrad.ops.leaves import constant
from tilegrad.tile.lower import combine
from tilegrad.tile.streams.sizes import Band, Tile, weight_key
from tilegrad.tile.streams.tiles import Context


def visit_rows(context: Context, at: Tile, band: Band) -> None:
    """Do the elementwise work of each row, and combine what has no columns."""
    held, build = context.held, context.build
    inside = lanes(at.count) if at.count > 1 else 0
    step = symbolic.add(at.first, inside)
    mask = None if at.limit is None else symbolic.as_condition(symbolic.less(step, at.limit))
    all_rows = symbolic.add(band.first, lanes(context.sizes.band) if context.sizes.band > 1 else 0)
    if held.maxima:
        with build.loop(0, band.count) as loop:
            known = _at(context, loop.index, band, step, inside)
            row = symbolic.add(band.first, loop.index)
            for exponent, parts in held.parts.items():
                value = _exponent(context, exponent, known, mask)
                build.store(parts, row, _combine(value, "maximum"))
        for exponent in held.maxima:
            _advance(context, exponent, all_rows)
    with build.loop(0, band.count) as loop:
        known = _at(context, loop.index, band, step, inside)
        row = symbolic.add(band.first, loop.index)
        shifted = {
            exponent: exponential.exp(
                _exponent(context, exponent, known, mask) - build.load(shifts, row)
            )
            for exponent, shifts in held.shifts.items()
        }
        _weigh(context, known, shifted, mask, row, _place(context, loop.index, inside))
    for total, sums in held.sums.items():
        so_far = build.load(held.totals[total], all_rows)
        if total.exponent is not None:
            so_far = so_far * build.load(held.scales[total.exponent], all_rows)
        added = build.load(sums, all_rows)
        build.store(held.totals[total], all_rows, combine(total.kind, so_far, added))


def _exponent(
    context: Context, exponent: Node, known: Mapping[Node, Index], mask: Node | None
) -> Node:
    """Return an exponent along a row, -∞ where it is masked."""
    value = context.value(exponent, known)
    if mask is None:
        return value
    return comparison.where(mask, value, constant(-math.inf, value.dtype))


def _advance(context: Context, exponent: Node, row: Index) -> None:
    """Note the maxima of rows so far, and what follows for totals and exponentials."""
    build, held, dtype = context.build, context.held, context.stream.dtype
    least = constant(-math.inf, dtype)
    before = build.load(held.maxima[exponent], row)
    after = maximum(before, build.load(held.parts[exponent], row))
    # Where all is -∞ so far, the differences would be NaN.
    shift = comparison.where(comparison.equal(after, least), constant(0.0, dtype), after)
    build.store(held.scales[exponent], row, exponential.exp(before - shift))
    build.store(held.shifts[exponent], row, shift)
    build.store(held.maxima[exponent], row, after)


def _at(
    context: Context, index: Index, band: Band, step: Index, inside: Index
) -> dict[Node, Index]:
    """Return what stands for the row, the steps and the products at one row of the tile."""
    known: dict[Node, Index] = {
        context.stream.rows: symbolic.add(band.row, index),
        context.stream.steps: step,
    }
    place = _place(context, index, inside)
    for product, tile in context.held.products.items():
        known[product.node] = context.build.load(tile, place)
    return known


def _place(context: Context, index: Index, inside: Index) -> Index:
    return symbolic.add(symbolic.multiply(index, context.sizes.steps), inside)


def _weigh(
    context: Context,
    known: Mapping[Node, Index],
    shifted: Mapping[Node, Node],
    mask: Node | None,
    row: Index,
    place: Index,
) -> None:
    """Note what totals combine of a row; what changes nothing where it is masked."""
    done: set[object] = set()
    for total in context.stream.totals:
        is_noted = total not in context.held.sums and weight_key(total) not in context.held.weights
        if is_noted or (total.columns is not None and weight_key(total) in done):
            continue
        weight = context.value(total.weight, known)
        if total.exponent is not None:
            weight = shifted[total.exponent] * weight
        if mask is not None:
            nothing = constant(identity(total.kind, weight.dtype), weight.dtype)
            weight = comparison.where(mask, weight, nothing)
        if total.columns is None:
            context.build.store(context.held.sums[total], row, _combine(weight, total.kind))
        else:
            done.add(weight_key(total))
            context.build.store(context.held.weights[weight_key(total)], place, weight)


def _combine(value: Node, kind: str) -> Node:
    return combine_lanes(value, kind) if value.shape else value

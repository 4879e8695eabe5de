"""Comparisons of index tiles, nearly always masks: decided, or reduced to few lanes' work.

x < y for x = X + S and y = Y + T with scalars X, Y and positions S, T known when compiling is
S − T < Y − X: one scalar against constants. Where its bounds decide, the mask is constant;
otherwise the scalar is clamped to what matters and compared in narrow lanes.
"""

from __future__ import annotations

import math

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.emitter import bool_vector
from tilegrad.codegen.index import subtract_forms
from tilegrad.codegen.layout import static_shape
from tilegrad.codegen.spread import (
    constant_lanes,
    index_dtype,
    materialise_index,
    spread_form,
    sum_terms,
)
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ir.scope import loop_number
from tilegrad.ops import arithmetic, comparison, leaves, linear, tile
from tilegrad.ops.affine import as_node
from tilegrad.ops.bounds import Bounds, bounds


def lower_index_comparison(context: Context, node: Node) -> Vectors:
    """Lower less, less_equal, equal or not_equal of index tiles."""
    shape = static_shape(node)
    left, right = (context.forms.find(source) for source in node.sources)
    difference = subtract_forms(right, left)
    spread = spread_form(context, difference, shape)
    if not spread.has_fixed_lanes:
        return _compare_lanes(context, node)
    shift = 1 if node.op is comparison.less_equal else 0
    results = []
    for row, piece in spread.places:
        positions = [-value - shift for value in spread.values(row, piece)]
        results.append(_compare(context, node, spread.base_terms(row, piece), positions))
    return results


def bounds_of_terms(context: Context, terms: dict[Node, int]) -> Bounds:
    """Return the bounds of Σ multiplier · atom, using the size of the grid."""
    low: float = 0
    high: float = 0
    for atom, multiplier in terms.items():
        least, greatest = bounds(atom)
        if atom.op is tile.program_index:
            axis = attributes_of(atom, tile.ProgramIndexAttributes).axis
            greatest = bounds(context.grid[axis])[1] - 1
        elif atom.op is tile.loop_index:
            greatest = min(greatest, _last_position(context, atom))
        ends = (least * multiplier, greatest * multiplier)
        low, high = low + min(ends), high + max(ends)
    return low, high


def _last_position(context: Context, index: Node) -> float:
    """Return the index of a loop's last round, infinity if the bounds are not all constants."""
    loop = context.analysis.loops[loop_number(index)]
    if any(source.op is not leaves.constant_op for source in loop.sources[:3]):
        return math.inf
    start, stop, step = (int(leaves.value_of(source)) for source in loop.sources[:3])
    return start + (stop - 1 - start) // step * step


def _compare(context: Context, node: Node, terms: dict[Node, int], positions: list[int]) -> Node:
    """Compare positions (constants) with the scalar Σ terms: positions < scalar, or equal."""
    low, high = bounds_of_terms(context, terms)
    least, greatest = min(positions), max(positions)
    width = len(positions)
    if node.op is comparison.less or node.op is comparison.less_equal:
        if low > greatest:
            return bool_vector(True, width)
        if high <= least:
            return bool_vector(False, width)
        op, floor, ceiling = comparison.less, least, greatest + 1
    else:
        if high < least or low > greatest:
            return bool_vector(node.op is comparison.not_equal, width)
        op, floor, ceiling = node.op, least - 1, greatest + 1
    scalar = sum_terms(context, terms)
    if scalar.op is leaves.constant_op:
        return _compare_constants(op, positions, int(leaves.value_of(scalar)))
    if width == 1:
        return context.emitter.put(op, (as_node(least), scalar))
    narrowed, dtype = _narrow(context, scalar, (low, high), (floor, ceiling))
    lanes = constant_lanes([position - floor for position in positions], dtype)
    return context.emitter.put(op, (lanes, context.emitter.splat(narrowed, width)))


def _compare_constants(op: object, positions: list[int], value: int) -> Node:
    if op is comparison.less:
        found = [position < value for position in positions]
    else:
        is_equal = op is comparison.equal
        found = [(position == value) is is_equal for position in positions]
    if len(found) == 1:
        return bool_vector(bool(found[0]), 1)
    return linear.make_vector(dtypes.bool, [int(bit) for bit in found])


def _narrow(
    context: Context, scalar: Node, known: Bounds, kept: tuple[int, int]
) -> tuple[Node, DType]:
    """Return scalar − kept[0], clamped to kept, as a narrow integer."""
    emitter = context.emitter
    floor, ceiling = kept
    if known[1] > ceiling:
        scalar = emitter.put(arithmetic.minimum, (scalar, as_node(ceiling)))
    if known[0] < floor:
        scalar = emitter.put(arithmetic.maximum, (scalar, as_node(floor)))
    if floor:
        scalar = emitter.add(scalar, as_node(-floor))
    dtype = dtypes.int32 if ceiling - floor < math.ldexp(1, 31) else dtypes.int64
    return emitter.cast(scalar, dtype), dtype


def _compare_lanes(context: Context, node: Node) -> Vectors:
    """Compare index tiles that are known only when the program runs, lane by lane."""
    emitter, shape = context.emitter, static_shape(node)
    wide = [index_dtype(source) for source in node.sources]
    dtype = dtypes.int32 if wide == [dtypes.int32, dtypes.int32] else dtypes.int64
    left, right = (materialise_index(context, source, shape) for source in node.sources)
    return [
        emitter.put(node.op, (emitter.cast(one, dtype), emitter.cast(other, dtype)))
        for one, other in zip(left, right, strict=True)
    ]

"""Which steps of a stream count for a block of rows: those that a mask does not take out.

An element of the matrix counts for nothing where its exponent is -∞, or where a factor of it is
zero. Where that is said by comparisons of the step with an expression of the row (causal masks,
windows, lengths), the steps that can count at all are a range, found by solving each of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from tilegrad.ir.dtype import Kind, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, comparison, exponential, kernel, memory, symbolic
from tilegrad.ops.affine import Index, as_index, as_node, split_terms
from tilegrad.ops.bounds import bounds
from tilegrad.ops.conversion import cast, cast_to
from tilegrad.ops.elementwise import zero
from tilegrad.ops.kernel import find_free
from tilegrad.ops.leaves import constant_op, value_of
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.streams.running import split_factors
from tilegrad.tile.streams.stream import Stream, Total

_FITTING = 1 << 31
"""Numbers below this are the same in index arithmetic and in 32 or 64 bits."""


class Limits(NamedTuple):
    """Bounds on the steps that count, as expressions of the row.

    Attributes:
        starts: no step before any of these counts.
        stops: no step from any of these on counts.
    """

    starts: tuple[Index, ...] = ()
    stops: tuple[Index, ...] = ()


def find_limits(stream: Stream) -> Limits:
    """Return the bounds that hold for all totals of a stream."""
    common: set[Node] | None = None
    for total in stream.totals:
        needed = set(_conditions_of(total))
        common = needed if common is None else common & needed
    starts: list[Index] = []
    stops: list[Index] = []
    for condition in common or ():
        for first, second in _comparisons(condition):
            _solve(symbolic.subtract(second, first), stream, starts, stops)
    return Limits(tuple(starts), tuple(stops))


def range_of(limits: Limits, stream: Stream, first: Index, count: Index) -> tuple[Index, Index]:
    """Return start and stop of the steps that count for ``count`` rows from ``first`` on.

    Axes other than those of rows and steps are left in the expressions.
    """
    last = symbolic.add(first, symbolic.subtract(count, 1))
    start: Index = 0
    stop: Index = kernel.extent_of(stream.steps)
    for limit in limits.starts:
        start = symbolic.maximum(start, _extreme(limit, stream.rows, last, first))
    for limit in limits.stops:
        stop = symbolic.minimum(stop, _extreme(limit, stream.rows, first, last))
    return start, stop


def _extreme(limit: Index, rows: Node, falling: Index, rising: Index) -> Index:
    """Put in the row at which a limit is least (``rising`` the first one) or greatest."""
    slope = split_terms(limit)[0].get(rows, 0)
    row = rising if slope >= 0 else falling
    if not isinstance(limit, Node):
        return limit
    (result,) = substitute([limit], {rows: as_node(row)})
    return as_index(result)


def _conditions_of(total: Total) -> Iterable[Node]:
    """Yield conditions without which an element counts for nothing in a total."""
    if total.exponent is not None:
        yield from _conditions_of_exponent(total.exponent)
    if total.kind == "maximum":
        yield from _conditions_of_exponent(total.weight)
    elif total.kind == "add":
        for factor in split_factors(total.weight):
            value = factor.value
            if factor.is_divisor:
                continue
            if value.op is comparison.where and value.sources[2] is zero(value.dtype):
                yield from symbolic.split_conjunction(value.sources[0])
            elif value.op is exponential.exp:
                yield from _conditions_of_exponent(value.sources[0])


def _conditions_of_exponent(exponent: Node) -> Iterable[Node]:
    """Yield conditions without which an exponent is -∞."""
    while exponent.op is arithmetic.subtract:
        exponent = exponent.sources[0]
    while exponent.op is comparison.where:
        condition, exponent, other = exponent.sources
        if other.op is not constant_op or value_of(other) != -math.inf:
            return
        yield from symbolic.split_conjunction(condition)


def _comparisons(condition: Node) -> Iterable[tuple[Index, Index]]:
    """Yield pairs of indices, the first of which is less than the second."""
    if condition.op not in (comparison.less, comparison.less_equal):
        return
    first, second = (_as_index(source) for source in condition.sources)
    if first is not None and second is not None:
        yield first, second if condition.op is comparison.less else symbolic.add(second, 1)


def _as_index(value: Node) -> Index | None:
    """Return an integer expression as an index; None where it might wrap around."""
    if value.dtype.kind is Kind.INDEX:
        return as_index(value)
    if not value.dtype.is_integer or value.dtype.bits < 32:
        return None
    if value.op is cast and value.sources[0].dtype.kind is Kind.INDEX:
        return _if_it_fits(as_index(value.sources[0]))
    if value.op is constant_op:
        return _if_it_fits(int(value_of(value)))
    if value.op is memory.load:
        return as_index(cast_to(value, dtypes.index))
    combine = {arithmetic.add: symbolic.add, arithmetic.subtract: symbolic.subtract}.get(value.op)
    if combine is None:
        return None
    parts = [_as_index(source) for source in value.sources]
    if parts[0] is None or parts[1] is None:
        return None
    return _if_it_fits(combine(parts[0], parts[1]))


def _if_it_fits(index: Index) -> Index | None:
    low, high = bounds(index)
    return index if low > -_FITTING and high < _FITTING else None


def _solve(difference: Index, stream: Stream, starts: list[Index], stops: list[Index]) -> None:
    """Note what 0 < difference says about the step."""
    terms, known = split_terms(difference)
    slope = terms.pop(stream.steps, 0)
    if slope not in (1, -1):
        return
    rest = symbolic.add(known, *(symbolic.multiply(atom, by) for atom, by in terms.items()))
    free = [find_free(atom)[atom] for atom in terms if atom is not stream.rows]
    if any(stream.steps in axes or stream.rows in axes for axes in free):
        return
    if slope == -1:
        stops.append(rest)
    else:
        starts.append(symbolic.subtract(1, rest))

"""Laws of conversions between dtypes."""

from __future__ import annotations

from tilegrad.ir.dtype import DType, Kind, has_infinity
from tilegrad.ir.op import Op
from tilegrad.ops import comparison, conversion, rounding
from tilegrad.ops.conversion import CastAttributes
from tilegrad.rewrite.pattern import (
    BOOLEAN,
    DISCRETE,
    AttributeVariable,
    apply,
    constant_variables,
    lift,
    variables,
)
from tilegrad.rewrite.rule import Match, Rule

x, y = variables("x y")
(i,) = variables("i", DISCRETE)
(p,) = variables("p", BOOLEAN)
c, d = constant_variables("c d")
S, T = AttributeVariable("S", CastAttributes), AttributeVariable("T", CastAttributes)
cast, bitcast, where = lift(conversion.cast, conversion.bitcast, comparison.where)
equal, not_equal = lift(comparison.equal, comparison.not_equal)


def holds(wide: DType, narrow: DType) -> bool:
    """Whether every value of ``narrow`` is a value of ``wide``."""
    if wide is narrow or narrow.is_boolean:
        return True
    if wide.is_boolean:
        return False
    if narrow.is_float:
        return (
            wide.is_float
            and wide.exponent >= narrow.exponent
            and wide.mantissa >= narrow.mantissa
            and (has_infinity(wide) or not has_infinity(narrow))
        )
    if wide.is_float:
        # 2^e for e up to the largest exponent; integers up to 2^(mantissa + 1) are all there.
        magnitude = narrow.bits - (not narrow.is_unsigned)
        return magnitude <= wide.mantissa + 1 and magnitude < 1 << (wide.exponent - 1)
    return wide.minimum <= narrow.minimum and narrow.maximum <= wide.maximum


def _is_identity(match: Match) -> bool:
    return match[T].dtype is match[x].dtype


def _is_needless(match: Match) -> bool:
    """Whether the way through S changes nothing.

    From integers through floats to integers, the last cast saturates where a direct one wraps, so
    that is allowed only where neither can happen. Integers may also pass through any integer that
    is at least as wide as the last one, as all of these only cut bits off or extend the sign.
    """
    first, middle, last = match[x].dtype, match[S].dtype, match[T].dtype
    whole = (Kind.SIGNED, Kind.UNSIGNED)
    if first.kind in whole and middle.kind in whole and last.kind in whole:
        return middle.bits >= last.bits or holds(middle, first)
    if not holds(middle, first):
        return False
    return first.is_float or not middle.is_float or not last.is_integer or holds(last, first)


def _is_order_preserving(match: Match) -> bool:
    first, second = match[x].dtype, match[y].dtype
    return first is second and holds(match[T].dtype, first)


CASTS = (
    Rule(
        "cast_to_same",
        cast(x, attributes=T),
        x,
        "cast(x, T) = x where x is a T",
        guard=_is_identity,
    ),
    Rule(
        "cast_of_cast",
        cast(cast(x, attributes=S), attributes=T),
        cast(x, attributes=T),
        "cast(cast(x, S), T) = cast(x, T) where S holds every value that matters",
        guard=_is_needless,
    ),
    Rule(
        "cast_of_choice",
        cast(where(p, c, d), attributes=T),
        where(p, cast(c, attributes=T), cast(d, attributes=T)),
    ),
    Rule(
        "bitcast_to_same",
        bitcast(x, attributes=T),
        x,
        "bitcast(x, T) = x where x is a T",
        guard=_is_identity,
    ),
    Rule(
        "bitcast_of_bitcast",
        bitcast(bitcast(x, attributes=S), attributes=T),
        bitcast(x, attributes=T),
    ),
)
TRUTH_VALUES = (
    Rule("cast_bool_is_not_zero", not_equal(cast(p), 0), p),
    Rule("cast_bool_is_zero", equal(cast(p), 0), ~p),
    Rule("cast_bool_is_one", equal(cast(p), 1), p),
    Rule("cast_bool_is_not_one", not_equal(cast(p), 1), ~p),
    Rule("cast_bool_is_positive", cast(p) > 0, p),
)


def _compare_before(op: Op) -> Rule:
    left = apply(op, cast(x, attributes=T), cast(y, attributes=T))
    return Rule(
        f"{op.name}_before_cast",
        left,
        apply(op, x, y),
        f"{left} = {apply(op, x, y)} where x and y have one dtype and T holds every value of it",
        guard=_is_order_preserving,
    )


def _round_whole(op: Op) -> Rule:
    return Rule(f"{op.name}_of_whole", apply(op, cast(i, attributes=T)), cast(i, attributes=T))


COMPARISONS = tuple(
    _compare_before(op)
    for op in (comparison.less, comparison.less_equal, comparison.equal, comparison.not_equal)
)
ROUNDINGS = tuple(
    _round_whole(op)
    for op in (rounding.floor, rounding.ceil, rounding.truncate, rounding.round_even)
)

CONVERSIONS = (*CASTS, *TRUTH_VALUES, *COMPARISONS, *ROUNDINGS)

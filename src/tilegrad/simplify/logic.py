"""Laws of bits, comparisons and choices."""

from __future__ import annotations

from tilegrad.ops import comparison
from tilegrad.rewrite.pattern import (
    BOOLEAN,
    DISCRETE,
    UNSIGNED,
    constant_variables,
    lift,
    variables,
)
from tilegrad.rewrite.rule import Rule, RuleKind
from tilegrad.simplify.guards import has_all_bits

INTEGER, BOOL = RuleKind.INTEGER, RuleKind.BOOLEAN

x, y, z = variables("x y z")
i, j = variables("i j", DISCRETE)
p, q = variables("p q", BOOLEAN)
(u,) = variables("u", UNSIGNED)
(c,) = constant_variables("c")
less, less_equal, where = lift(comparison.less, comparison.less_equal, comparison.where)
equal, not_equal = lift(comparison.equal, comparison.not_equal)

ONES = "where every bit of c is set (True)"
BITS = (
    Rule("and_with_zero", x & 0, 0),
    Rule("and_with_ones", x & c, x, f"x & c = x {ONES}", guard=has_all_bits(c)),
    Rule("and_with_complement", x & ~x, 0),
    Rule("or_with_zero", x | 0, x),
    Rule("or_with_ones", x | c, c, f"x | c = c {ONES}", guard=has_all_bits(c)),
    Rule("or_with_complement", p | ~p, True, kind=BOOL),
    Rule("xor_with_zero", x ^ 0, x),
    Rule("xor_with_ones", x ^ c, ~x, f"x ^ c = ~x {ONES}", guard=has_all_bits(c)),
    Rule("xor_with_itself", x ^ x, 0),
    Rule("and_absorbs_or", x & (x | y), x),
    Rule("or_absorbs_and", x | (x & y), x),
    Rule("and_of_and", x & (x & y), x & y),
    Rule("or_of_or", x | (x | y), x | y),
    Rule("shift_left_zero", x << 0, x, kind=INTEGER),
    Rule("shift_right_zero", x >> 0, x, kind=INTEGER),
)
COMPARISONS = (
    Rule("less_than_itself", less(x, x), False),
    Rule("at_most_itself", less_equal(i, i), True, kind=INTEGER),
    Rule("equal_to_itself", equal(i, i), True, kind=INTEGER),
    Rule("unequal_to_itself", not_equal(i, i), False, kind=INTEGER),
    Rule("not_less", ~(i < j), j <= i, kind=INTEGER),
    Rule("not_at_most", ~(i <= j), j < i, kind=INTEGER),
    Rule("not_equal_to", ~equal(x, y), not_equal(x, y)),
    Rule("not_unequal_to", ~not_equal(x, y), equal(x, y)),
    Rule("unsigned_below_zero", u < 0, False, kind=INTEGER),
    Rule("unsigned_at_least_zero", u >= 0, True, kind=INTEGER),
    Rule("equal_to_true", equal(p, True), p, kind=BOOL),
    Rule("equal_to_false", equal(p, False), ~p, kind=BOOL),
    Rule("unequal_to_true", not_equal(p, True), ~p, kind=BOOL),
    Rule("unequal_to_false", not_equal(p, False), p, kind=BOOL),
)
CHOICES = (
    Rule("choose_equal", where(p, x, x), x),
    Rule("choose_by_true", where(True, x, y), x),
    Rule("choose_by_false", where(False, x, y), y),
    Rule("choose_by_negation", where(~p, x, y), where(p, y, x)),
    Rule("choose_again_first", where(p, where(p, x, y), z), where(p, x, z)),
    Rule("choose_again_second", where(p, x, where(p, y, z)), where(p, x, z)),
    Rule("choose_both", where(p, where(q, x, y), y), where(p & q, x, y)),
    Rule("choose_either", where(p, x, where(q, x, y)), where(p | q, x, y)),
    Rule("choose_the_condition", where(p, True, False), p, kind=BOOL),
    Rule("choose_its_negation", where(p, False, True), ~p, kind=BOOL),
    Rule("choose_or_false", where(p, q, False), p & q, kind=BOOL),
    Rule("choose_or_true", where(p, True, q), p | q, kind=BOOL),
)

LOGIC = (*BITS, *COMPARISONS, *CHOICES)

"""The test of laws must itself notice a law that does not hold."""

import pytest

from tests.rewrite.laws import check_refusals, check_rule
from tilegrad.base.errors import VerifyError
from tilegrad.ops import arithmetic, conversion, movement, reduction
from tilegrad.ops.movement import PermuteAttributes
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.rewrite import Rule, RuleKind
from tilegrad.rewrite.pattern import ANY, AttributeVariable, lift, variables

x, y, z = variables("x y z")
A = AttributeVariable("A", ReduceAttributes)
P = AttributeVariable("P", PermuteAttributes)
maximum, minimum, cast = lift(arithmetic.maximum, arithmetic.minimum, conversion.cast)
permute, reduce_sum = lift(movement.permute, reduction.reduce_sum)

WRONG = (
    Rule("multiply_zero", x * 0, 0),
    Rule("add_zero", x + 0, x),
    Rule("subtract_itself", x - x, 0),
    Rule("at_most_itself", x <= x, True),
    Rule("not_less", ~(x < y), y <= x),
    Rule("associate", (x + y) + z, x + (y + z)),
    Rule("reverse", x - y, y - x, kind=RuleKind.INTEGER),
    Rule("absorb", maximum(x, minimum(x, y)), x),
    Rule("permute_twice", permute(permute(x, attributes=P), attributes=P), x),
    Rule("sum_apart", reduce_sum(x * y, attributes=A), reduce_sum(x, attributes=A) * y, "wrong"),
    Rule("loose", x * y + x * z, x * (y + y), kind=RuleKind.RELAXED, tolerance=4),
)


@pytest.mark.parametrize("rule", WRONG, ids=[rule.name for rule in WRONG])
def test_wrong_laws_are_caught(rule):
    with pytest.raises((AssertionError, VerifyError, ExceptionGroup)):
        check_rule(rule, 200, is_shrinking=False)


def test_right_laws_pass():
    rule = Rule("commute", x + y, y + x)
    tally = check_rule(rule, 50)
    assert tally.applied > 30


def test_laws_of_integers_are_refused_for_floats():
    rule = Rule("multiply_zero", x * 0, 0, kind=RuleKind.INTEGER)
    assert check_refusals(rule, 20).tried > 5
    wide = Rule("multiply_zero", variables("x", ANY)[0] * 0, 0, kind=RuleKind.INTEGER)
    assert wide.class_of(wide.left.sources[0]) is ANY

import pytest

from tilegrad.base.errors import ArgumentError
from tilegrad.rewrite import Rule, RuleKind
from tilegrad.rewrite.pattern import FLOAT, INTEGER, constant_variables, variables

x, y = variables("x y")
(i,) = variables("i", INTEGER)
(c,) = constant_variables("c")


def test_the_equation_is_the_statement():
    assert Rule("add_zero", x + 0, x, kind=RuleKind.INTEGER).statement == "x + 0 = x"
    assert Rule("add_zero", x + 0, x, "zero is neutral", RuleKind.INTEGER).statement == (
        "zero is neutral"
    )


def test_an_unbound_variable_on_the_right_is_refused():
    with pytest.raises(ArgumentError, match="variables that the left side has not") as caught:
        Rule("wrong", x + 0, y)
    assert caught.value.got == "y"


def test_a_rule_that_computes_states_its_law():
    with pytest.raises(ArgumentError, match="must state its law"):
        Rule("silent", x + c, lambda _: None)


def test_relaxed_rules_say_how_far_they_are_off():
    with pytest.raises(ArgumentError, match="have a tolerance"):
        Rule("distribute", x * y + x * i, x * (y + i), kind=RuleKind.RELAXED)
    with pytest.raises(ArgumentError, match="have a tolerance"):
        Rule("add_zero", x + 0, x, kind=RuleKind.INTEGER, tolerance=1)


def test_variables_take_the_dtypes_of_the_law_unless_they_have_their_own():
    rule = Rule("subtract", x - i, x, "for the test", RuleKind.RELAXED, tolerance=1)
    assert rule.class_of(x) is FLOAT
    assert rule.class_of(i) is INTEGER

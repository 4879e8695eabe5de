import pytest

from tilegrad.base.errors import ArgumentError
from tilegrad.ops import arithmetic
from tilegrad.ops.leaves import buffer, constant_op
from tilegrad.rewrite import Pass, Rule, RuleKind
from tilegrad.rewrite.matching import compile_rule
from tilegrad.rewrite.pattern import variables

x, y = variables("x y")
ADD_ZERO = Rule("add_zero", x + 0, x, kind=RuleKind.INTEGER)
NEGATED = Rule("add_negation", x + -y, x - y)


def test_names_are_unique():
    with pytest.raises(ArgumentError, match="several rules of one name"):
        Pass("simplify", "Test.", (ADD_ZERO, ADD_ZERO))


def test_a_rule_is_compiled_when_its_op_is_met_and_once_for_all_passes():
    rule = Rule("add_itself", x + x, x * 2, kind=RuleKind.INTEGER)
    before = compile_rule.cache_info()
    first, second = (Pass(name, "Test.", (rule,)) for name in ("first", "second"))
    first.find(arithmetic.multiply, (buffer, buffer))
    assert compile_rule.cache_info() == before
    found = [one.find(arithmetic.add, (buffer, buffer)) for one in (first, second)]
    assert compile_rule.cache_info().misses == before.misses + 1
    assert found[0] == found[1] != ()


def test_rules_are_found_by_op_and_ops_of_sources():
    rules = Pass("simplify", "Test.", (ADD_ZERO, NEGATED))

    def names(op, *sources):
        return [variant.rule.name for variant in rules.find(op, sources)]

    assert names(arithmetic.add, buffer, constant_op) == ["add_zero"]
    assert names(arithmetic.add, arithmetic.negate, constant_op) == ["add_zero", "add_negation"]
    assert names(arithmetic.add, buffer, buffer) == []
    assert names(arithmetic.multiply, buffer, constant_op) == []

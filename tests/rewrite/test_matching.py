import pytest

from tests.rewrite.graphs import leaf, rewrite_one
from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops import arithmetic, bits, comparison, conversion, movement
from tilegrad.ops.conversion import CastAttributes
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import ReshapeAttributes, reshape
from tilegrad.rewrite import Rule, RuleKind
from tilegrad.rewrite.matching import compile_rule, literal_node
from tilegrad.rewrite.pattern import (
    BOOLEAN,
    FLOAT,
    AttributeVariable,
    Family,
    constant_variables,
    lift,
    variables,
)

x, y, z = variables("x y z")
(p,) = variables("p", BOOLEAN)
(c,) = constant_variables("c")
cast, where, reshape_term = lift(conversion.cast, comparison.where, reshape)
add, multiply, negate = arithmetic.add, arithmetic.multiply, arithmetic.negate


def test_commutative_ops_match_in_either_order():
    rule = Rule("distribute", x * y + x * z, x * (y + z), kind=RuleKind.INTEGER)
    a, b, d = leaf(), leaf(), leaf()
    expected = multiply(a, add(b, d))
    for left in (multiply(a, b), multiply(b, a)):
        for right in (multiply(a, d), multiply(d, a)):
            assert rewrite_one(add(left, right), rule) is expected
    assert len(compile_rule(rule)) == 8


def test_other_ops_match_in_order_only():
    rule = Rule("subtract_zero", x - 0, x)
    a, zero = leaf(), constant(0, dtypes.int32)
    assert rewrite_one(arithmetic.subtract(a, zero), rule) is a
    assert rewrite_one(arithmetic.subtract(zero, a), rule) is not a


def test_a_repeated_variable_means_the_same_node():
    rule = Rule("subtract_itself", x - x, 0, kind=RuleKind.INTEGER)
    a, b = leaf(shape=()), leaf(shape=())
    assert rewrite_one(arithmetic.subtract(a, a), rule) is constant(0, dtypes.int32)
    different = arithmetic.subtract(a, b)
    assert rewrite_one(different, rule) is different


def test_the_kind_decides_the_dtypes():
    rule = Rule("add_zero", x + 0, x, kind=RuleKind.INTEGER)
    for dtype in (dtype for dtype in STORABLE if not dtype.is_boolean):
        sum_ = add(leaf(dtype), constant(0, dtype))
        assert (rewrite_one(sum_, rule) is sum_.sources[0]) == dtype.is_integer


def test_a_variable_may_have_dtypes_of_its_own():
    (f,) = variables("f", FLOAT)
    rule = Rule("choose", where(p, f, f), f)
    condition = leaf(dtypes.bool)
    for dtype in STORABLE:
        value = leaf(dtype)
        choice = comparison.where(condition, value, value)
        assert (rewrite_one(choice, rule) is value) == dtype.is_float


def test_zero_has_a_sign():
    rule = Rule("add_negative_zero", x + -0.0, x)
    a = leaf(dtypes.float32)
    assert rewrite_one(add(a, constant(-0.0, dtypes.float32)), rule) is a
    assert rewrite_one(add(a, constant(0.0, dtypes.float32)), rule) is not a


def test_literals_match_only_where_the_dtype_holds_them():
    assert literal_node(300, dtypes.uint8) is None
    assert literal_node(-1, dtypes.uint8) is None
    assert literal_node(0.5, dtypes.int32) is None
    assert literal_node(2, dtypes.bool) is None
    assert literal_node(1e6, dtypes.float16) is None
    assert literal_node(0.5, dtypes.float16) is constant(0.5, dtypes.float16)
    assert literal_node(1, dtypes.bool) is constant(True, dtypes.bool)


def test_attribute_variables_carry_records_over():
    target = AttributeVariable("T", CastAttributes)
    rule = Rule("negate_after", cast(-x, attributes=target), -cast(x, attributes=target), "test")
    narrow = CastAttributes(dtypes.int8)
    a = leaf()
    found = rewrite_one(conversion.cast(negate(a), attributes=narrow), rule)
    assert found is negate(conversion.cast(a, attributes=narrow))


def test_a_repeated_attribute_variable_means_the_same_record():
    target = AttributeVariable("S", ReshapeAttributes)
    left = reshape_term(x, attributes=target) + reshape_term(y, attributes=target)
    rule = Rule("join", left, reshape_term(x + y, attributes=target), kind=RuleKind.INTEGER)
    a, b = leaf(), leaf()
    flat, wide = ReshapeAttributes((12,)), ReshapeAttributes((1, 12))
    joined = rewrite_one(add(reshape(a, attributes=flat), reshape(b, attributes=flat)), rule)
    assert joined is reshape(add(a, b), attributes=flat)
    other = add(reshape(a, attributes=wide), reshape(b, attributes=ReshapeAttributes((12, 1))))
    assert rewrite_one(other, rule) is other


def test_constant_variables_match_constants_only():
    rule = Rule("move_constant", x - c, x + -c, kind=RuleKind.INTEGER)
    a = leaf()
    two = constant(2, dtypes.int32)
    assert rewrite_one(arithmetic.subtract(a, two), rule) is add(a, negate(two))
    assert rewrite_one(arithmetic.subtract(a, leaf()), rule).op is arithmetic.subtract


def test_guards_and_builders_see_the_match():
    def is_even(match):
        return match[c].attributes.bits % 2 == 0

    def build(match):
        return None if match[x].shape == () else match.node.sources[0]

    rule = Rule("drop_even", x * c, build, "for the test", guard=is_even)
    a, scalar = leaf(), leaf(shape=())
    two, three = constant(2, dtypes.int32), constant(3, dtypes.int32)
    assert rewrite_one(multiply(a, two), rule) is a
    assert rewrite_one(multiply(a, three), rule) is not a
    assert rewrite_one(multiply(scalar, two), rule) is not scalar


def test_families_look_at_the_ops_of_sources():
    sums = (add, arithmetic.subtract)
    rule = Rule("first", Family("sum", sums, some=(negate,)), lambda m: m.node.sources[0], "test")
    a, b = leaf(), leaf()
    assert rewrite_one(add(a, negate(b)), rule) is a
    assert rewrite_one(arithmetic.subtract(a, negate(b)), rule) is a
    assert rewrite_one(add(a, b), rule) is not a
    assert rewrite_one(multiply(a, negate(b)), rule) is not a


def test_literals_on_the_right_take_the_dtype_of_their_neighbour():
    rule = Rule("negation", -x, 0 - x, kind=RuleKind.INTEGER)
    a = leaf(dtypes.int8)
    assert rewrite_one(negate(a), rule) is arithmetic.subtract(constant(0, dtypes.int8), a)
    choice = Rule("choice", ~p, where(p, False, True), kind=RuleKind.BOOLEAN)
    condition = leaf(dtypes.bool)
    false, true = constant(False, dtypes.bool), constant(True, dtypes.bool)
    found = rewrite_one(bits.bitwise_not(condition), choice)
    assert found is comparison.where(condition, false, true)


def test_literals_without_a_neighbour_are_refused():
    with pytest.raises(ArgumentError, match="nothing gives the literals"):
        compile_rule(Rule("wrong", -x, where(1, 0, 1), "for the test"))


def test_ops_with_any_number_of_sources_match_by_number():
    (concatenate,) = lift(movement.concatenate)
    rule = Rule("one", concatenate(x), x)
    record = movement.ConcatenateAttributes(0)
    a, b = leaf(), leaf()
    assert rewrite_one(movement.concatenate(a, attributes=record), rule) is a
    for sources in ((a, b), (a, b, a)):
        joined = movement.concatenate(*sources, attributes=record)
        assert rewrite_one(joined, rule) is joined

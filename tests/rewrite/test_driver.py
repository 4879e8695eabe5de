import pytest

from tests.rewrite.graphs import SILENT, leaf, rewrite_one
from tilegrad.base.errors import CompileError, VerifyError
from tilegrad.base.events import RewriteApplied
from tilegrad.base.trace import Trace
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import arithmetic, comparison, conversion
from tilegrad.ops.conversion import CastAttributes
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import filled, reshape_to
from tilegrad.rewrite import Pass, Rule, RuleKind, rewrite
from tilegrad.rewrite.pattern import constant_variables, lift, variables

x, y, z = variables("x y z")
c, d = constant_variables("c d")
add, multiply, negate = arithmetic.add, arithmetic.multiply, arithmetic.negate
ZERO = constant(0, dtypes.int32)
ADD_ZERO = Rule("add_zero", x + 0, x, kind=RuleKind.INTEGER)
MULTIPLY_ZERO = Rule("multiply_zero", x * 0, 0, kind=RuleKind.INTEGER)
NEGATED = -x
DOUBLE_NEGATION = Rule("double_negation", -NEGATED, x)


def test_what_a_rule_makes_is_rewritten_too():
    a = leaf(shape=())
    graph = add(add(a, multiply(a, ZERO)), ZERO)
    assert rewrite_one(graph, ADD_ZERO, MULTIPLY_ZERO) is a


def test_sources_are_finished_before_their_users():
    a = leaf()
    graph = negate(add(negate(add(a, ZERO)), ZERO))
    assert rewrite_one(graph, ADD_ZERO, DOUBLE_NEGATION) is a


def test_the_first_rule_wins():
    first = Rule("to_minus", x + y, x - y, "for the test")
    second = Rule("to_times", x + y, x * y, "for the test")
    graph = add(leaf(), leaf())
    assert rewrite_one(graph, first, second).op is arithmetic.subtract
    assert rewrite_one(graph, second, first).op is multiply


def test_unchanged_graphs_stay_the_same_nodes():
    graph = multiply(add(leaf(), leaf()), leaf())
    assert rewrite_one(graph, ADD_ZERO) is graph


def test_several_roots_share_their_work():
    a = leaf()
    shared = add(a, ZERO)
    trace = Trace()
    with trace.record() as recording:
        roots = rewrite([negate(shared), shared, a], Pass("test", "", (ADD_ZERO,)), trace)
    assert roots == [negate(a), a, a]
    assert len(recording.find(RewriteApplied)) == 1


def test_smaller_replacements_are_expanded():
    row, column = leaf(shape=(1, 4)), leaf(shape=(3, 1))
    pick = Rule("pick", x + y * 0, x, kind=RuleKind.INTEGER)
    graph = add(column, multiply(row, ZERO))
    assert rewrite_one(graph, pick).shape == (3, 4)
    assert rewrite_one(multiply(leaf(), ZERO), MULTIPLY_ZERO) is filled(0, dtypes.int32, (3, 4))


def test_a_rule_must_keep_the_dtype():
    (less,) = lift(comparison.less)
    wrong = Rule("wrong", less(x, y), x, "for the test")
    with pytest.raises(VerifyError, match="rule wrong of pass test changed the dtype"):
        rewrite_one(comparison.less(leaf(), leaf()), wrong)


def test_a_rule_must_keep_the_shape():
    wrong = Rule("wrong", -x, lambda match: reshape_to(match[x], (12,)), "for the test")
    with pytest.raises(VerifyError, match="rule wrong of pass test changed the shape"):
        rewrite_one(negate(leaf()), wrong)


def test_rules_that_undo_each_other_are_named():
    there = Rule("there", x - y, x + -y)
    back = Rule("back", x + -y, x - y)
    with pytest.raises(CompileError, match="go on for ever") as caught:
        rewrite_one(arithmetic.subtract(leaf(), leaf()), there, back)
    assert "back, there" in str(caught.value)


def test_a_rule_that_makes_what_contains_its_match_is_named():
    grow = Rule("grow", x + y, (x + y) * 1, "for the test")
    with pytest.raises(CompileError, match="grow"):
        rewrite_one(add(leaf(), leaf()), grow)


def test_endless_growth_is_noticed():
    grow = Rule("count_up", x + c, x + (c + 1), kind=RuleKind.INTEGER)
    fold = Rule("fold", c + d, lambda m: next_constant(m[c], m[d]), "c + d is computed")
    with pytest.raises(CompileError, match="count_up, fold"):
        rewrite_one(add(leaf(dtypes.int64), constant(1, dtypes.int64)), fold, grow)


def next_constant(left, right):
    return constant(left.attributes.bits + right.attributes.bits, dtypes.int64)


def test_endless_descent_is_noticed():
    (absolute,) = lift(arithmetic.absolute)
    grow = Rule("grow", absolute(x), -absolute(-x), "for the test")
    with pytest.raises(CompileError, match="grow"):
        rewrite_one(arithmetic.absolute(leaf()), grow)


def test_long_chains_need_no_recursion():
    node = start = leaf(shape=())
    for _ in range(10_000):
        node = add(negate(negate(node)), ZERO)
    assert rewrite_one(node, ADD_ZERO, DOUBLE_NEGATION) is start


def test_long_chains_may_be_rewritten_from_the_top():
    (cast,) = lift(conversion.cast)
    inward = Rule("inward", cast(-x), lambda m: negate(rebuild_cast(m)), "for the test")
    node = leaf(shape=())
    for _ in range(10_000):
        node = negate(node)
    graph = conversion.cast(node, attributes=CastAttributes(dtypes.int8))
    found = sort_topologically([rewrite_one(graph, inward)])
    assert [node.op.name for node in found[:3]] == ["buffer", "cast", "negate"]
    assert len(found) == 10_002


def rebuild_cast(match):
    return conversion.cast(match[x], attributes=match.node.attributes)


def test_wide_sharing_is_visited_once():
    node = leaf()
    for _ in range(200):
        node = add(node, node)
    assert rewrite_one(node, ADD_ZERO) is node


def test_events_tell_what_was_rewritten():
    trace = Trace()
    with trace.record() as recording:
        rewrite([add(leaf(), ZERO)], Pass("clean_up", "", (ADD_ZERO,)), trace)
    (event,) = recording.find(RewriteApplied)
    assert (event.pass_name, event.rule) == ("clean_up", "add_zero")
    assert event.before == "add(buffer:int32[3, 4], 0:int32)"
    assert event.after == "buffer:int32[3, 4]"


def test_leaves_are_fine_as_roots():
    assert rewrite([ZERO], Pass("test", "", (ADD_ZERO,)), SILENT) == [ZERO]
    assert rewrite([], Pass("test", "", (ADD_ZERO,)), SILENT) == []

"""Tests any rule by itself: draws instances of its left side and evaluates both sides.

Exact rules must agree in every bit, on special values too; relaxed ones within their tolerance on
moderate operands. The reference is ``tilegrad.ops.evaluate``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
from hypothesis import Phase
from hypothesis import strategies as st

from tests.rewrite.instances import DIVISIONS, Instance
from tests.rewrite.values import count_differences, largest_distance
from tilegrad.base.errors import DTypeError, TilegradError
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, reduction, scan
from tilegrad.ops.comparison import where
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.leaves import constant
from tilegrad.rewrite import broadcast_to
from tilegrad.rewrite.matching import compile_rule
from tilegrad.rewrite.pattern import Apply, DTypeClass, Family, Variable, walk
from tilegrad.rewrite.rule import Rule, RuleKind

Make = Callable[[Instance], Node]
"""A strategy for instances of a rule that no random instance of its left side would match."""

EVERY_DTYPE = (*STORABLE, dtypes.index)
EXTREMES = (
    arithmetic.maximum,
    arithmetic.minimum,
    reduction.reduce_maximum,
    reduction.reduce_minimum,
    scan.scan,
)
"""Of -0 and +0 these give either, by their definitions."""


MOST_OPS = 10
"""Rules for many ops get as many times the examples, but no more."""


@dataclass
class Tally:
    """How often a rule was tried and applied."""

    tried: int = 0
    applied: int = 0


def apply_once(rule: Rule, node: Node) -> Node | None:
    """Return what a rule makes of a node itself, or None if it does not match."""
    if node.op not in rule.ops:
        return None
    for variant in compile_rule(rule):
        ops = tuple(source.op for source in node.sources)
        if variant.accepts(ops):
            found = variant.attempt(node)
            if found is not None and found is not node:
                return broadcast_to(found, node.shape)
    return None


def draw_instance(
    rule: Rule,
    data: st.DataObject,
    choose: Callable[[Instance, DTypeClass], DType],
    make: Make | None,
) -> Instance | None:
    """Return an instance, or None if an op refuses the dtypes or shapes that were drawn."""
    try:
        return Instance(rule, data.draw, choose, make)
    except TilegradError:
        return None


def check_rule(
    rule: Rule, examples: int | None = None, make: Make | None = None, *, is_shrinking: bool = True
) -> Tally:
    """Draw instances (as many as the Hypothesis profile says) and compare both sides."""
    tally = Tally()
    examples = examples or hypothesis.settings().max_examples
    if isinstance(rule.left, Family):
        examples *= min(len(rule.left.ops), MOST_OPS)
    phases = (Phase.generate, *((Phase.shrink,) if is_shrinking else ()))
    ignores_zero_sign = bool(_ops_of(rule).intersection(EXTREMES))

    @hypothesis.settings(max_examples=examples, database=None, phases=phases)
    @hypothesis.given(st.data())
    def test(data: st.DataObject) -> None:
        instance = draw_instance(rule, data, _choose_allowed, make)
        if instance is None:
            return
        tally.tried += 1
        after = apply_once(rule, instance.node)
        if after is None:
            return
        tally.applied += 1
        assert after.dtype is instance.node.dtype
        left, right = evaluate([instance.node, after], instance.read, {})
        hypothesis.note(f"{left}\n{right}")
        if rule.kind is RuleKind.RELAXED:
            assert largest_distance(left, right, instance.node.dtype) <= rule.tolerance
        else:
            assert not count_differences(left, right, ignores_zero_sign=ignores_zero_sign)

    test()
    return tally


def check_refusals(rule: Rule, examples: int | None = None, make: Make | None = None) -> Tally:
    """Draw instances whose variables have dtypes that the rule does not declare: none may match."""
    tally = Tally()

    @hypothesis.settings(max_examples=examples, database=None)
    @hypothesis.given(st.data())
    def test(data: st.DataObject) -> None:
        instance = draw_instance(rule, data, _choose_refused, make)
        if instance is None:
            return
        tally.tried += 1
        assert apply_once(rule, instance.node) is None

    test()
    return tally


def _choose_allowed(instance: Instance, allowed: DTypeClass) -> DType:
    return instance.draw(st.sampled_from(_accepted(instance.rule, allowed)))


@functools.cache
def _accepted(rule: Rule, allowed: DTypeClass) -> tuple[DType, ...]:
    """Return the dtypes of a class that the ops over variables of that class take."""
    ops = set()
    for term in walk(rule.left):
        if isinstance(term, Apply) and term.op is not where and term.op.attributes is None:
            variables = [part for part in term.sources if isinstance(part, Variable)]
            if any(rule.class_of(variable) is allowed for variable in variables):
                ops.add(term.op)
    members = [dtype for dtype in EVERY_DTYPE if dtype in allowed.members]
    if ops.intersection(DIVISIONS):
        members = [dtype for dtype in members if dtype is not dtypes.index]
    return tuple(dtype for dtype in members if all(_takes(op, dtype) for op in ops))


def _takes(op: Op, dtype: DType) -> bool:
    try:
        op.infer((constant(0, dtype),) * (op.arity or 1), None)
    except DTypeError:
        return False
    return True


def _choose_refused(instance: Instance, allowed: DTypeClass) -> DType:
    """Take dtypes outside of the classes, one and the same for all that refuse it."""
    refused = [d for d in EVERY_DTYPE if d not in allowed.members]
    return instance.draw(st.sampled_from(refused or EVERY_DTYPE))


def _ops_of(rule: Rule) -> set[object]:
    if isinstance(rule.left, Family):
        return set(rule.left.ops)
    return {term.op for term in walk(rule.left) if isinstance(term, Apply)}

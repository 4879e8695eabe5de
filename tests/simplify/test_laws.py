"""Every rule proves itself: both sides are evaluated on random instances of the left one."""

from __future__ import annotations

import pytest

from tests.rewrite.laws import check_refusals, check_rule
from tests.simplify.instances import OWN
from tilegrad.rewrite.pattern import ANY, Apply, Variable, walk
from tilegrad.simplify import simplify_tensor_graph_freely

RULES = simplify_tensor_graph_freely.rules
LEAST_APPLICATIONS = 3


def is_limited(rule):
    """Whether a rule refuses some dtypes by its variables' classes."""
    variables = [term for term in walk(rule.left) if isinstance(term, Variable)]
    return isinstance(rule.left, Apply) and any(rule.class_of(v) is not ANY for v in variables)


LIMITED = [rule for rule in RULES if is_limited(rule)]


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_both_sides_agree(rule):
    """A rule of which too few instances apply needs an entry in `tests.simplify.instances`."""
    tally = check_rule(rule, make=OWN.get(rule.name))
    assert tally.applied >= LEAST_APPLICATIONS, f"applied to {tally.applied} of {tally.tried}"


@pytest.mark.parametrize("rule", LIMITED, ids=[rule.name for rule in LIMITED])
def test_other_dtypes_are_refused(rule):
    check_refusals(rule, 10, OWN.get(rule.name))


def test_no_strategy_is_left_over():
    assert set(OWN) <= {rule.name for rule in RULES}

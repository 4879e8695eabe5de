"""The references of the elementwise ops against formulas that share nothing with them."""

from __future__ import annotations

import pytest

from tests.conformance.cases import Case, elementwise_cases
from tests.conformance.comparison import assert_same
from tests.conformance.devices import run_reference
from tests.conformance.oracles import CLOSE, EXACT, SCALAR, SELECTING, TESTS, WHOLE, expected_of
from tilegrad.ops import ELEMENTWISE_OPS

CASES = list(elementwise_cases())
CHECKED_ELSEWHERE = {
    "sign",  # of floats; torch gives 0 for NaN
    "next_after",
    "bitcast",
    "threefry",
    "fused_multiply_add",
}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_reference(case: Case):
    actual = run_reference(case)
    expected = expected_of(case)
    if expected is None:
        assert case.op.name in CHECKED_ELSEWHERE
        return
    values, ulps = expected
    assert_same(
        actual,
        values,
        case.build().dtype,
        ulps=ulps,
        absolute=4e-15 if case.op.name == "lgamma" else 0,  # it crosses zero at 1 and 2
        is_zero_sign_free=case.op.name in {"maximum", "minimum"},
    )


def test_every_op_is_checked():
    checked = {*CLOSE, *EXACT, *SCALAR, *SELECTING, *TESTS, *WHOLE, "cast", "where"}
    assert {op.name for op in ELEMENTWISE_OPS} == checked | CHECKED_ELSEWHERE

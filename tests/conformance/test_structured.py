"""The references of reductions, scans, movement and indexing against loops over positions."""

from __future__ import annotations

import pytest

from tests.conformance.cases import Case
from tests.conformance.comparison import assert_same
from tests.conformance.devices import run_reference
from tests.conformance.structured import structured_cases
from tests.conformance.structured_oracles import expected_of, result_dtype

CASES = list(structured_cases())


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_reference(case: Case):
    is_rounded_often = "multiply" in case.note or case.op.name == "reduce_product"
    assert_same(
        run_reference(case),
        expected_of(case),
        result_dtype(case),
        ulps=2 if is_rounded_often and case.dtype.bits >= 32 else 0,
        is_zero_sign_free=True,
    )

"""Agreement of a compiled device with the references, op by op and dtype by dtype."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy

from tests.conformance.cases import Case, elementwise_cases
from tests.conformance.comparison import assert_same
from tests.conformance.devices import Executor, run_reference, run_together
from tests.conformance.oracles import CLOSE
from tests.conformance.structured import structured_cases
from tilegrad.ir.dtype import DType, dtypes

# What index arithmetic is made of, beside the affine form and division, whose divisors are sizes
# and never tensors (tests/ops/test_symbolic.py).
INDEX_OPS = {
    "cast",
    "equal",
    "less",
    "less_equal",
    "maximum",
    "minimum",
    "not_equal",
    "where",
}

Group = tuple[str, DType]


def group_cases() -> dict[Group, list[Case]]:
    """Return all cases by op and dtype."""
    groups: dict[Group, list[Case]] = {}
    for case in itertools.chain(elementwise_cases(), structured_cases()):
        if case.dtype is not dtypes.index or case.op.name in INDEX_OPS:
            groups.setdefault((case.op.name, case.dtype), []).append(case)
    return groups


def check_agreement(executor: Executor, cases: list[Case]) -> None:
    """Compare a device's results with the references'.

    Raises:
        AssertionError: they differ by more than the op allows.
    """
    for case, actual in zip(cases, run_together(executor, cases), strict=True):
        check_result(case, actual)


def check_result(case: Case, actual: numpy.ndarray) -> None:
    """Compare one result with the reference's."""
    dtype = case.build().dtype
    assert_same(
        actual,
        run_reference(case),
        dtypes.int64 if dtype is dtypes.index else dtype,
        ulps=tolerated_ulps(case),
        absolute=4e-15 if case.op.name == "lgamma" else 0,
        is_zero_sign_free=case.op.name in {"maximum", "minimum"} or not is_elementwise(case),
    )


def is_elementwise(case: Case) -> bool:
    """Whether each result element depends on one element of each source."""
    return not case.op.name.startswith(("reduce", "scan", "scatter"))


def tolerated_ulps(case: Case) -> float:
    """Return how many units in the last place a device may be off the reference."""
    if case.op.name in CLOSE:
        return 4 if case.dtype.bits >= 32 else 1
    is_product = "multiply" in case.note or case.op.name == "reduce_product"
    return 2 if is_product and case.dtype.bits >= 32 else 0


def disagreements(executor: Executor, names: Sequence[str] = ()) -> Iterator[tuple[Case, str]]:
    """Yield each case (of the ops named, or of all) that a device fails at, with the reason."""
    for case in itertools.chain.from_iterable(group_cases().values()):
        if names and case.op.name not in names:
            continue
        try:
            check_agreement(executor, [case])
        except Exception as error:  # noqa: BLE001 - each failure is a finding
            text = " ".join(str(error).split())
            yield case, f"{type(error).__name__}: {text[:160]}"

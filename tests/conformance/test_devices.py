"""Compiled devices against the references."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import Group, check_agreement, group_cases
from tilegrad.engine import current_session
from tilegrad.ir.dtype import dtypes

GROUPS = group_cases()

# What cpu does not compute rightly yet, and why: `python -m tests.conformance` lists the cases.
PENDING: dict[Group, str] = {
    ("truncated_remainder", dtypes.float16): "a scalar float64 is rounded by a library function",
}


def parameter(group: Group) -> object:
    """Return a test's parameter, marked if it is known to fail."""
    name, dtype = group
    marks = [pytest.mark.xfail(reason=PENDING[group], strict=True)] if group in PENDING else []
    return pytest.param(group, id=f"{name}-{dtype.name}", marks=marks)


@pytest.mark.parametrize("group", [parameter(group) for group in GROUPS])
@pytest.mark.parametrize("device", ["cpu"])
def test_agrees_with_the_reference(device: str, group: Group):
    check_agreement(current_session().executor(device), GROUPS[group])

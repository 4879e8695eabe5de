"""Compiled devices against the references."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import Group, check_agreement, group_cases
from tilegrad.engine import current_session

GROUPS = group_cases()


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group[0]}-{group[1].name}")
@pytest.mark.parametrize("device", ["cpu"])
def test_agrees_with_the_reference(device: str, group: Group):
    check_agreement(current_session().executor(device), GROUPS[group])

"""The devices under test: functions that compute a case."""

from __future__ import annotations

from collections.abc import Callable

import numpy

from tests.conformance.cases import Case
from tilegrad.ops.evaluate import evaluate


def run_reference(case: Case) -> numpy.ndarray:
    """Compute a case op by op with the NumPy references."""
    return evaluate([case.build()], case.read, {})[0]


DEVICES: dict[str, Callable[[Case], numpy.ndarray]] = {"reference": run_reference}

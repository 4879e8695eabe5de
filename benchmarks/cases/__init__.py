"""What is measured, by group; each case is written once, for all libraries."""

from __future__ import annotations

from benchmarks.cases import (
    attention,
    captured,
    compiling,
    convolutions,
    inference,
    kernels,
    matrices,
    rows,
    streams,
    training,
)
from benchmarks.cases.case import Case, Kind

CASES: tuple[Case, ...] = (
    *compiling.CASES,
    *captured.CASES,
    *training.MEMORY,
    *training.CASES,
    *inference.CASES,
    *matrices.CASES,
    *convolutions.CASES,
    *attention.CASES,
    *rows.CASES,
    *kernels.CASES,
    *streams.CASES,
)

__all__ = ["CASES", "Case", "Kind", "find_case"]


def find_case(name: str) -> Case:
    """Return the case of a name."""
    return next(case for case in CASES if case.name == name)

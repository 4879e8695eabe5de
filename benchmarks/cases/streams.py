"""Elementwise chains and plain reductions, in the caches and out of them."""

from __future__ import annotations

from benchmarks.cases.case import Case, captured_call
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

SIZES = {"64 Ki": 1 << 16, "16 Mi": 1 << 24}
ROWS = 4096


def chain(library: Library, a: Array, b: Array) -> Array:
    return library.maximum(a * b + a, 0) - b


def exponential(library: Library, a: Array) -> Array:
    return library.exp(a)


def total(library: Library, a: Array) -> Array:
    return library.sum(a)


def columns(library: Library, a: Array) -> Array:
    return library.sum(a, 0)


def rows(library: Library, a: Array) -> Array:
    return library.sum(a, 1)


def transpose(library: Library, a: Array) -> Array:
    return library.permute(a, (1, 0)) * 2.0


def make_cases(text: str, size: int) -> tuple[Case, ...]:
    name = f"{size >> 10}k"
    shape = (size,)
    return (
        Case(
            name=f"chain-{name}",
            group="speed",
            title=f"max(a·b + a, 0) - b, {text} elements",
            prepare=captured_call(chain, shape, shape),
            work=(12.0 * size, "B"),
            is_quick=size == 1 << 16,
        ),
        Case(
            name=f"exp-{name}",
            group="speed",
            title=f"exp, {text} elements",
            prepare=captured_call(exponential, shape),
            work=(8.0 * size, "B"),
        ),
        Case(
            name=f"sum-{name}",
            group="speed",
            title=f"sum of {text} elements",
            prepare=captured_call(total, shape),
            work=(4.0 * size, "B"),
        ),
    )


SQUARE = (ROWS, ROWS)
CASES = (
    *(case for text, size in SIZES.items() for case in make_cases(text, size)),
    Case(
        name="sum-columns",
        group="speed",
        title=f"sum of the columns of {ROWS}×{ROWS}",
        prepare=captured_call(columns, SQUARE),
        work=(4.0 * ROWS * ROWS, "B"),
    ),
    Case(
        name="sum-rows",
        group="speed",
        title=f"sum of the rows of {ROWS}×{ROWS}",
        prepare=captured_call(rows, SQUARE),
        work=(4.0 * ROWS * ROWS, "B"),
    ),
    Case(
        name="transpose",
        group="speed",
        title=f"transpose of {ROWS}×{ROWS}, times 2",
        prepare=captured_call(transpose, SQUARE),
        work=(8.0 * ROWS * ROWS, "B"),
    ),
)

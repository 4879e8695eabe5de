"""Reductions along rows with something after them: softmax and layer norm."""

from __future__ import annotations

from benchmarks.cases.case import Case, captured_call
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

ROWS, WIDTHS = 4096, (256, 4096)


def softmax(library: Library, x: Array) -> Array:
    return library.softmax(x)


def layer_norm(library: Library, x: Array, weight: Array, bias: Array) -> Array:
    return library.layer_norm(x, weight, bias)


def make_cases(width: int) -> tuple[Case, ...]:
    shape, moved = (ROWS, width), (8.0 * ROWS * width, "B")
    size = f"{ROWS}×{width}"
    return (
        Case(
            name=f"softmax-{width}",
            group="speed",
            title=f"softmax {size}",
            prepare=captured_call(softmax, shape),
            work=moved,
            is_quick=width == WIDTHS[0],
        ),
        Case(
            name=f"layer-norm-{width}",
            group="speed",
            title=f"layer norm {size}",
            prepare=captured_call(layer_norm, shape, (width,), (width,)),
            work=moved,
        ),
    )


CASES = tuple(case for width in WIDTHS for case in make_cases(width))

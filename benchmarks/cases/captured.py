"""Overhead: what is left when there is almost nothing to compute."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.cases.case import Case, captured_call, make_generator
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array


def eager_addition(library: Library) -> Callable[[], Array]:
    generator = make_generator()
    a, b = (library.array(generator.standard_normal(16, np.float32)) for _ in range(2))
    run = library.eager(lambda x, y: x + y)
    return lambda: run(a, b)


def small_network(library: Library, x: Array, first: Array, second: Array) -> Array:
    return library.sum(library.maximum(x @ first, 0) @ second, 1)


CASES = (
    Case(
        name="eager-add",
        group="overhead",
        title="an eager a + b of 16 elements, seen before",
        prepare=eager_addition,
        is_quick=True,
    ),
    Case(
        name="replay",
        group="overhead",
        title="a captured step of two 32×32 layers, replayed",
        prepare=captured_call(small_network, (8, 32), (32, 32), (32, 32)),
        is_quick=True,
    ),
)

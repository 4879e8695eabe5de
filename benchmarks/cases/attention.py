"""Attention: short and long, all keys and those before, forward and with its gradients."""

from __future__ import annotations

import itertools

from benchmarks.cases.case import Case, captured_call, tolerance_of
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

HEADS, WIDTH = 8, 64
LENGTHS = (512, 1024, 2048, 4096)


def make_case(length: int, dtype: str, *, is_causal: bool, is_backward: bool) -> Case:
    shape = (1, HEADS, length, WIDTH)

    def attend(library: Library, query: Array, key: Array, value: Array) -> Array:
        return library.attention(query, key, value, is_causal=is_causal)

    def differentiate(library: Library, *arrays: Array) -> tuple[Array, ...]:
        *operands, seed = arrays
        return library.gradients(lambda *parts: attend(library, *parts), operands, seed)

    # Two products forward; five backward, which computes the scores again.
    products = (2 + 5 * is_backward) * (0.5 if is_causal else 1.0)
    words = ["causal attention" if is_causal else "attention", f"length {length}", dtype]
    name = f"attention-{length}-{dtype}" + "-causal" * is_causal + "-backward" * is_backward
    return Case(
        name=name,
        group="attention",
        title=", ".join(words) + (", forward and backward" if is_backward else ""),
        prepare=captured_call(
            differentiate if is_backward else attend,
            *[shape] * (4 if is_backward else 3),
            dtype=dtype,
        ),
        work=(2.0 * products * HEADS * WIDTH * length * length, "FLOP"),
        tolerance=tolerance_of(dtype),
    )


CASES = tuple(
    make_case(length, dtype, is_causal=is_causal, is_backward=is_backward)
    for dtype, is_backward, is_causal, length in itertools.product(
        ("float32", "bfloat16"), (False, True), (True, False), LENGTHS
    )
)

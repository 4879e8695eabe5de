"""Rows: softmax, norms and cross-entropy, forward and backward, from short rows to long ones."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases.case import Case, captured_call, make_generator
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

SHAPES = ((32768, 32), (4096, 256), (4096, 1000), (4096, 4096), (256, 65536))
Row = Callable[..., Array]


def softmax(library: Library, x: Array) -> Array:
    return library.softmax(x)


def log_softmax(library: Library, x: Array) -> Array:
    return library.log_softmax(x)


def layer_norm(library: Library, x: Array, weight: Array, bias: Array) -> Array:
    return library.layer_norm(x, weight, bias)


def rms_norm(library: Library, x: Array, weight: Array) -> Array:
    return library.rms_norm(x, weight)


ROWS: tuple[tuple[str, str, Row, int], ...] = (
    ("softmax", "softmax", softmax, 0),
    ("log-softmax", "log-softmax", log_softmax, 0),
    ("layer-norm", "layer norm", layer_norm, 2),
    ("rms-norm", "RMS norm", rms_norm, 1),
)
"""For each: name, title, function, and how many weights it takes."""


def backward_of(function: Row) -> Row:
    """Return the function of a library, rows, a seed and weights that gives the gradient."""

    def backward(library: Library, x: Array, seed: Array, *weights: Array) -> Array:
        return library.gradient(lambda rows: function(library, rows, *weights), x, seed)

    return backward


def cross_entropy_call(
    shape: tuple[int, int], *, is_backward: bool
) -> Callable[[Library], Callable[[], Array]]:
    """Return what prepares the mean cross-entropy of logits, or its gradient."""

    def prepare(library: Library) -> Callable[[], Array]:
        generator = make_generator()
        logits = library.array(generator.standard_normal(shape, dtype="float32"))
        labels = library.array(generator.integers(0, shape[1], shape[0]))
        one = library.array(generator.standard_normal(1, dtype="float32") * 0 + 1)

        def backward(x: Array, y: Array, seed: Array) -> Array:
            return library.gradient(
                lambda rows: library.cross_entropy(rows, y), x, seed.reshape(())
            )

        run = library.capture(backward if is_backward else library.cross_entropy)
        arguments = (logits, labels, one) if is_backward else (logits, labels)
        return lambda: run(*arguments)

    return prepare


def make_cases(shape: tuple[int, int]) -> tuple[Case, ...]:
    """Return the cases of one shape."""
    rows, width = shape
    elements, size = 4.0 * rows * width, f"{rows}×{width}"
    cases = []
    for name, title, function, weights in ROWS:
        others = ((width,),) * weights
        cases += [
            Case(
                name=f"{name}-{width}",
                group="rows",
                title=f"{title} {size}",
                prepare=captured_call(function, shape, *others),
                work=(2 * elements, "B"),
                written=elements,
                is_quick=name == "softmax" and width == 256,
            ),
            Case(
                name=f"{name}-backward-{width}",
                group="rows",
                title=f"{title} {size}, forward and backward",
                prepare=captured_call(backward_of(function), shape, shape, *others),
                work=(3 * elements, "B"),
                written=elements,
            ),
        ]
    for is_backward in (False, True):
        suffix = "-backward" if is_backward else ""
        cases.append(
            Case(
                name=f"cross-entropy{suffix}-{width}",
                group="rows",
                title=f"cross-entropy {size}" + (", forward and backward" if is_backward else ""),
                prepare=cross_entropy_call(shape, is_backward=is_backward),
                work=((1 + is_backward) * elements, "B"),
                written=is_backward * elements,
            )
        )
    return tuple(cases)


CASES = tuple(case for shape in SHAPES for case in make_cases(shape))

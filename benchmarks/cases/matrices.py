"""Contractions: matrix products, convolutions, attention."""

from __future__ import annotations

from benchmarks.cases.case import Case, captured_call
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

SIZES = (256, 512, 1024, 2048)
CONVOLUTIONS = (
    # batch, channels in, channels out, image, window, stride
    (1, 64, 64, 56, 3, 1),
    (1, 128, 128, 28, 3, 1),
    (1, 128, 256, 56, 3, 2),
    (1, 256, 64, 56, 1, 1),
    (16, 32, 64, 28, 3, 1),
)


def multiply(_library: Library, a: Array, b: Array) -> Array:
    return a @ b


def make_matmul(size: int) -> Case:
    shape = (size, size)
    return Case(
        name=f"matmul-{size}",
        group="speed",
        title=f"matmul {size}×{size}",
        prepare=captured_call(multiply, shape, shape),
        work=(2.0 * size**3, "FLOP"),
        is_quick=size == 512,
    )


def make_convolution(
    batch: int, inputs: int, outputs: int, image: int, window: int, stride: int
) -> Case:
    padding = window // 2

    def convolve(library: Library, x: Array, weight: Array) -> Array:
        return library.conv2d(x, weight, stride, padding)

    side = (image + 2 * padding - window) // stride + 1
    work = 2.0 * batch * outputs * side * side * inputs * window * window
    shapes = ((batch, inputs, image, image), (outputs, inputs, window, window))
    text = f"{inputs}→{outputs} of {image}², {window}×{window}"
    return Case(
        name=f"conv-{batch}x{inputs}-{outputs}-{image}-{window}s{stride}",
        group="speed",
        title=f"conv {text}, stride {stride}, batch {batch}",
        prepare=captured_call(convolve, *shapes),
        work=(work, "FLOP"),
        is_quick=(batch, image, stride) == (1, 56, 1) and window == 3,
    )


def attend(library: Library, query: Array, key: Array, value: Array) -> Array:
    return library.attention(query, key, value)


ATTENTION = Case(
    name="attention-1024",
    group="speed",
    title="causal attention, 8 heads of 64, length 1024",
    prepare=captured_call(attend, *[(1, 8, 1024, 64)] * 3),
    work=(2.0 * 2 * 8 * 64 * 1024 * 1024 / 2, "FLOP"),
)
CASES = (
    *(make_matmul(size) for size in SIZES),
    *(make_convolution(*numbers) for numbers in CONVOLUTIONS),
    ATTENTION,
)

"""Contractions: matrix products, convolutions, attention."""

from __future__ import annotations

from benchmarks.cases.case import Case, captured_call
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

SIZES = (256, 512, 1024, 2048)
PRODUCTS = (
    # batch, rows, columns, inner, how the operands lie: n as they are, t transposed
    (1, 1024, 1024, 1024, "nt"),
    (1, 1024, 1024, 1024, "tn"),
    (1, 1024, 1024, 1024, "tt"),
    (1, 4096, 64, 512, "nn"),
    (1, 64, 4096, 512, "nn"),
    (1, 256, 256, 4096, "nn"),
    (1, 333, 777, 555, "nn"),
    (1, 8, 1024, 1024, "nn"),
    (32, 128, 128, 64, "nt"),
)
CONVOLUTIONS = (
    # batch, channels in, channels out, image, window, stride
    (1, 3, 64, 224, 7, 2),
    (1, 64, 64, 56, 3, 1),
    (1, 128, 128, 28, 3, 1),
    (1, 256, 256, 14, 3, 1),
    (1, 512, 512, 7, 3, 1),
    (1, 128, 256, 56, 3, 2),
    (1, 512, 512, 14, 3, 2),
    (1, 256, 64, 56, 1, 1),
    (1, 1024, 2048, 14, 1, 2),
    (16, 32, 64, 28, 3, 1),
    (16, 256, 256, 14, 3, 1),
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


def make_product(batch: int, rows: int, columns: int, inner: int, layout: str) -> Case:
    shapes = [(rows, inner), (inner, columns)]
    shapes = [
        shape[::-1] if how == "t" else shape for shape, how in zip(shapes, layout, strict=True)
    ]

    def multiply_laid_out(library: Library, *operands: Array) -> Array:
        order = (1, 0) if batch == 1 else (0, 2, 1)
        a, b = (
            library.permute(x, order) if how == "t" else x
            for x, how in zip(operands, layout, strict=True)
        )
        return a @ b

    stacked = [shape if batch == 1 else (batch, *shape) for shape in shapes]
    times = f"{batch} × " if batch > 1 else ""
    return Case(
        name=f"product-{batch}x{rows}-{columns}-{inner}-{layout}",
        group="speed",
        title=f"product {times}{rows}×{inner} · {inner}×{columns}, {layout}",
        prepare=captured_call(multiply_laid_out, *stacked),
        work=(2.0 * batch * rows * columns * inner, "FLOP"),
    )


def apply_layer(library: Library, x: Array, weight: Array, bias: Array) -> Array:
    return library.gelu(x @ library.permute(weight, (1, 0)) + bias)


LAYER = Case(
    name="layer-512",
    group="speed",
    title="linear layer 512 → 2048 of 512 rows, with bias and GELU",
    prepare=captured_call(apply_layer, (512, 512), (2048, 512), (2048,)),
    work=(2.0 * 512 * 512 * 2048, "FLOP"),
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
    *(make_product(*numbers) for numbers in PRODUCTS),
    LAYER,
    *(make_convolution(*numbers) for numbers in CONVOLUTIONS),
    ATTENTION,
)

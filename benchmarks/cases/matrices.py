"""Matrix products: large, thin, batched, with operands that lie transposed, and narrow ones."""

from __future__ import annotations

from benchmarks.cases.case import Case, captured_call, tolerance_of
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
NARROW = (
    # rows, columns, inner
    *((size, size, size) for size in SIZES),
    (333, 777, 555),
    (16, 1024, 1024),
)


def multiply(_library: Library, a: Array, b: Array) -> Array:
    return a @ b


def make_matmul(size: int) -> Case:
    shape = (size, size)
    return Case(
        name=f"matmul-{size}",
        group="products",
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
        group="products",
        title=f"product {times}{rows}×{inner} · {inner}×{columns}, {layout}",
        prepare=captured_call(multiply_laid_out, *stacked),
        work=(2.0 * batch * rows * columns * inner, "FLOP"),
    )


def apply_layer(library: Library, x: Array, weight: Array, bias: Array) -> Array:
    return library.gelu(x @ library.permute(weight, (1, 0)) + bias)


LAYER = Case(
    name="layer-512",
    group="products",
    title="linear layer 512 → 2048 of 512 rows, with bias and GELU",
    prepare=captured_call(apply_layer, (512, 512), (2048, 512), (2048,)),
    work=(2.0 * 512 * 512 * 2048, "FLOP"),
)


def multiply_integers(library: Library, a: Array, b: Array) -> Array:
    return library.multiply_integers(a, b)


def make_narrow(rows: int, columns: int, inner: int, dtype: str, *, is_constant: bool) -> Case:
    """Return a product of bfloat16, or of int8 to int32; the right operand may be a constant."""
    suffix = "-constant" if is_constant else ""
    return Case(
        name=f"{dtype}-{rows}x{columns}x{inner}{suffix}",
        group="narrow-constant" if is_constant else "narrow",
        title=f"{dtype} product {rows}×{inner} · {inner}×{columns}",
        prepare=captured_call(
            multiply_integers if dtype == "int8" else multiply,
            (rows, inner),
            (inner, columns),
            dtype=dtype,
            weights=int(is_constant),
        ),
        work=(2.0 * rows * columns * inner, "OP"),
        tolerance=tolerance_of(dtype),
    )


CASES = (
    *(make_matmul(size) for size in SIZES),
    *(make_product(*numbers) for numbers in PRODUCTS),
    LAYER,
    *(
        make_narrow(*sizes, dtype, is_constant=is_constant)
        for is_constant in (False, True)
        for dtype in ("bfloat16", "int8")
        for sizes in NARROW
    ),
)

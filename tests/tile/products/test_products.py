"""Products of narrow operands written by hand, as the benchmark measures them."""

from __future__ import annotations

import ml_dtypes
import numpy
import pytest

from benchmarks.products import Product, block_of, write_packing, write_product
from tests.tile import launch, native
from tests.tile.products.test_narrow import whole
from tilegrad.ir.dtype import dtypes

BF16, INT8 = dtypes.bfloat16, dtypes.int8
SMALL = [
    Product(BF16, dtypes.float32, (20, 16, 16), 6, 8, 8),
    Product(BF16, BF16, (7, 8, 32), 2, 16, 4),
    Product(INT8, dtypes.int32, (13, 16, 16), 4, 8, 8),
    Product(INT8, dtypes.int32, (13, 16, 16), 4, 8, 8, is_raised=True),
]
LARGE = [
    Product(BF16, BF16, (100, 128, 192)),
    Product(BF16, dtypes.float32, (70, 96, 64), 32, 32),
    Product(INT8, dtypes.int32, (100, 192, 128), step=64),
    Product(INT8, dtypes.int32, (100, 192, 128), step=64, is_raised=True),
]


def check(product: Product, run) -> None:
    m, k, n = product.sizes
    a, b = whole(product.operand, m, k, seed=1), whole(product.operand, k, n, seed=2)
    packed = run(write_packing(product), [b])
    (c,) = run(write_product(product), [a, *packed])
    expected = (a.astype("f8") @ b.astype("f8")).astype(product.total.numpy)
    if product.result is BF16:
        expected = expected.astype(ml_dtypes.bfloat16)
    numpy.testing.assert_array_equal(c.reshape(m, n), expected)


@pytest.mark.parametrize("product", SMALL)
def test_on_the_interpreter(product: Product) -> None:
    check(product, launch.launch)


@pytest.mark.parametrize("level", [None, "avx2"])
@pytest.mark.parametrize("product", LARGE)
def test_on_this_machine(product: Product, level: str | None) -> None:
    def run(program, inputs):
        start, outputs = native.prepare(program, inputs, level)
        start()
        return outputs

    check(product, run)


def test_blocks_of_rows_are_whole_tiles() -> None:
    for size in (256, 1000, 2048):
        product = Product(BF16, BF16, (size, size, 1024))
        block = block_of(product)
        assert block % product.rows == 0 or block == size
        assert (size - 1) % block + 1 >= product.rows

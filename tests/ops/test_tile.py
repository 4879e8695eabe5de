"""dot: its rules for dtypes and shapes, and what it computes."""

from __future__ import annotations

import ml_dtypes
import numpy
import pytest

from tilegrad.base.errors import DTypeError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.movement import filled
from tilegrad.ops.tile import dot
from tilegrad.runtime.reference.interpreter import interpret

BF16, F16, F32, F64 = dtypes.bfloat16, dtypes.float16, dtypes.float32, dtypes.float64
INT8, UINT8, INT32 = dtypes.int8, dtypes.uint8, dtypes.int32


def tiles(left, right, total, m=2, k=4, n=3, depth=None):
    return filled(1, left, (m, k)), filled(1, right, (depth or k, n)), filled(0, total, (m, n))


@pytest.mark.parametrize(
    "kinds",
    [
        (BF16, BF16, F32),
        (F16, F16, F32),
        (F32, F32, F32),
        (F32, F32, F64),
        (F16, F16, F16),
        (INT8, INT8, INT32),
        (UINT8, INT8, INT32),
        (INT8, UINT8, INT32),
        (INT32, INT32, dtypes.int64),
    ],
)
def test_dtypes_that_are_multiplied(kinds) -> None:
    node = dot(*tiles(*kinds))
    assert node.dtype is kinds[2]
    assert node.shape == (2, 3)


@pytest.mark.parametrize(
    "kinds",
    [
        (BF16, F16, F32),
        (BF16, F32, F32),
        (F64, F64, F32),
        (INT8, INT8, F32),
        (F32, F32, INT32),
        (INT8, dtypes.int16, INT32),
        (dtypes.bool, dtypes.bool, INT32),
    ],
)
def test_dtypes_that_are_refused(kinds) -> None:
    with pytest.raises(DTypeError, match="dot multiplies floats or integers"):
        dot(*tiles(*kinds))


def test_shapes_that_are_refused() -> None:
    with pytest.raises(ShapeError, match="the shapes do not fit"):
        dot(*tiles(F32, F32, F32, depth=5))


@pytest.mark.parametrize("kinds", [(BF16, BF16, F32), (UINT8, INT8, INT32), (INT8, INT8, INT32)])
def test_the_interpreter_multiplies_exactly(kinds) -> None:
    left, right, total = kinds
    m, k, n = 3, 8, 5
    build = Builder("product")
    a, b, c = build.input(left, m * k), build.input(right, k * n), build.output(total, m * n)
    x = build.load(a, lanes(m, 2, 0) * k + lanes(k, 2, 1))
    y = build.load(b, lanes(k, 2, 0) * n + lanes(n, 2, 1))
    build.store(c, lanes(m, 2, 0) * n + lanes(n, 2, 1), dot(x, y, filled(1, total, (m, n))))
    generator = numpy.random.default_rng(0)
    low, high = (-9, 9) if left.is_float else (-128, 128)
    arrays = []
    for dtype, size in ((left, m * k), (right, k * n)):
        values = generator.integers(low, high, size)
        kept = ml_dtypes.bfloat16 if dtype is BF16 else dtype.numpy
        arrays.append(values.astype(numpy.int64).astype(kept))
    result = numpy.zeros(m * n, total.numpy)
    interpret(build.program().root, [*arrays, result], undefined=[2])
    first, second = (
        array.astype("f8").reshape(shape)
        for array, shape in zip(arrays, ((m, k), (k, n)), strict=True)
    )
    numpy.testing.assert_array_equal(result.reshape(m, n), first @ second + 1)

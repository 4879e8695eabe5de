"""Sums along a short last axis: what stands side by side in vectors is added up there."""

from __future__ import annotations

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.language import Array, KernelBuilder
from tilegrad.tensor.kernel import kernel


@kernel
def sum_groups(
    build: KernelBuilder, shape: tuple[int, int, int], is_turned: bool, x: Array
) -> Array:
    """Return the sums of neighbours, in the order of the rows or of the columns of groups."""
    rows, columns, size = shape
    y = build.output((rows * columns,), x.dtype)
    groups = x[0 : rows * columns * size].reshape(*shape)
    if is_turned:
        groups = groups.permute(1, 0, 2)
    y[0 : rows * columns] = groups.reshape(rows * columns, size).sum(1)
    return y


@settings(max_examples=15)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 9), st.sampled_from([2, 4, 8])),
    st.booleans(),
    st.sampled_from([dtypes.float32, dtypes.float64, dtypes.int32, dtypes.uint8]),
)
def test_sums_of_neighbours(shape: tuple[int, int, int], is_turned: bool, dtype: DType) -> None:
    values = numpy.arange(numpy.prod(shape)).astype(dtype.numpy)
    wanted = values.reshape(shape).sum(2, dtype=values.dtype)
    found = sum_groups(shape, is_turned, Tensor(values)).numpy()
    numpy.testing.assert_array_equal(found, (wanted.T if is_turned else wanted).reshape(-1))

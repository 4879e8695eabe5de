"""Scatter on the interpreter against NumPy."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tile.arrays import arrays
from tests.tile.launch import launch
from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops.indexing import ScatterAttributes, scatter
from tilegrad.tile.operations.scatter import build_scatter

MODES = ("set", "add", "multiply", "maximum", "minimum")
INDEX_DTYPES = [dtype for dtype in STORABLE if dtype.is_integer]
SIZES = st.integers(0, 6) | st.sampled_from([17, 40])


def expected_of(base, updates, indices, axes, mode):
    return scatter.reference(base, updates, *indices, ScatterAttributes(axes, mode))


def assert_same(found, expected, dtype, mode):
    if not dtype.is_float:
        numpy.testing.assert_array_equal(found, expected)
        return
    tolerance = 2.0 ** (1 - min(23, dtype.mantissa)) if mode in ("add", "multiply") else 0
    found, expected = found.astype(numpy.float64), expected.astype(numpy.float64)
    numpy.testing.assert_allclose(found, expected, rtol=tolerance)


@given(st.data(), st.sampled_from(STORABLE), st.sampled_from(MODES))
@settings(max_examples=100)
def test_scatter_agrees_with_numpy(data, dtype, mode):
    if dtype.is_boolean and mode in ("add", "multiply"):
        mode = "set"
    shape = tuple(data.draw(st.lists(SIZES, min_size=1, max_size=3)))
    positions = tuple(data.draw(st.lists(st.integers(0, 5), max_size=2)))
    number = st.integers(0, len(shape) - 1)
    axes = tuple(sorted(data.draw(st.sets(number, min_size=1, max_size=len(shape)))))
    kinds = [data.draw(st.sampled_from(INDEX_DTYPES)) for _ in axes]
    free = list(range(len(positions)))
    for place in range(len(kinds)):
        if free and data.draw(st.booleans()):
            kinds[place] = free.pop(data.draw(st.integers(0, len(free) - 1)))
    rest = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    base = data.draw(arrays(dtype, shape))
    if dtype is dtypes.float8_e5m2 and mode in ("add", "multiply"):
        # Passing through the accumulator, infinities saturate even where nothing is added.
        base[numpy.isinf(base.astype(numpy.float32))] = 1
    updates = data.draw(arrays(dtype, positions + rest))
    indices, inputs = [], []
    for axis, kind in zip(axes, kinds, strict=True):
        if isinstance(kind, int):
            indices.append(numpy.indices(positions)[kind])
            continue
        low = max(-2, int(kind.minimum))
        random = numpy.random.default_rng(data.draw(st.integers(0, 1 << 32)))
        indices.append(random.integers(low, shape[axis] + 2, positions).astype(kind.numpy))
        inputs.append(indices[-1])
    program = build_scatter(dtype, shape, positions, kinds, axes, mode)
    (found,) = launch(program, [base, updates, *inputs])
    expected = expected_of(base, updates, indices, axes, mode)
    assert_same(found.reshape(shape), expected, dtype, mode)


def test_embedding_gradient_needs_no_base():
    rows, columns, count = 20, 200, 30
    random = numpy.random.default_rng(0)
    index = random.integers(0, rows, (count,), numpy.int64)
    updates = random.standard_normal((count, columns)).astype(numpy.float32)
    program = build_scatter(
        dtypes.float32, (rows, columns), (count,), [dtypes.int64], (0,), "add", fill=0
    )
    (found,) = launch(program, [updates, index])
    base = numpy.zeros((rows, columns), numpy.float32)
    numpy.add.at(base, index, updates)
    numpy.testing.assert_allclose(found.reshape(rows, columns), base, rtol=1e-5, atol=1e-6)


def test_one_program_serves_all_sizes():
    programs = [
        build_scatter(
            dtypes.float32, (rows, 256), (count,), [dtypes.int32], (0,), "add", fill=0
        ).root
        for rows, count in ((10, 3), (50_000, 8192))
    ]
    assert programs[0] is programs[1]


def test_neighbouring_axes_are_one():
    flat = build_scatter(dtypes.int8, (4, 600), (7,), [dtypes.int32], (0,), "set")
    deep = build_scatter(dtypes.int8, (4, 3, 200), (7, 1), [dtypes.int32], (0,), "set")
    assert flat.root is deep.root


def test_aligned_axes_must_differ():
    with pytest.raises(ArgumentError, match="the index of two axes"):
        build_scatter(dtypes.float32, (4, 4), (4,), [0, 0], (0, 1), "set")

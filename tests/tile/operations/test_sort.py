"""Sorts on the interpreter against NumPy."""

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tile.arrays import arrays, shapes
from tests.tile.launch import launch
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops.leaves import SymbolAttributes, symbol
from tilegrad.ops.sorting import ArgsortAttributes, SortAttributes, argsort, sort
from tilegrad.tile.operations.network_sort import build_network_sort, suits
from tilegrad.tile.operations.radix_sort import build_radix_sort
from tilegrad.tile.operations.rank_sort import build_rank_sort
from tilegrad.tile.operations.sort import build_argsort


def assert_sorts(data, builder, dtype, shape):
    axis = data.draw(st.integers(0, len(shape) - 1))
    is_descending = data.draw(st.booleans())
    count = data.draw(st.none() | st.integers(0, shape[axis]))
    x = data.draw(arrays(dtype, shape))
    sizes = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    wanted = shape[axis] if count is None else count
    program = builder(dtype, sizes, wanted, is_descending=is_descending)
    (found,) = launch(program, [x])
    expected = argsort.reference(x, ArgsortAttributes(axis, is_descending, count))
    numpy.testing.assert_array_equal(found.reshape(expected.shape), expected)


@given(st.data(), st.sampled_from(STORABLE), shapes(18))
def test_rank_sort_agrees_with_numpy(data, dtype, shape):
    assert_sorts(data, build_rank_sort, dtype, shape)


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.int64, dtypes.uint8, dtypes.bfloat16])
@given(data=st.data())
@settings(max_examples=3)
def test_radix_sort_agrees_with_numpy(data, dtype):
    shape = data.draw(st.sampled_from([(40,), (9, 2), (2, 7), (1, 6, 2), (0, 3), (3, 0)]))
    assert_sorts(data, build_radix_sort, dtype, shape)


@pytest.mark.parametrize(
    "dtype", [dtypes.float32, dtypes.int16, dtypes.float8_e4m3, dtypes.bool, dtypes.uint64], ids=str
)
@given(data=st.data())
@settings(max_examples=3)
def test_network_sort_agrees_with_numpy(data, dtype):
    shape = data.draw(st.sampled_from([(17, 2), (2, 3, 9), (5, 18), (2, 33, 3), (0, 3), (3, 7)]))
    axis = data.draw(st.integers(0, len(shape) - 1))
    is_descending = data.draw(st.booleans())
    x = data.draw(arrays(dtype, shape))
    sizes = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    wanted = data.draw(st.integers(0, shape[axis]))
    for has_positions in (False, True):
        if shape[axis] < 2 or not suits(dtype, shape[axis], 4, has_positions=has_positions):
            continue
        count = wanted if has_positions else shape[axis]
        program = build_network_sort(
            dtype, sizes, count, is_descending=is_descending, has_positions=has_positions
        )
        (found,) = launch(program, [x])
        if has_positions:
            expected = argsort.reference(x, ArgsortAttributes(axis, is_descending, count))
        else:
            expected = sort.reference(x, SortAttributes(axis, is_descending))
        assert_same(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("length", [90, 200, 300, 600])
def test_network_merges_blocks_of_all_sizes(length):
    x = numpy.random.default_rng(length).standard_normal((3, length), numpy.float32)
    sizes = 3, length, 1
    program = build_network_sort(
        dtypes.float32, sizes, length, is_descending=False, has_positions=False
    )
    (found,) = launch(program, [x])
    numpy.testing.assert_array_equal(found.reshape(x.shape), numpy.sort(x))


def assert_same(found, expected):
    """Assert that arrays are equal, signs of zeros included."""
    found, expected = found.astype(numpy.float64), expected.astype(numpy.float64)
    numpy.testing.assert_array_equal(found, expected)
    is_number = ~numpy.isnan(expected)
    numpy.testing.assert_array_equal(
        numpy.signbit(found)[is_number], numpy.signbit(expected)[is_number]
    )


@pytest.mark.parametrize(
    "dtype", [dtypes.float32, dtypes.int32, dtypes.uint8, dtypes.float16, dtypes.bool]
)
@given(data=st.data())
@settings(max_examples=5)
def test_selection_agrees_with_numpy(data, dtype):
    shape = data.draw(st.sampled_from([(200,), (3, 70), (2, 64), (0, 80)]))
    is_descending = data.draw(st.booleans())
    count = data.draw(st.integers(1, 8))
    x = data.draw(arrays(dtype, shape))
    axis = len(shape) - 1
    program = build_argsort(dtype, shape, axis, is_descending=is_descending, count=count)
    assert program.name.startswith("selection") == (shape[axis] >= 8 * count)
    (found,) = launch(program, [x])
    expected = argsort.reference(x, ArgsortAttributes(axis, is_descending, count))
    numpy.testing.assert_array_equal(found.reshape(expected.shape), expected)


@given(data=st.data(), count=st.integers(1, 40))
@settings(max_examples=8)
def test_first_places_by_a_network_agree_with_numpy(data, count):
    dtype = data.draw(st.sampled_from([dtypes.float32, dtypes.uint8]))
    shape, axis = data.draw(st.sampled_from([((5, 130), 1), ((2, 2, 63), 2), ((70, 6), 0)]))
    is_descending = data.draw(st.booleans())
    x = data.draw(arrays(dtype, shape))
    program = build_argsort(dtype, shape, axis, is_descending=is_descending, count=count)
    assert program.name.startswith("network")
    (found,) = launch(program, [x])
    expected = argsort.reference(x, ArgsortAttributes(axis, is_descending, count))
    numpy.testing.assert_array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("is_descending", [False, True])
def test_selection_takes_nan_last_and_equal_elements_in_order(is_descending):
    x = numpy.full(500, numpy.nan, numpy.float32)
    x[[450, 70, 71]] = 1.0, 2.0, 1.0
    program = build_argsort(dtypes.float32, (500,), 0, is_descending=is_descending, count=5)
    (found,) = launch(program, [x])
    assert found.tolist() == ([70, 71, 450, 0, 1] if is_descending else [71, 450, 70, 0, 1])


@pytest.mark.parametrize("shape", [(300,), (150, 4), (150, 2)])
def test_argsort_chooses_by_the_sizes(shape):
    x = numpy.random.default_rng(0).standard_normal(shape).astype(numpy.float32)
    program = build_argsort(dtypes.float32, shape, 0, is_descending=False)
    expected = "radix" if shape[0] > 192 else "network" if shape[1] > 2 else "rank"
    assert program.name.startswith(expected)
    (found,) = launch(program, [x])
    numpy.testing.assert_array_equal(found.reshape(shape), numpy.argsort(x, axis=0, kind="stable"))


def test_symbolic_lengths_take_the_general_program():
    n = symbol(attributes=SymbolAttributes("n", 1, 10_000))
    program = build_argsort(dtypes.float32, (3, n), 1, is_descending=True)
    assert program.name == "radix_argsort_float32"
    assert program.slots[1].size is 3 * n


def test_one_program_serves_all_sizes():
    programs = [
        build_argsort(dtypes.int32, shape, 0, is_descending=False).root
        for shape in ((1000, 3), (5000, 1), (10**6,))
    ]
    assert len(set(programs)) == 1

"""Argsort on the interpreter against NumPy."""

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tile.arrays import arrays, shapes
from tests.tile.launch import launch
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops.leaves import SymbolAttributes, symbol
from tilegrad.ops.sorting import ArgsortAttributes, argsort
from tilegrad.tile.radix_sort import build_radix_sort
from tilegrad.tile.rank_sort import build_rank_sort
from tilegrad.tile.sort import build_argsort


def assert_sorts(data, builder, dtype, shape):
    axis = data.draw(st.integers(0, len(shape) - 1))
    is_descending = data.draw(st.booleans())
    x = data.draw(arrays(dtype, shape))
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    program = builder(dtype, outer, shape[axis], inner, is_descending=is_descending)
    (found,) = launch(program, [x])
    expected = argsort.reference(x, ArgsortAttributes(axis, is_descending))
    numpy.testing.assert_array_equal(found.reshape(shape), expected)


@given(st.data(), st.sampled_from(STORABLE), shapes(18))
def test_rank_sort_agrees_with_numpy(data, dtype, shape):
    assert_sorts(data, build_rank_sort, dtype, shape)


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.int64, dtypes.uint8, dtypes.bfloat16])
@given(data=st.data())
@settings(max_examples=3)
def test_radix_sort_agrees_with_numpy(data, dtype):
    shape = data.draw(st.sampled_from([(40,), (9, 2), (2, 7), (1, 6, 2), (0, 3), (3, 0)]))
    assert_sorts(data, build_radix_sort, dtype, shape)


@pytest.mark.parametrize("shape", [(300,), (2, 150), (257, 2)])
def test_argsort_chooses_by_the_length(shape):
    x = numpy.random.default_rng(0).standard_normal(shape).astype(numpy.float32)
    program = build_argsort(dtypes.float32, shape, 0, is_descending=False)
    assert program.name.startswith("radix" if shape[0] > 192 else "rank")
    (found,) = launch(program, [x])
    numpy.testing.assert_array_equal(found.reshape(shape), numpy.argsort(x, axis=0, kind="stable"))


def test_symbolic_lengths_take_the_general_program():
    n = symbol(attributes=SymbolAttributes("n", 1, 10_000))
    program = build_argsort(dtypes.float32, (3, n), 1, is_descending=True)
    assert program.name == "radix_sort_float32"
    assert program.slots[1].size is 3 * n


def test_one_program_serves_all_sizes():
    programs = [
        build_argsort(dtypes.int32, shape, 0, is_descending=False).root
        for shape in ((1000, 3), (5000, 1), (10**6,))
    ]
    assert len(set(programs)) == 1

"""What kernels say of padding, positions out of range and narrow sums."""

from __future__ import annotations

import numpy
import pytest

from tests.schedule.kernels import run_schedule, schedule
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory
from tilegrad.ops.indexing import gather_from
from tilegrad.ops.movement import pad_with, reshape_to
from tilegrad.ops.reduction import ReduceAttributes, reduce_sum


def leaf(array: numpy.ndarray) -> Node:
    return wrap_array(array, "cpu")


@pytest.mark.parametrize("shape", [(1,), (3,), (1, 1), (2, 3)])
def test_positions_out_of_range_read_zero(shape):
    data = numpy.full(shape, 2.5, numpy.float32)
    for source in (leaf(data), reshape_to(leaf(data.ravel()), shape)):
        for position in (-1, 0, 7):
            index = leaf(numpy.array(position, numpy.int64))
            (found,) = run_schedule([gather_from(source, (index,), (0,))])
            assert (found == (2.5 if position == 0 else 0)).all()


def test_a_position_out_of_range_is_out_even_if_the_offset_is_not():
    data = numpy.arange(1, 1001, dtype=numpy.float32).reshape(10, 4, 25)
    index = numpy.array([3, 4, 200], numpy.uint8)
    (found,) = run_schedule([gather_from(leaf(data), (leaf(index),), (1,))])
    assert (found[0] == data[:, 3]).all()
    assert not found[1:].any()


def test_padding_of_a_computed_tensor_is_zero():
    x = leaf(numpy.ones((2, 3), numpy.float32))
    (found,) = run_schedule([pad_with(x + x, ((1, 0), (0, 1)))])
    numpy.testing.assert_array_equal(found, numpy.pad(numpy.full((2, 3), 2), ((1, 0), (0, 1))))


def test_padding_alone_is_a_guarded_load():
    x = leaf(numpy.ones((2, 3), numpy.float32))
    (item,) = schedule([pad_with(x, ((1, 0), (0, 1)))])
    assert item.kernel is not None
    loads = [n for n in sort_topologically([item.kernel.program]) if n.op is memory.load]
    assert [len(load.sources) for load in loads] == [3]


@pytest.mark.parametrize("dtype", [dtypes.float16, dtypes.bfloat16, dtypes.float8_e4m3])
def test_narrow_products_are_added_in_float32(dtype):
    x = leaf(numpy.full((40, 1), 0.1).astype(dtype.numpy))
    (item,) = schedule([reduce_sum(x * x, attributes=ReduceAttributes((0,)))])
    assert item.kernel is not None
    order = sort_topologically([item.kernel.program])
    (total,) = [node for node in order if node.op is kernel.reduce_over]
    assert total.dtype is dtypes.float32
    assert total.sources[0].op.name == "multiply"
    assert all(source.op.name == "cast" for source in total.sources[0].sources)

"""Writing a part of a tensor in place walks that part, and leaves the rest as it is."""

from __future__ import annotations

import numpy
import pytest

from tilegrad import Tensor, Variable, jit
from tilegrad.engine.explain import explain
from tilegrad.ir.dtype import dtypes
from tilegrad.ops import comparison, kernel, memory, symbolic
from tilegrad.schedule.narrow_stores import narrow_stores

CASES = [
    (slice(2, 5), slice(None)),
    (3, slice(None)),
    (slice(None), slice(6, 7)),
    (slice(1, 4), slice(0, 3)),
    (slice(0, 0), slice(None)),
    (slice(1, 6, 2), slice(None)),
    (slice(5, 1, -1), slice(2, None)),
]


def writing(old_offset_factor: int = 6):
    """Return the kernel of table[2:5] = row, of 6 columns."""
    row, column = kernel.make_axis("i0", 9), kernel.make_axis("i1", 6)
    pointer = memory.make_parameter(0, dtypes.float32)
    old = memory.make_load(pointer, row * old_offset_factor + column)
    inside = symbolic.logical_and(symbolic.less(1, row), symbolic.less(row, 5))
    new = memory.make_load(memory.make_parameter(1, dtypes.float32), column, inside)
    value = comparison.where(inside, new, old)
    return kernel.kernel(memory.make_store(pointer, row * 6 + column, value))


def test_the_axis_is_that_of_the_part():
    (store,) = narrow_stores(writing()).sources
    _, offset, value = store.sources
    axes = {kernel.name_of(axis): kernel.extent_of(axis) for axis in offset.sources}
    assert axes == {"i0": 3, "i1": 6}
    assert value.op is memory.load
    assert len(value.sources) == 2  # no mask is left


def test_what_is_not_written_back_in_place_stays():
    program = writing(old_offset_factor=5)
    assert narrow_stores(program) is program


@pytest.mark.parametrize("part", CASES)
def test_parts_are_written_as_numpy_does(part):
    table = numpy.arange(54, dtype=numpy.float32).reshape(9, 6)
    tensor = Tensor(table).realize()
    value = -numpy.ones_like(table[part])
    tensor[part] = Tensor(value)
    table[part] = value
    numpy.testing.assert_array_equal(tensor.numpy(), table)


def test_a_row_at_a_symbolic_position():
    position = Variable("position", 0, 7)
    table = numpy.zeros((9, 6), numpy.float32)
    tensor = Tensor(table).realize()

    @jit
    def write(rows, position):
        tensor[position : position + 2] = rows

    for place in (3, 0, 7, 5):
        rows = numpy.full((2, 6), place + 1, numpy.float32)
        write(Tensor(rows), position.bind(place))
        table[place : place + 2] = rows
        numpy.testing.assert_array_equal(tensor.numpy(), table)


def test_a_row_of_a_large_table_costs_a_row():
    table = Tensor.zeros(100_000, 4).contiguous().realize()
    table[70_000] = Tensor.ones(4)
    (found,) = explain(table).kernels
    assert "extent=4" in found.kernel
    assert "extent=100000" not in found.kernel

"""Sums of which one term counts: the term itself, also where there is none."""

from __future__ import annotations

import numpy
import pytest

from tests.tile.plans import run
from tilegrad import Tensor
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import comparison, kernel, memory
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.schedule.pick_terms import pick_terms


def count_sums(root) -> int:
    return sum(node.op is kernel.reduce_over for node in sort_topologically([root]))


def picking(dtype=dtypes.int64, kind: str = "add", *, is_negative: bool = False):
    """Return a kernel that sums, for each row, the elements whose column is the row's label."""
    row, column = kernel.make_axis("i0", 5), kernel.make_axis("r0", 7)
    label = memory.make_load(memory.make_parameter(1, dtype), row)
    element = memory.make_load(memory.make_parameter(2, dtypes.float32), row * 7 + column)
    is_wanted = comparison.equal(cast_to(column, dtype), label)
    term = comparison.where(is_wanted, element, constant(0.0, dtypes.float32))
    term = -term if is_negative else term
    total = kernel.reduce_over(term, column, attributes=kernel.ReduceOverAttributes(kind))
    output = memory.make_parameter(0, dtypes.float32)
    return kernel.kernel(memory.make_store(output, row, total))


def test_a_picked_term_is_no_sum():
    assert count_sums(picking()) == 1
    assert count_sums(pick_terms(picking())) == 0
    assert count_sums(pick_terms(picking(is_negative=True))) == 0


def test_other_reductions_stay():
    program = picking(kind="maximum")
    assert pick_terms(program) is program


def test_labels_too_narrow_for_the_axis_stay():
    axis = kernel.make_axis("r0", 300)
    label = memory.make_load(memory.make_parameter(1, dtypes.int8), 0)
    is_wanted = comparison.equal(cast_to(axis, dtypes.int8), label)
    value = memory.make_load(memory.make_parameter(2, dtypes.float32), axis)
    term = comparison.where(is_wanted, value, constant(0.0, dtypes.float32))
    total = kernel.make_sum(term, axis)
    store = memory.make_store(memory.make_parameter(0, dtypes.float32), 0, total)
    program = kernel.kernel(store)
    assert pick_terms(program) is program


@pytest.mark.parametrize("labels", [[0, 3, 6, 2, 2], [-1, 7, -100, 1 << 40, 4]])
def test_labels_in_and_out_of_range(labels):
    x = numpy.random.default_rng(0).standard_normal((5, 7)).astype(numpy.float32)
    one_hot = Tensor(numpy.array(labels)).reshape(5, 1) == Tensor.arange(7).reshape(1, 7)
    zero = Tensor(numpy.float32(0))
    picked = one_hot.where(Tensor(x) * 2, zero)
    found, negative = run([picked.sum(1).node, (-picked).sum(1).node])
    expected = [2 * x[i, label] if 0 <= label < 7 else 0 for i, label in enumerate(labels)]
    numpy.testing.assert_array_equal(found.reshape(-1), numpy.array(expected, numpy.float32))
    numpy.testing.assert_array_equal(negative, -found)

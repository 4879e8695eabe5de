"""Reductions of the same data along the same axes share a kernel."""

from __future__ import annotations

import numpy

from tests.schedule.kernels import run_schedule, schedule
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.node import Node
from tilegrad.ops.reduction import ReduceAttributes, reduce_maximum, reduce_sum

X = numpy.arange(20, dtype=numpy.float32).reshape(4, 5)


def leaf(array: numpy.ndarray = X) -> Node:
    return wrap_array(array.copy(), "cpu")


def over(axis: int) -> ReduceAttributes:
    return ReduceAttributes((axis,))


def test_two_reductions_of_a_tensor_are_one_kernel():
    x = leaf()
    nodes = [reduce_sum(x, attributes=over(1)), reduce_maximum(x * x, attributes=over(1))]
    (item,) = schedule(nodes)
    assert set(item.writes) == set(nodes)
    total, greatest = run_schedule(nodes)
    numpy.testing.assert_array_equal(total, X.sum(1, keepdims=True))
    numpy.testing.assert_array_equal(greatest, (X * X).max(1, keepdims=True))


def test_reductions_along_other_axes_are_kernels_of_their_own():
    x = leaf()
    nodes = [reduce_sum(x, attributes=over(1)), reduce_maximum(x, attributes=over(0))]
    assert len(schedule(nodes)) == 2


def test_reductions_of_tensors_with_nothing_in_common_are_kernels_of_their_own():
    nodes = [reduce_sum(leaf(), attributes=over(1)), reduce_sum(leaf(X + 1), attributes=over(1))]
    assert len(schedule(nodes)) == 2


def test_a_reduction_that_needs_the_other_follows_it():
    x = leaf()
    total = reduce_sum(x, attributes=over(0))
    greatest = reduce_maximum(x - total, attributes=over(0))
    found = run_schedule([total, greatest])
    columns = X.sum(0, keepdims=True)
    numpy.testing.assert_array_equal(found[0], columns)
    numpy.testing.assert_array_equal(found[1], (X - columns).max(0, keepdims=True))

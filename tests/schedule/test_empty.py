"""Tensors without elements leave no kernels; reductions of them are the identity."""

from __future__ import annotations

import numpy
import pytest

from tests.schedule.kernels import run_schedule, schedule
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.dtype import STORABLE
from tilegrad.ir.node import Node
from tilegrad.ops import REDUCTION_OPS
from tilegrad.ops.movement import ConcatenateAttributes, concatenate
from tilegrad.ops.reduction import ReduceAttributes, reduce_sum
from tilegrad.schedule.empty import drop_empty, is_empty


def leaf(*shape: int, dtype: object = numpy.float32) -> Node:
    return wrap_array(numpy.zeros(shape, dtype), "cpu")  # type: ignore[call-overload]


def test_a_graph_with_elements_is_left_as_it_is():
    node = leaf(2, 3) + leaf(2, 3)
    assert drop_empty([node]) == [node]


def test_what_has_no_elements_is_not_computed():
    node = leaf(0, 3) + leaf(0, 3)
    assert is_empty(node)
    assert schedule([node]) == []
    assert run_schedule([node])[0].shape == (0, 3)


def test_an_empty_part_of_a_concatenation_adds_nothing():
    joined = concatenate(leaf(2, 3) + 1, leaf(0, 3), attributes=ConcatenateAttributes(0))
    numpy.testing.assert_array_equal(run_schedule([joined])[0], numpy.ones((2, 3)))


@pytest.mark.parametrize("op", REDUCTION_OPS, ids=lambda op: op.name)
@pytest.mark.parametrize("dtype", STORABLE, ids=lambda dtype: dtype.name)
def test_a_reduction_of_nothing_is_the_identity(op, dtype):
    if dtype.is_boolean and op in REDUCTION_OPS[:2]:
        return
    attributes = ReduceAttributes((0,))
    node = op(leaf(0, 2, dtype=dtype.numpy), attributes=attributes)
    expected = op.reference(numpy.zeros((0, 2), dtype.numpy), attributes)
    (found,) = run_schedule([node])
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


def test_a_sum_of_nothing_is_used_further():
    total = reduce_sum(leaf(0, 2), attributes=ReduceAttributes((0,)))
    (found,) = run_schedule([total + leaf(1, 2)])
    assert found.tolist() == [[0, 0]]

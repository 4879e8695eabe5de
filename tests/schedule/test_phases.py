"""Sums of strided windows mean the same by phases, and nothing is left of their strides."""

from __future__ import annotations

import numpy
from hypothesis import given
from hypothesis import strategies as st

from tests.schedule.test_exchange import values_of
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops.reduction import sum_over
from tilegrad.ops.windows import UnslideAttributes, unslide
from tilegrad.schedule.phases import split_phases

SIZES = st.integers(1, 5)


def strides_of(nodes: list[Node]) -> set[int]:
    order = sort_topologically(nodes)
    return {attributes_of(node, UnslideAttributes).stride for node in order if node.op is unslide}


@given(
    shape=st.tuples(SIZES, SIZES, SIZES, SIZES, st.integers(1, 2)),
    strides=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    spare=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    axes=st.sampled_from([(2, 3), (2, 3, 4), (3,)]),
)
def test_both_sides_agree(shape, strides, spare, axes):
    array = numpy.random.default_rng(0).integers(-99, 99, shape)
    node = wrap_array(array, "cpu")
    for axis, along, stride, more in ((0, 2, strides[0], spare[0]), (1, 3, strides[1], spare[1])):
        size = (shape[axis] - 1) * stride + shape[along] + more
        node = unslide(node, attributes=UnslideAttributes(axis, along, size, stride, 1))
    total = sum_over(node, axes)
    (found,) = split_phases([total])
    assert found.shape == total.shape
    numpy.testing.assert_array_equal(*values_of([found, total]))
    left = {strides[0]} if 2 not in axes else set()
    assert strides_of([found]) <= {1} | left


def test_dilated_windows_stay_as_they_are():
    node = wrap_array(numpy.ones((4, 3)), "cpu")
    dilated = unslide(node, attributes=UnslideAttributes(0, 1, 11, 2, 2))
    total = sum_over(dilated, (1,))
    assert split_phases([total]) == [total]

"""Schedules and the passes over kernels keep the meaning of random graphs."""

from __future__ import annotations

from collections.abc import Callable

import numpy
import pytest
from hypothesis import given, settings

from tests.conformance.graph_model import Graph
from tests.conformance.graphs import graphs
from tests.schedule.kernels import run_kernel, run_schedule, schedule
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel
from tilegrad.rewrite.graph import substitute
from tilegrad.schedule.divide_sums import divide_sums
from tilegrad.schedule.express import ExpressedKernel
from tilegrad.schedule.passes import KERNEL_PASSES

# Whole numbers are equal to the bit, in whatever order they are added.
WHOLE = (dtypes.int32, dtypes.bool, dtypes.uint8, dtypes.int64)


def nodes_of(graph: Graph) -> list[Node]:
    """Return the sinks that are no assignments, over buffers of their own."""
    leaves = {leaf.node: wrap_array(leaf.array.copy(order="C"), "cpu") for leaf in graph.leaves}
    sinks = [sink.node for sink in graph.sinks if not sink.assigned]
    return substitute(sinks, leaves)


@given(graphs(12, WHOLE))
@settings(max_examples=100)
def test_a_schedule_computes_its_graph(graph):
    expected = [sink.array for sink in graph.sinks if not sink.assigned]
    for found, wanted in zip(run_schedule(nodes_of(graph)), expected, strict=True):
        numpy.testing.assert_array_equal(found, wanted, err_msg=repr(graph))


def expressed(graph: Graph) -> list[ExpressedKernel]:
    return [item.kernel for item in schedule(nodes_of(graph)) if item.kernel is not None]


def outcome(program: Node, expressed: ExpressedKernel) -> list[numpy.ndarray]:
    """Return what a kernel leaves in parameters with random contents."""
    random = numpy.random.default_rng(0)
    arrays = []
    for node in expressed.parameters:
        size = int(numpy.prod(node.shape))
        arrays.append(random.integers(0, 2 if node.dtype.is_boolean else 9, size))
        arrays[-1] = arrays[-1].astype(node.dtype.numpy)
    run_kernel(program, arrays)
    return arrays


@pytest.mark.parametrize("change", KERNEL_PASSES)
@given(graph=graphs(8, WHOLE))
def test_changes_of_kernels_keep_their_meaning(change: Callable[[Node], Node], graph: Graph):
    for one in expressed(graph):
        after = change(one.program)
        for found, wanted in zip(outcome(after, one), outcome(one.program, one), strict=True):
            numpy.testing.assert_array_equal(found, wanted, err_msg=repr(graph))
        assert change is divide_sums or count_axes(after) <= count_axes(one.program)
        assert change(after) is after


def count_axes(program: Node) -> int:
    return sum(1 for node in sort_topologically([program]) if node.op is kernel.axis)

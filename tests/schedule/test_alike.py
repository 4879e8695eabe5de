"""Kernels that are taken from roots like theirs, against those made anew."""

from __future__ import annotations

import numpy
from hypothesis import given

from tests.conformance.graphs import Graph, graphs
from tests.schedule.test_passes import WHOLE, nodes_of
from tilegrad.base.trace import Trace
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.node import Node
from tilegrad.ops.graph import assign, contiguous
from tilegrad.schedule.alike import AlikeKernels
from tilegrad.schedule.assignments import copy_overwritten, read_assigned
from tilegrad.schedule.axes import FreeAxes
from tilegrad.schedule.empty import drop_empty, is_empty
from tilegrad.schedule.express import ExpressedKernel, Expressor
from tilegrad.schedule.fuse import fuse


def compare(nodes: list[Node]) -> tuple[int, int]:
    """Return how many kernels nodes take, and how many were made; all are those made anew."""
    nodes = copy_overwritten(read_assigned(drop_empty(nodes)))
    fusion = fuse([node for node in nodes if not is_empty(node)], Trace())
    alike = AlikeKernels(fusion)
    roots = [root for root in fusion.roots if not root.is_opaque]
    made: list[ExpressedKernel] = []
    for root in roots:
        expected = Expressor(root, fusion, FreeAxes()).express()

        def express(expected: ExpressedKernel = expected) -> ExpressedKernel:
            made.append(expected)
            return expected

        assert alike.find(root, (), express) == expected
    return len(roots), len(made)


@given(first=graphs(8, WHOLE), second=graphs(8, WHOLE))
def test_kernels_of_roots_that_are_alike_are_equal(first: Graph, second: Graph):
    compare([*nodes_of(first), *nodes_of(second)])


def make(*values: float) -> Node:
    return wrap_array(numpy.array(values, numpy.float32), "cpu")


def test_layers_of_one_shape_are_made_once():
    x = contiguous(make(1, 2, 3) * 2)
    for weight in (make(1, 0, 2), make(2, 1, 0), make(0, 1, 1)):
        x = contiguous(x * weight + 1)
    assert compare([x]) == (4, 2)


def test_a_kernel_that_reads_one_tensor_twice_is_another():
    x, y = make(1, 2, 3), make(4, 5, 6)
    first = contiguous(x * y)
    second = contiguous(first * first)
    third = contiguous(second * first)
    assert compare([assign(x, third * third)]) == (4, 4)

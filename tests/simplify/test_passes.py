"""The passes as a whole: random graphs keep every bit, and what is simple stays as it is."""

from __future__ import annotations

import hypothesis
import numpy
import pytest
from hypothesis import strategies as st

from tests.rewrite.attributes import draw_attributes
from tests.rewrite.graphs import SILENT, leaf
from tests.rewrite.values import count_differences, random_array, special_values
from tilegrad import ops
from tilegrad.base.errors import TilegradError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, conversion, graph, reduction, rounding
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.leaves import IotaAttributes, constant, iota
from tilegrad.ops.movement import filled
from tilegrad.rewrite import rewrite
from tilegrad.simplify import simplify_tensor_graph

UNDEFINED_SIGNS = (
    arithmetic.maximum,
    arithmetic.minimum,
    reduction.reduce_maximum,
    reduction.reduce_minimum,
    conversion.bitcast,
    rounding.copy_sign,
)
"""Ops that give or show a sign that is not defined: that of zero in an extreme, that of a NaN."""
OPS = tuple(
    op
    for op in (*ops.ELEMENTWISE_OPS, *ops.MOVEMENT_OPS, *ops.REDUCTION_OPS)
    if op not in UNDEFINED_SIGNS
)
DTYPES = (dtypes.float32, dtypes.float16, dtypes.int32, dtypes.uint8, dtypes.bool)
SHAPES = ((3, 4), (3, 1), (1, 4), ())


class RandomGraph:
    """A graph that grows by random ops over what is there already."""

    def __init__(self, data: st.DataObject, steps: int) -> None:
        self.draw = data.draw
        self.arrays: dict[Node, numpy.ndarray] = {}
        self.generator = numpy.random.default_rng(self.draw(st.integers(0, 1 << 32)))
        self.nodes: list[Node] = []
        dtype = self.draw(st.sampled_from(DTYPES))
        for shape in SHAPES:
            node = leaf(dtype, shape)
            self.arrays[node] = random_array(self.generator, dtype, shape, is_moderate=False)
            self.nodes.append(node)
        for value in (0, 1, -1):
            self.nodes.append(constant(value, dtype))
        self.nodes.append(constant(self.draw(st.sampled_from(special_values(dtype))), dtype))
        for _ in range(steps):
            self.grow()

    def grow(self) -> None:
        """Add a node, if the op that was drawn takes the sources that were drawn."""
        op = self.draw(st.sampled_from(OPS))
        recent = self.nodes[-8:] if self.draw(st.booleans()) else self.nodes
        sources = tuple(self.draw(st.sampled_from(recent)) for _ in range(op.arity or 2))
        try:
            node = op(*sources, attributes=draw_attributes(self.draw, op, sources))
        except TilegradError:
            return
        if numpy.prod(node.shape) <= 2000:
            self.nodes.append(node)


@hypothesis.given(st.data())
def test_random_graphs_keep_every_bit(data):
    drawn = RandomGraph(data, 25)
    roots = drawn.nodes[8:]
    simple = rewrite(roots, simplify_tensor_graph, SILENT)
    ops.tensor.verify(simple)
    both = evaluate([*roots, *simple], drawn.arrays.__getitem__, {})
    for root, before, after in zip(roots, both[: len(roots)], both[len(roots) :], strict=True):
        assert (before.shape, before.dtype) == (after.shape, after.dtype)
        assert count_differences(before, after) == 0, root


@hypothesis.given(st.data())
def test_what_is_simple_stays(data):
    roots = RandomGraph(data, 25).nodes
    simple = rewrite(roots, simplify_tensor_graph, SILENT)
    assert rewrite(simple, simplify_tensor_graph, SILENT) == simple


def simplify(node: Node) -> Node:
    return rewrite([node], simplify_tensor_graph, SILENT)[0]


def test_relaxed_laws_are_off():
    x = leaf(dtypes.float32)
    zero = constant(0.0, dtypes.float32)
    for node in (x * zero, x - x, x + zero, (x * 0.1) * 10.0, x / constant(3.0, dtypes.float32)):
        assert simplify(node) is node


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.int32, dtypes.uint8])
def test_constants_meet(dtype):
    x = leaf(dtype)
    ones = filled(1, dtype, x.shape)
    assert simplify(x * ones) is x
    assert simplify((x - filled(0, dtype, (1, 4))) * filled(1, dtype, (3, 1))) is x


def test_a_graph_of_constants_becomes_one():
    table = filled(2.0, dtypes.float32, (4, 8)) * 3.0 + filled(1.0, dtypes.float32, (4, 1))
    total = ops.reduction.sum_over(table, (0, 1))
    assert simplify(total) is filled(7.0 * 32, dtypes.float32, (1, 1))


def test_double_negation_through_expansion():
    x = leaf(dtypes.float32, (1, 4))
    grown = arithmetic.negate(ops.movement.expand_to(arithmetic.negate(x), (3, 4)))
    assert simplify(grown) is ops.movement.expand_to(x, (3, 4))


def test_positions_stay():
    positions = iota(attributes=IotaAttributes((3, 4), 1))
    mask = ops.comparison.less(conversion.cast_to(positions, dtypes.int32), leaf())
    assert simplify(mask) is mask


def test_a_materialised_value_stays_between():
    x = leaf(dtypes.float32)
    once = graph.contiguous(arithmetic.negate(x))
    assert simplify(arithmetic.negate(once)) is arithmetic.negate(once)
    assert simplify(graph.contiguous(once)) is once
    assert simplify(graph.detach(once)) is once


def test_long_chains():
    node = x = leaf(dtypes.float32)
    for _ in range(3000):
        node = arithmetic.negate(arithmetic.negate(node * 1.0) - 0.0)
    assert simplify(node) is x
    assert len(sort_topologically([simplify(node)])) == 1

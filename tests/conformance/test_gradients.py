"""Gradient rules against finite differences, twice over, and in forward mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy
import pytest

from tests.conformance.cases import Case
from tests.conformance.gradient_cases import is_differentiable, points
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import LEAF_OPS, TENSOR_OPS
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer
from tilegrad.ops.markers import MARKERS
from tilegrad.tensor.autodiff import gradients, tangents

POINTS = list(points())
STEP = 1e-5

Values = dict[Node, numpy.ndarray]


class Graph:
    """A case with extra leaves: upstream gradients and directions, all of them random."""

    def __init__(self, case: Case) -> None:
        self.values: Values = dict(zip(case.leaves, case.inputs, strict=True))
        self.inputs = [leaf for leaf in case.leaves if leaf.dtype.is_float]
        self.output = case.build()
        self.generator = numpy.random.default_rng(7)
        self.upstream = self.leaf(self.output.shape)
        self.directions = [self.leaf(leaf.shape) for leaf in self.inputs]

    def leaf(self, shape: Sequence[int | Node]) -> Node:
        """Return a new random leaf."""
        sizes = tuple(int(size) for size in shape)  # type: ignore[arg-type]
        values = numpy.asarray(self.generator.uniform(0.5, 1.5, sizes))
        storage = Storage("reference", dtypes.float64, values.size)
        node = buffer(attributes=BufferAttributes(storage, values.shape, 0))
        self.values[node] = values
        return node

    def evaluate(self, nodes: Sequence[Node | None], shapes: Sequence[Node]) -> list[numpy.ndarray]:
        """Return the values of nodes, zero where one is None."""
        present = evaluate(
            [node for node in nodes if node is not None], self.values.__getitem__, {}
        )
        rest = iter(present)
        return [
            numpy.zeros(self.values[shape].shape) if node is None else next(rest)
            for node, shape in zip(nodes, shapes, strict=True)
        ]

    def along(
        self, compute: Callable[[], numpy.ndarray], leaf: Node, direction: Node
    ) -> numpy.ndarray:
        """Return the central difference of a computation as a leaf moves in a direction."""
        start = self.values[leaf]
        self.values[leaf] = start + STEP * self.values[direction]
        after = compute()
        self.values[leaf] = start - STEP * self.values[direction]
        before = compute()
        self.values[leaf] = start
        return (after - before) / (2 * STEP)


PARAMETERS = [pytest.param(case, id=case.name) for case in POINTS]


@pytest.mark.parametrize("case", PARAMETERS)
def test_reverse_mode(case: Case):
    graph = Graph(case)
    found = graph.evaluate(gradients([graph.output], graph.inputs, [graph.upstream]), graph.inputs)
    weight = graph.values[graph.upstream]
    for leaf, direction, gradient in zip(graph.inputs, graph.directions, found, strict=True):
        difference = graph.along(
            lambda: evaluate([graph.output], graph.values.__getitem__, {})[0], leaf, direction
        )
        assert gradient.shape == graph.values[leaf].shape
        actual = float((gradient * graph.values[direction]).sum())
        assert actual == pytest.approx(float((difference * weight).sum()), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("case", PARAMETERS)
def test_forward_mode(case: Case):
    graph = Graph(case)
    (tangent,) = graph.evaluate(
        tangents([graph.output], graph.inputs, graph.directions), [graph.upstream]
    )
    expected = sum(
        graph.along(lambda: evaluate([graph.output], graph.values.__getitem__, {})[0], leaf, along)
        for leaf, along in zip(graph.inputs, graph.directions, strict=True)
    )
    numpy.testing.assert_allclose(tangent, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", PARAMETERS)
def test_gradient_of_gradient(case: Case):
    graph = Graph(case)
    first = gradients([graph.output], graph.inputs, [graph.upstream])
    pairs = [(g, d) for g, d in zip(first, graph.directions, strict=True) if g is not None]
    outputs, weights = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    second = gradients(outputs, graph.inputs, weights)
    found = graph.evaluate(second, graph.inputs)

    def slope() -> numpy.ndarray:
        values = graph.evaluate(outputs, graph.inputs[: len(outputs)])
        weighted = zip(values, weights, strict=True)
        return numpy.asarray(sum(float((v * graph.values[w]).sum()) for v, w in weighted))

    for leaf, along, gradient in zip(graph.inputs, graph.directions, found, strict=True):
        expected = float(graph.along(slope, leaf, along))
        actual = float((gradient * graph.values[along]).sum())
        assert actual == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_every_differentiable_op_has_a_point():
    covered = {case.op for case in POINTS}
    expected = {op for op in TENSOR_OPS if is_differentiable(op)} - {*LEAF_OPS, *MARKERS}
    assert {op.name for op in expected - covered} == {"detach"}

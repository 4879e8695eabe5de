"""Random graphs on the compiled device against the reference."""

from __future__ import annotations

from hypothesis import given, settings

from tests.conformance.graph_model import Graph
from tests.conformance.graphs import check_graph, graphs


@given(graphs())
@settings(max_examples=400)
def test_cpu_agrees_with_the_reference(graph: Graph):
    check_graph(graph)

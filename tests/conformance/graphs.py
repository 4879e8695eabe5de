"""Random graphs: a Hypothesis strategy, and what the devices make of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from hypothesis import strategies as st

from tests.conformance.graph_model import Draw, Graph, Value
from tests.conformance.graph_steps import STEPS, draw_shape
from tilegrad.engine import current_session
from tilegrad.engine.storage import storage_of, view_storage, wrap_array
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.rewrite.graph import substitute

FAVOURED = [dtypes.float32, dtypes.float32, dtypes.int32, dtypes.bool, dtypes.float64]


@st.composite
def graphs(draw: Draw, most_steps: int = 14, allowed: Sequence[DType] = STORABLE) -> Graph:
    """Graphs of up to ``most_steps`` steps over tensors of the allowed dtypes."""
    favoured = [dtype for dtype in FAVOURED if dtype in allowed]
    chosen = draw(st.lists(st.sampled_from([*favoured, *allowed]), min_size=1, max_size=3))
    graph = Graph(draw, chosen, allowed)
    shape = draw_shape(draw)
    for _ in range(draw(st.integers(1, 3))):
        graph.new_leaf(graph.any_dtype(), shape)
    for _ in range(draw(st.integers(most_steps // 2, most_steps))):
        before = len(graph.values)
        for _ in range(3):  # a step may be refused
            if len(graph.values) == before:
                draw(st.sampled_from(STEPS))(graph)
    last = graph.values[-1]
    if last not in graph.sinks:
        graph.sinks.append(last)
    for _ in range(draw(st.integers(0, 3))):
        extra = graph.any(lambda value: value not in graph.sinks)
        if extra is not None:
            graph.sinks.append(extra)
    return graph


def check_graph(graph: Graph) -> None:
    """Compare what the devices make of a graph, twice: the second time the plan is known.

    Raises:
        AssertionError: a result is off by more than its bound, or the second run differs.
    """
    reference, _ = run(graph, "reference")
    first, written = run(graph, "cpu")
    second, _ = run(graph, "cpu")
    text = repr(graph)
    for sink, expected, actual, again in zip(graph.sinks, reference, first, second, strict=True):
        compare(sink, expected, actual, text)
        assert again.tobytes() == actual.tobytes(), text
    for sink, contents in zip(graph.sinks, written, strict=True):
        if contents is not None:
            compare(sink, sink.array, contents, text)


def run(graph: Graph, device: str) -> tuple[list[numpy.ndarray], list[numpy.ndarray | None]]:
    """Return the values of the sinks, and what assignments left in their targets."""
    leaves = {leaf.node: wrap_array(leaf.array.copy(order="C"), device) for leaf in graph.leaves}
    nodes = substitute([sink.node for sink in graph.sinks], leaves)
    results = current_session().executor(device).realize(nodes, {})
    values = [
        view_storage(storage, sink.shape).copy()
        for sink, (storage, _) in zip(graph.sinks, results, strict=True)
    ]
    written = [
        view_storage(storage_of(leaves[sink.assigned]), sink.shape).copy()
        if sink.assigned
        else None
        for sink in graph.sinks
    ]
    return values, written


def compare(sink: Value, expected: numpy.ndarray, actual: numpy.ndarray, text: str) -> None:
    """Check that a result is within its bound; exact elements must be equal."""
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    if not sink.dtype.is_float:
        numpy.testing.assert_array_equal(actual, expected, err_msg=text)
        return
    with numpy.errstate(all="ignore"):
        got, wanted = actual.astype(numpy.float64), expected.astype(numpy.float64)
        is_same = (got == wanted) | (numpy.isnan(got) & numpy.isnan(wanted))
        is_close = numpy.abs(got - wanted) <= 2 * sink.error
    wrong = ~(is_same | is_close)
    places = [tuple(map(int, place)) for place in numpy.argwhere(wrong)[:3]]
    found = [(place, got[place], wanted[place], sink.error[place]) for place in places]
    assert not wrong.any(), f"{wrong.sum()} off; (place, got, expected, bound): {found}\n{text}"

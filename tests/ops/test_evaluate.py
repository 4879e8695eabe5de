from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence

import numpy
import pytest

from tests.ops.building import Arrays, size
from tilegrad.base.errors import ArgumentError, CompileError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import NotDifferentiable, Op
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.graph import CallAttributes, ResultAttributes, call, result
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import expand_to, pad_with, permute_axes, reshape_to, shrink_to


def test_results_are_new_arrays_row_by_row():
    arrays = Arrays()
    x = arrays.leaf([[1.0, 2.0], [3.0, 4.0]])
    same, transposed = evaluate([x, permute_axes(x, (1, 0))], arrays.contents.__getitem__, {})
    assert not numpy.shares_memory(same, arrays.contents[x])
    assert transposed.flags.c_contiguous
    same[:] = 0
    assert arrays.contents[x].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_root_may_be_wanted_twice_and_be_a_source():
    arrays = Arrays()
    x = arrays.leaf([1.0])
    y = x + x
    results = evaluate([y, y * y, y, x], arrays.contents.__getitem__, {})
    assert [float(value[0]) for value in results] == [2.0, 4.0, 2.0, 1.0]


def test_long_chains():
    arrays = Arrays()
    node = arrays.leaf([0.0])
    for _ in range(20_000):
        node = node + 1
    assert float(arrays.value(node)[0]) == 20_000.0


def test_intermediates_are_dropped_after_their_last_use():
    alive: list[weakref.ref[numpy.ndarray]] = []
    most = 0

    def observe(x: numpy.ndarray) -> numpy.ndarray:
        nonlocal most
        gc.collect()
        most = max(most, sum(reference() is not None for reference in alive))
        copy = x.copy()
        alive.append(weakref.ref(copy))
        return copy

    step = Op(
        "observed_step",
        "x.",
        1,
        lambda sources, _: (sources[0].dtype, sources[0].shape),
        reference=observe,
        gradient=NotDifferentiable("for this test"),
    )
    arrays = Arrays()
    node = arrays.leaf([1.0, 2.0])
    for _ in range(10):
        node = step(node)
    assert arrays.value(node).tolist() == [1.0, 2.0]
    assert len(alive) == 10
    assert most == 1


def test_symbolic_sizes():
    n = size("n", 1, 8)
    arrays = Arrays()
    x = arrays.leaf(numpy.arange(8.0))
    part = shrink_to(x, ((0, n),))
    assert arrays.value(part, n=3).tolist() == [0.0, 1.0, 2.0]
    grown = pad_with(part, ((0, 8 - n),))
    assert grown.shape == (8,)
    assert arrays.value(grown + x, n=2).tolist() == [0.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    table = expand_to(reshape_to(part, (n, 1)), (n, n * 2))
    assert arrays.value(reshape_to(table, (n * n * 2,)), n=3).shape == (18,)
    assert arrays.value(n * 3 + 1, n=5) == 16


@pytest.mark.parametrize("symbols", [{}, {"n": 0}, {"n": 9}])
def test_symbols_need_a_value_within_bounds(symbols: dict[str, int]):
    with pytest.raises(ArgumentError, match="the symbolic size n needs a value"):
        evaluate([size("n", 1, 8) + 1], {}.__getitem__, symbols)


def test_calls_go_to_the_interpreter():
    arrays = Arrays()
    x = arrays.leaf([3.0, 4.0])
    results = ((dtypes.float64, (2,)), (dtypes.int64, ()))
    node = call(x, attributes=CallAttributes("halve and count", results))
    half, count = (result(node, attributes=ResultAttributes(i)) for i in range(2))

    def interpret(called: Node, sources: Sequence[numpy.ndarray]) -> list[numpy.ndarray]:
        assert called is node
        return [sources[0] / 2, numpy.array(sources[0].size)]

    values = evaluate([half + 1, count], arrays.contents.__getitem__, {}, interpret)
    assert values[0].tolist() == [2.5, 3.0]
    assert values[1] == 2
    with pytest.raises(CompileError, match="no interpreter"):
        arrays.value(half)


def test_a_reference_that_breaks_its_rule_is_caught():
    wrong = Op(
        "wrong_reference",
        "x.",
        1,
        lambda sources, _: (sources[0].dtype, sources[0].shape),
        reference=lambda x: x[:1],
        gradient=NotDifferentiable("for this test"),
    )
    arrays = Arrays()
    with pytest.raises(CompileError, match="wrong_reference breaks the op's rule"):
        arrays.value(wrong(arrays.leaf([1.0, 2.0])))


def test_ops_without_a_reference_are_named():
    mute = Op("mute", "x.", 1, lambda sources, _: (sources[0].dtype, sources[0].shape))
    with pytest.raises(CompileError, match="cannot compute mute"):
        evaluate([mute(constant(1, dtypes.int8))], {}.__getitem__, {})

"""Reductions that read whole rows, by NumPy."""

from __future__ import annotations

import pytest

from tests.tile.comparison import (
    REDUCTIONS,
    assert_exact,
    each_target,
    on_cpu,
    whole,
)
from tests.tile.plans import TARGETS, run
from tilegrad.engine.storage import storage_of
from tilegrad.ops.leaves import BufferAttributes, SymbolAttributes, buffer, symbol
from tilegrad.ops.reduction import ReduceAttributes, reduce_maximum, reduce_sum


@each_target
@pytest.mark.parametrize("shape", [(70, 1100), (3, 33, 700), (2, 300, 520), (131, 257)])
@pytest.mark.parametrize("op", [reduce_sum, reduce_maximum], ids=lambda op: op.name)
def test_columns_of_wide_rows(target, shape, op):
    x = whole(*shape)
    axis = len(shape) - 2
    node = op(on_cpu(x), attributes=ReduceAttributes((axis,)))
    (found,) = run([node + node], target)
    assert_exact(found, 2 * REDUCTIONS[op](x, axis, keepdims=True))


@each_target
def test_columns_of_several_reductions_and_axes(target):
    x = whole(5, 40, 600)
    node = on_cpu(x)
    total = reduce_sum(node, attributes=ReduceAttributes((0, 1)))
    highest = reduce_maximum(node, attributes=ReduceAttributes((0, 1)))
    (found,) = run([total * highest], target)
    assert_exact(found, x.sum((0, 1), keepdims=True) * x.max((0, 1), keepdims=True))


def test_columns_of_symbolic_sizes():
    rows, columns = (
        symbol(attributes=SymbolAttributes(name, 1, 5000)) for name in ("rows", "columns")
    )
    x = whole(45, 1300)
    node = on_cpu(x)
    data = buffer(
        attributes=BufferAttributes(storage_of(node), (rows, columns), storage_of(node).version)
    )
    total = reduce_sum(data, attributes=ReduceAttributes((0,)))
    (found,) = run([total], TARGETS[2], {"rows": 45, "columns": 1300})
    assert_exact(found, x.sum(0, keepdims=True))


@each_target
@pytest.mark.parametrize("shape", [(5, 20, 200), (3, 7, 129), (2, 3, 4, 160)])
@pytest.mark.parametrize("op", [reduce_sum, reduce_maximum], ids=lambda op: op.name)
def test_rows_of_several_results(target, shape, op):
    x = whole(*shape)
    axes = (0, len(shape) - 1)
    node = op(on_cpu(x), attributes=ReduceAttributes(axes))
    (found,) = run([node + node], target)
    assert_exact(found, 2 * REDUCTIONS[op](x, axes, keepdims=True))

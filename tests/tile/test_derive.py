"""Derived programs: verified, free of races and undefined reads, and right by NumPy."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.graphs import graphs
from tests.tile.comparison import (
    REDUCTIONS,
    assert_close,
    assert_exact,
    compute,
    each_target,
    on_cpu,
    whole,
)
from tests.tile.plans import TARGETS, run
from tilegrad import Tensor
from tilegrad.engine.storage import storage_of, view_storage
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.graph import assign
from tilegrad.ops.leaves import (
    BufferAttributes,
    IotaAttributes,
    SymbolAttributes,
    buffer,
    iota,
    symbol,
)
from tilegrad.ops.movement import FlipAttributes, expand_to, flip, permute_axes, reshape_to
from tilegrad.ops.reduction import (
    ReduceAttributes,
    reduce_maximum,
    reduce_product,
    reduce_sum,
)
from tilegrad.rewrite.graph import substitute

SIZES = (1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 64, 65)


@pytest.mark.parametrize("op", REDUCTIONS, ids=lambda op: op.name)
@given(data=st.data())
@settings(max_examples=25)
def test_reductions_over_any_axes(op, data):
    shape = tuple(data.draw(st.lists(st.sampled_from(SIZES), min_size=1, max_size=3)))
    shape = shape[:2] if numpy.prod(shape) > 20_000 else shape
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    x = whole(*shape) if op is not reduce_product else numpy.sign(whole(*shape) + 0.5)
    node = op(on_cpu(x), attributes=ReduceAttributes(axes))
    (found,) = run([node], data.draw(st.sampled_from(TARGETS)))
    assert_exact(found, REDUCTIONS[op](x, axes, keepdims=True))


@each_target
@pytest.mark.parametrize("axis", [0, 1])
def test_a_sum_of_what_is_the_same_along_its_axis(target, axis):
    shape = (3, 2) if axis else (2, 3)
    place = iota(attributes=IotaAttributes(shape, 1 - axis))
    x = cast_to(place, dtypes.float32)
    total = reduce_sum(x, attributes=ReduceAttributes((axis,)))
    (found,) = run([x + total], target)
    assert_exact(found, 3 * numpy.indices(shape)[1 - axis])


@each_target
def test_two_axes_along_the_lanes_do_not_meet(target):
    x = whole(3, 3)
    node = on_cpu(x)
    rows = reduce_sum(node, attributes=ReduceAttributes((1,)))
    (found,) = run([rows + reduce_sum(node, attributes=ReduceAttributes((0, 1)))], target)
    assert_exact(found, x.sum(1, keepdims=True) + x.sum())


@each_target
@pytest.mark.parametrize("layout", ["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("sizes", [(16, 32, 8), (5, 17, 33), (1, 40, 7), (64, 64, 1), (33, 1, 31)])
def test_contractions_of_all_layouts(target, layout, sizes):
    rows, columns, inner = sizes
    a, b = whole(rows, inner, seed=1), whole(inner, columns, seed=2)
    left = Tensor(a) if layout[0] == "n" else Tensor(numpy.ascontiguousarray(a.T)).T
    right = Tensor(b) if layout[1] == "n" else Tensor(numpy.ascontiguousarray(b.T)).T
    (found,) = compute(target, left @ right)
    assert_exact(found, a @ b)


@each_target
def test_a_batch_of_contractions_with_an_epilogue(target):
    a, b, bias = whole(3, 9, 21, seed=1), whole(3, 21, 18, seed=2), whole(18, seed=3)
    (found,) = compute(target, (Tensor(a) @ Tensor(b) + Tensor(bias)).relu())
    assert_exact(found, numpy.maximum(a @ b + bias, 0))


@each_target
@pytest.mark.parametrize(("stride", "dilation", "padding"), [(1, 1, 1), (2, 1, 0), (1, 2, 2)])
def test_convolutions(target, stride, dilation, padding):
    x, w = whole(2, 3, 9, 8, seed=1), whole(4, 3, 3, 3, seed=2)
    y = Tensor(x).conv2d(Tensor(w), stride=stride, dilation=dilation, padding=padding)
    (found,) = compute(target, y)
    padded = numpy.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    reach = 2 * dilation + 1
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, (reach, reach), (2, 3))
    windows = windows[:, :, ::stride, ::stride, ::dilation, ::dilation]
    assert_exact(found, numpy.einsum("nchwij,ocij->nohw", windows, w))


@each_target
@pytest.mark.parametrize("shape", [(7, 33), (64, 128), (1, 5), (3, 1000)])
def test_rows_with_several_reductions(target, shape):
    x = numpy.random.default_rng(3).standard_normal(shape).astype(numpy.float32)
    exponentials = numpy.exp(x - x.max(1, keepdims=True))
    softmax, standard = compute(target, Tensor(x).softmax(), Tensor(x).layer_norm(shape[1:]))
    assert_close(softmax, exponentials / exponentials.sum(1, keepdims=True))
    scale = numpy.sqrt(x.var(1, keepdims=True) + 1e-5)
    assert_close(standard, (x - x.mean(1, keepdims=True)) / scale)


@pytest.mark.parametrize("shape", [(70_000,), (100_003,), (3, 40_001), (22_001, 3), (100, 5, 150)])
def test_split_reductions_are_finished(shape):
    target, x = TARGETS[2], whole(*shape)
    axes = (0, 2) if len(shape) == 3 else (int(numpy.argmax(shape)),)
    node = on_cpu(x)
    total = reduce_sum(node, attributes=ReduceAttributes(axes))
    greatest = reduce_maximum(node, attributes=ReduceAttributes(axes))
    found = run([total, greatest], target)
    assert_exact(found[0], x.sum(axes, keepdims=True))
    assert_exact(found[1], x.max(axes, keepdims=True))


@each_target
def test_several_results_of_one_kernel(target):
    x = whole(40, 24)
    t = Tensor(x)
    total = t.sum(1, keepdim=True)
    found = compute(target, total, t - total, (t - total) * 2)
    rows = x.sum(1, keepdims=True)
    for one, expected in zip(found, (rows, x - rows, 2 * (x - rows)), strict=True):
        assert_exact(one, expected)


@each_target
@pytest.mark.parametrize("size", [5, 37, 515])
def test_masks_of_padding(target, size):
    x = whole(size, 3)
    t = Tensor(x)
    padded = t.pad(((2, 1), (0, 4)))
    found = compute(target, padded + 1, padded.flip(0), padded.sum(0))
    expected = numpy.pad(x, ((2, 1), (0, 4)))
    for one, wanted in zip(found, (expected + 1, expected[::-1], expected.sum(0)), strict=True):
        assert_exact(one, wanted)


@each_target
@pytest.mark.parametrize("shape", [(16, 16), (5, 7, 9), (33, 65), (2, 3, 4, 5)])
def test_permutations(target, shape):
    x = whole(*shape)
    order = tuple(reversed(range(len(shape))))
    (found,) = run([permute_axes(on_cpu(x), order) + permute_axes(on_cpu(x), order)], target)
    assert_exact(found, 2 * x.transpose(order))


@each_target
@pytest.mark.parametrize("shape", [(1000,), (17, 19), (3, 5, 66)])
def test_updates_in_place(target, shape):
    x, g = whole(*shape, seed=1), whole(*shape, seed=2)
    home, gradient = on_cpu(x), on_cpu(g)
    run([assign(home, home + gradient * gradient)], target)
    assert_exact(view_storage(storage_of(home), shape), x + g * g)


@each_target
def test_updates_that_read_other_places_go_through_memory_of_their_own(target):
    x = whole(6, 70)
    home = on_cpu(x)
    run([assign(home, flip(home, attributes=FlipAttributes((0, 1))) + home)], target)
    assert_exact(view_storage(storage_of(home), x.shape), x[::-1, ::-1] + x)


def symbolic(array: numpy.ndarray, axis: int, least: int = 1, most: int = 200) -> Node:
    """Return an array as a buffer whose size along an axis is a symbol."""
    size = symbol(attributes=SymbolAttributes("n", least, most))
    shape = tuple(size if place == axis else n for place, n in enumerate(array.shape))
    storage = storage_of(on_cpu(array))
    return buffer(attributes=BufferAttributes(storage, shape, 0))


@each_target
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 100, 200])
def test_symbolic_sizes(target, axis, size):
    shape = (size, 12) if axis == 0 else (12, size)
    x = whole(*shape)
    node = symbolic(x, axis)
    nodes = [
        node * node,
        reduce_sum(node, attributes=ReduceAttributes((0,))),
        reduce_maximum(node, attributes=ReduceAttributes((1,))),
        permute_axes(node, (1, 0)) + permute_axes(node, (1, 0)),
        flip(node, attributes=FlipAttributes((axis,))) + node,
    ]
    expected = [x * x, x.sum(0)[None], x.max(1)[:, None], 2 * x.T, numpy.flip(x, axis) + x]
    for one, wanted in zip(run(nodes, target, {"n": size}), expected, strict=True):
        assert_exact(one, wanted)


@each_target
@pytest.mark.parametrize("size", [1, 3, 16, 31, 200])
@pytest.mark.parametrize("place", ["rows", "inner", "columns"])
def test_symbolic_contractions(target, size, place):
    shape = {"rows": (size, 9, 20), "inner": (9, size, 20), "columns": (9, 20, size)}[place]
    a, b = whole(*shape[:2], seed=1), whole(*shape[1:], seed=2)
    left = symbolic(a, 0 if place == "rows" else 1) if place != "columns" else on_cpu(a)
    right = symbolic(b, 0 if place == "inner" else 1) if place != "rows" else on_cpu(b)
    rows, inner, columns = left.shape[0], left.shape[1], right.shape[1]
    first = expand_to(reshape_to(left, (rows, inner, 1)), (rows, inner, columns))
    second = reshape_to(right, (1, inner, columns))
    product = reduce_sum(first * second, attributes=ReduceAttributes((1,)))
    (found,) = run([product], target, {"n": size})
    assert_exact(found[:, 0], a @ b)


@given(graphs(10, (dtypes.int32, dtypes.bool, dtypes.uint8)), st.sampled_from(TARGETS))
def test_random_graphs(graph, target):
    leaves = {leaf.node: on_cpu(leaf.array) for leaf in graph.leaves}
    wanted = [sink.node for sink in graph.sinks]
    for found, sink in zip(run(substitute(wanted, leaves), target), graph.sinks, strict=True):
        numpy.testing.assert_array_equal(found, sink.array, err_msg=repr(graph))

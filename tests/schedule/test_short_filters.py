"""Convolutions of three taps by fewer products: the same values, nearly as exact, where it pays."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from tests.schedule.test_exchange import values_of
from tests.schedule.test_fusion import make, plan_of
from tilegrad import Tensor, dtypes
from tilegrad.base.trace import Trace
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops.graph import contiguous
from tilegrad.ops.markers import remove_markers
from tilegrad.rewrite.driver import rewrite
from tilegrad.schedule.short_filters import PRODUCTS
from tilegrad.schedule.shorten_filters import shorten_filters
from tilegrad.simplify import simplify_tensor_graph

SIZES = st.integers(1, 3)
SIDES = st.integers(3, 10)


def shorten(*tensors: Tensor) -> tuple[list[Node], list[Node]]:
    """Return graphs as they are and with all filters shortened that can be."""
    nodes = remove_markers([tensor.node for tensor in tensors])
    nodes = rewrite(nodes, simplify_tensor_graph, Trace())
    return nodes, shorten_filters(nodes, lambda *_, **__: True).nodes


def count_products(nodes: list[Node]) -> int:
    """Return how many inputs, taps and products of short filters are stored."""
    order = sort_topologically(nodes)
    return sum(node.op is contiguous and node not in nodes for node in order)


@settings(max_examples=40)
@given(
    sizes=st.tuples(SIZES, SIZES, SIZES, SIDES, SIDES),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    width=st.integers(1, 3),
    across=st.integers(1, 2),
    gap=st.integers(1, 3),
)
def test_a_convolution_and_its_gradient_keep_their_values(sizes, padding, width, across, gap):
    batch, inputs, outputs, height, breadth = sizes
    x = make(batch, inputs, height + 2 * (gap - 1), breadth)
    weight = make(outputs, inputs, 3, width, seed=1)
    y = x.conv2d(weight, None, 1, (1, across), (gap, 1), (*padding, 0, 1)[::-1])
    upstream = make(*(int(size) for size in y.shape), seed=2)
    (gradient,) = (y * upstream).sum().gradient(x)
    before, after = shorten(y, gradient)
    for found, wanted in zip(values_of(after), values_of(before), strict=True):
        numpy.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("gap", [1, 2])
def test_forward_and_backward_are_shortened(padding, gap):
    x, weight = make(2, 4, 9, 9), make(6, 4, 3, 3, seed=1)
    y = x.conv2d(weight, padding=padding, dilation=gap)
    (gradient,) = (y * make(*y.shape, seed=2)).sum().gradient(x)
    for tensor in (y, gradient, x.conv2d(weight[:, :2], padding=padding, dilation=gap, groups=2)):
        before, after = shorten(tensor)
        assert count_products(after) == 3 * PRODUCTS
        (found,), (wanted,) = values_of(after), values_of(before)
        numpy.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_products_are_launches_of_one_kernel():
    plan = plan_of(make(1, 64, 56, 56).conv2d(make(64, 64, 3, 3, seed=1), padding=1))
    programs = [step.program.program.root for group in plan.groups for step in group]
    # One makes the inputs, one the taps and one the results.
    assert len(programs) == PRODUCTS + 3
    assert len(set(programs)) == 4


def convolve(x: Tensor, **options: int) -> Tensor:
    return x.conv2d(make(4, 4, 3, 3, seed=1).cast(x.dtype), **options)


LEFT = {
    "strides": lambda x: convolve(x, stride=2),
    "two taps": lambda x: x.conv2d(make(4, 4, 2, 3)),
    "five taps": lambda x: x.conv2d(make(4, 4, 5, 3)),
    "taps along rows only": lambda x: x.conv2d(make(4, 4, 1, 3)),
    "doubles": lambda x: convolve(x.cast(dtypes.float64)),
    "halves": lambda x: convolve(x.cast(dtypes.bfloat16)),
    "integers": lambda x: convolve(x.cast(dtypes.int32)),
    "a sum of windows": lambda x: x.avg_pool2d(3, stride=1),
}


@pytest.mark.parametrize("name", LEFT)
def test_others_stay_as_they_are(name):
    before, after = shorten(LEFT[name](make(1, 4, 9, 9)))
    assert before == after


@pytest.mark.parametrize("shape", [(1, 8, 8, 56), (1, 64, 64, 4), (64, 16, 16, 8)])
def test_few_channels_or_places_are_not_worth_it(shape):
    batch, inputs, outputs, side = shape
    y = make(batch, inputs, side, side).conv2d(make(outputs, inputs, 3, 3), padding=1)
    assert plan_of([y]).kernels == 1


def test_few_taps_stay_in_the_caches():
    y = make(1, 128, 28, 28).conv2d(make(128, 32, 3, 3), padding=1, groups=4)
    assert plan_of([y]).kernels > 1


def test_errors_are_near_those_of_the_plain_sum():
    generator = numpy.random.default_rng(0)
    x = numpy.maximum(generator.standard_normal((1, 64, 30, 30), numpy.float32), 0)
    weight = generator.standard_normal((64, 64, 3, 3), numpy.float32)
    y = Tensor(x).conv2d(Tensor(weight))
    assert plan_of([y]).kernels > 1
    windows = sliding_window_view(x, (3, 3), (2, 3))
    exact = numpy.einsum("nchwij,ocij->nohw", windows.astype(float), weight, optimize=True)
    plain = numpy.zeros_like(exact, numpy.float32)
    for channel, i, j in numpy.ndindex(64, 3, 3):
        taps = weight[None, :, channel, i, j, None, None]
        plain += windows[:, channel, None, :, :, i, j] * taps
    for norm in (numpy.max, numpy.mean):
        error, usual = (norm(numpy.abs(one - exact)) for one in (y.numpy(), plain))
        assert error < 4 * usual

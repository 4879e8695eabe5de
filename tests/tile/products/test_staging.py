"""Staged contractions: right by NumPy, also in caches of a few lines."""

from __future__ import annotations

import re

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tile.plans import run
from tilegrad import Tensor, grad
from tilegrad.engine.explain import explain
from tilegrad.ir.node import sort_topologically
from tilegrad.ops.memory import ScratchAttributes
from tilegrad.tile.target import TileTarget

TINY = (TileTarget(16, 16, 4096), TileTarget(32, 16, 8192), TileTarget(64, 32, 4096))
"""Processors with so little cache that all but the smallest contractions are cut and packed."""

each_target = pytest.mark.parametrize("target", TINY, ids=lambda t: f"{8 * t.vector_bytes}bit")


def whole(*shape: int, seed: int = 0) -> numpy.ndarray:
    """Return small whole numbers as float32, whose sums and products are exact."""
    return numpy.random.default_rng(seed).integers(-4, 5, shape).astype(numpy.float32)


def compute(target: TileTarget, *tensors: Tensor) -> list[numpy.ndarray]:
    return run([tensor.node for tensor in tensors], target)


def assert_exact(found: numpy.ndarray, expected: numpy.ndarray) -> None:
    numpy.testing.assert_array_equal(found, expected)


def turned(array: numpy.ndarray) -> Tensor:
    """Return a tensor of an array's values that lies transposed in memory."""
    return Tensor(numpy.ascontiguousarray(numpy.swapaxes(array, -1, -2))).transpose(-1, -2)


@given(data=st.data())
@settings(max_examples=25)
def test_products_of_matrices(data):
    target = data.draw(st.sampled_from(TINY))
    rows, columns, inner = (data.draw(st.integers(8, 70)) for _ in range(3))
    batch = data.draw(st.sampled_from([(), (1,), (3,)]))
    a, b = whole(*batch, rows, inner, seed=1), whole(*batch, inner, columns, seed=2)
    left = data.draw(st.sampled_from([Tensor, turned]))(a)
    right = data.draw(st.sampled_from([Tensor, turned]))(b)
    (found,) = compute(target, left @ right)
    assert_exact(found, a @ b)


def windows(x: numpy.ndarray, size: int, stride: int, dilation: int, padding: int) -> numpy.ndarray:
    padded = numpy.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    reach = (size - 1) * dilation + 1
    view = numpy.lib.stride_tricks.sliding_window_view(padded, (reach, reach), (2, 3))
    return view[:, :, ::stride, ::stride, ::dilation, ::dilation]


@given(data=st.data())
@settings(max_examples=20)
def test_convolutions(data):
    target = data.draw(st.sampled_from(TINY))
    size = data.draw(st.integers(1, 3))
    stride, dilation = data.draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (3, 1)]))
    padding = data.draw(st.integers(0, 2))
    image = data.draw(st.integers((size - 1) * dilation + 1, 14))
    batch, inputs, outputs = (data.draw(st.integers(1, most)) for most in (3, 9, 20))
    x, w = whole(batch, inputs, image, image, seed=1), whole(outputs, inputs, size, size, seed=2)
    y = Tensor(x).conv2d(Tensor(w), stride=stride, dilation=dilation, padding=padding)
    (found,) = compute(target, y)
    view = windows(x, size, stride, dilation, padding)
    assert_exact(found, numpy.einsum("nchwij,ocij->nohw", view, w))


@each_target
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_convolutions(target, stride):
    x, w = whole(4, 6, 9, 9, seed=1), whole(10, 6, 3, 3, seed=2)
    view = windows(x, 3, stride, 1, 1)
    g = whole(4, 10, *view.shape[2:4], seed=3)

    def weigh(image: Tensor, weight: Tensor) -> Tensor:
        return (image.conv2d(weight, stride=stride, padding=1) * Tensor(g)).sum()

    for_image = grad(lambda image: weigh(image, Tensor(w)))(Tensor(x))
    for_weight = grad(lambda weight: weigh(Tensor(x), weight))(Tensor(w))
    found = compute(target, for_image, for_weight)
    assert_exact(found[1], numpy.einsum("nchwij,nohw->ocij", view, g))
    expected = numpy.zeros((4, 6, 11, 11), numpy.float32)
    reach = 1 + stride * (view.shape[2] - 1)
    for i in range(3):
        for j in range(3):
            part = numpy.einsum("nohw,oc->nchw", g, w[:, :, i, j])
            expected[:, :, i : i + reach : stride, j : j + reach : stride] += part
    assert_exact(found[0], expected[:, :, 1:-1, 1:-1])


@each_target
def test_epilogues_and_prologues(target):
    a, b, bias = whole(37, 50, seed=1), whole(50, 41, seed=2), whole(41, seed=3)
    y = ((Tensor(a) * 2 + 1).relu() @ Tensor(b).abs() + Tensor(bias)).relu()
    (found,) = compute(target, y)
    left = numpy.maximum(a * 2 + 1, 0)
    assert_exact(found, numpy.maximum(left @ abs(b) + bias, 0))


@each_target
@pytest.mark.parametrize("is_turned", [False, True])
def test_matrices_past_few_rows(target, is_turned):
    a, b = whole(9, 200, seed=1), whole(200, 150, seed=2)
    (found,) = compute(target, Tensor(a) @ (turned if is_turned else Tensor)(b))
    assert_exact(found, a @ b)


@each_target
def test_float64(target):
    a, b = whole(33, 60, seed=1).astype("f8"), whole(60, 29, seed=2).astype("f8")
    (found,) = compute(target, Tensor(a) @ Tensor(b))
    assert_exact(found, a @ b)


@each_target
def test_transposed_rows_are_packed_several_tiles_at_once(target):
    a, b = whole(61, 16, seed=1), whole(16, 150, seed=2)
    (found,) = compute(target, turned(a) @ Tensor(b))
    assert_exact(found, a @ b)


def test_large_products_are_staged():
    a, b = Tensor(whole(600, 700)).realize(), Tensor(whole(700, 800)).realize()
    (kernel,) = explain(a @ b).kernels
    nodes = sort_topologically([kernel.step.program.program.root])
    sizes = [n.attributes.size for n in nodes if isinstance(n.attributes, ScratchAttributes)]
    assert sizes
    assert 4 * sum(sizes) <= 4 << 20


def test_packing_asks_for_rows_that_come_later():
    x, weight = Tensor.empty(512, 512).realize(), Tensor.empty(512, 512).realize()
    for right, ahead in ((weight, 32 * 512), (weight.T, 64)):
        (kernel,) = explain(x @ right).kernels
        found = re.findall(r"load\(.*\) \{.*ahead=(\d+)\}", str(kernel.program))
        assert set(found) == {str(ahead)}

"""Elementwise kernels of other sizes and other numbers are one native kernel, and stay exact."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor, nn
from tilegrad.base.events import KernelCompiled
from tilegrad.engine import Session
from tilegrad.engine.explain import explain

RANDOM = numpy.random.default_rng(0)


@pytest.fixture(autouse=True)
def session():
    with Session().entered() as session:
        yield session


def test_one_kernel_serves_other_sizes_and_numbers(session):
    results = []
    with session.trace.record() as recording:
        for size, scale in [(3, 0.1), (100, 1e-20), (7000, -3.25e8), (64, 1 / 3)]:
            x = RANDOM.standard_normal(size).astype(numpy.float32)
            found = (Tensor(x) * scale + scale * 7).numpy()
            results.append((found, x * numpy.float32(scale) + numpy.float32(scale * 7)))
    assert len(recording.find(KernelCompiled)) == 1
    for found, expected in results:
        numpy.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@settings(max_examples=25)
@given(number=st.floats(allow_nan=False, allow_infinity=False, width=16))
def test_numbers_keep_every_bit(dtype, number):
    """A comparison with the number, and the number itself where it is chosen."""
    x = Tensor([number, 0.0, 1.0], dtype=dtype)
    chosen = (x <= number).where(number, x)
    array = x.numpy().astype(numpy.float64)
    expected = numpy.where(array <= float(x[0].item()), float(x[0].item()), array)
    numpy.testing.assert_array_equal(chosen.numpy().astype(numpy.float64), expected)


@settings(max_examples=25)
@given(number=st.integers(-(2**63), 2**63 - 1))
def test_integers_that_are_added_keep_every_bit(number):
    array = numpy.array([0, 1, -1, 2**63 - 1], numpy.int64)
    with numpy.errstate(over="ignore"):
        expected = array + numpy.int64(number)
    numpy.testing.assert_array_equal((Tensor(array) + number).numpy(), expected)
    numpy.testing.assert_array_equal(
        (Tensor(array.view(numpy.uint64)) + number % 2**64).numpy(), expected.view(numpy.uint64)
    )


def test_more_numbers_than_registers_stay_in_the_kernel():
    x = Tensor(numpy.ones(100, numpy.float32)).realize()
    y = x
    for number in range(40):
        y = y * (1.0 + number / 64) + y.sqrt()
    (kernel,) = explain(y).kernels
    assert kernel.program.count("scalar index") == 1  # the length
    with numpy.errstate(over="ignore"):
        expected = x.numpy().astype(numpy.float64)
        for number in range(40):
            expected = expected * (1.0 + number / 64) + numpy.sqrt(expected)
    numpy.testing.assert_allclose(y.numpy(), expected, rtol=1e-4)


def test_weights_of_all_shapes_are_made_by_one_kernel():
    Tensor.manual_seed(3)
    Tensor.rand(1).realize()
    shapes = [(64, 3, 7, 7), (128, 64, 1, 1), (10, 20), (5, 6, 2, 2)]
    first, *weights = [nn.init.kaiming_normal(shape) for shape in shapes]
    (kernel,) = explain(*weights).kernels
    assert kernel.launches == len(weights)
    Tensor.realize(first, *weights)
    Tensor.manual_seed(3)
    Tensor.rand(1).realize()
    for shape, weight in zip(shapes, [first, *weights], strict=True):
        again = nn.init.kaiming_normal(shape).realize()  # each by itself gives the same
        numpy.testing.assert_array_equal(again.numpy(), weight.numpy())

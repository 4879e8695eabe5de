"""What tests of derived programs share: small arrays, running them, and comparing results."""

from __future__ import annotations

import numpy
import pytest

from tests.tile.plans import TARGETS, run
from tilegrad import Tensor
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.node import Node
from tilegrad.ops.reduction import reduce_maximum, reduce_minimum, reduce_product, reduce_sum
from tilegrad.tile.target import TileTarget

REDUCTIONS = {
    reduce_sum: numpy.sum,
    reduce_product: numpy.prod,
    reduce_maximum: numpy.max,
    reduce_minimum: numpy.min,
}

each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{8 * t.vector_bytes}bit")


def whole(*shape: int, seed: int = 0) -> numpy.ndarray:
    """Return small whole numbers as float32, whose sums and products are exact."""
    return numpy.random.default_rng(seed).integers(-4, 5, shape).astype(numpy.float32)


def on_cpu(array: numpy.ndarray) -> Node:
    return wrap_array(numpy.array(array, order="C"), "cpu")


def compute(target: TileTarget, *tensors: Tensor) -> list[numpy.ndarray]:
    return run([tensor.node for tensor in tensors], target)


def assert_exact(found: numpy.ndarray, expected: numpy.ndarray) -> None:
    numpy.testing.assert_array_equal(found, expected)


def assert_close(found: numpy.ndarray, expected: numpy.ndarray) -> None:
    numpy.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)

"""Values of a row that are computed once."""

from __future__ import annotations

import numpy
import pytest

from tests.tile.comparison import (
    assert_close,
    compute,
    each_target,
    whole,
)
from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.ir.node import sort_topologically


@each_target
@pytest.mark.parametrize("shape", [(3, 100), (2, 4, 129), (20, 300), (1, 1000)])
def test_rows_whose_values_are_kept(target, shape):
    generator = numpy.random.default_rng(3)
    x, d = (generator.standard_normal(shape).astype(numpy.float32) for _ in range(2))
    powers = numpy.exp(x - x.max(-1, keepdims=True), dtype=numpy.float64)
    expected = powers / powers.sum(-1, keepdims=True)
    (found,) = compute(target, Tensor(x).softmax(-1))
    assert_close(found, expected)
    leaf = Tensor(x)
    (gradient,) = compute(target, leaf.softmax(-1).gradient(leaf, gradient=Tensor(d))[0])
    inner = (expected * d).sum(-1, keepdims=True)
    assert_close(gradient, expected * (d - inner))


def test_dear_values_of_a_row_are_computed_once():
    (kernel,) = explain(Tensor(whole(30, 400)).realize().softmax(-1)).kernels
    order = sort_topologically([kernel.step.program.program.root])
    dear = [node for node in order if node.op.name == "exp"]
    assert len(dear) == 2  # one in the loop over whole tiles, one for the rest


@each_target
def test_positions_that_are_dear_are_computed_again(target):
    """A row that is read through divisions: memory holds no positions, only values."""
    x = whole(8, 8)
    row = Tensor(x).expand(3, 8, 8).pad((0, 0, 2, 1)).reshape(-1)
    padded = numpy.pad(numpy.broadcast_to(x, (3, 8, 8)), ((0, 0), (2, 1), (0, 0))).reshape(-1)
    powers = numpy.exp(padded - padded.max(), dtype=numpy.float64)
    (found,) = compute(target, row.log_softmax(0))
    assert_close(found, padded - padded.max() - numpy.log(powers.sum()))

"""Rows so short that several are reduced at a time, by NumPy."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tile.comparison import assert_close, compute, each_target
from tilegrad import Tensor
from tilegrad.engine.explain import explain


def log_softmax(x: numpy.ndarray) -> numpy.ndarray:
    shifted = x - x.max(-1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))


@each_target
@given(rows=st.integers(1, 40), columns=st.integers(1, 70), seed=st.integers(0, 9))
@settings(max_examples=12)
def test_functions_of_rows(target, rows, columns, seed):
    x = numpy.random.default_rng(seed).standard_normal((2, rows, columns)).astype(numpy.float32)
    exact = log_softmax(x.astype(float))
    tensor = Tensor(x)
    assert_close(compute(target, tensor.log_softmax())[0], exact)
    assert_close(compute(target, tensor.softmax())[0], numpy.exp(exact))
    assert_close(compute(target, tensor.var(axis=-1, correction=0))[0], x.astype(float).var(-1))


@pytest.mark.parametrize("columns", [3, 16, 33])
def test_nan_and_infinity_stay_in_their_rows(columns):
    x = numpy.ones((37, columns), numpy.float32)
    x[5, 1], x[17, 2], x[30, 0], x[36] = numpy.nan, numpy.inf, -numpy.inf, -numpy.inf
    with numpy.errstate(invalid="ignore"):
        expected = numpy.exp(log_softmax(x.astype(float)))
    numpy.testing.assert_allclose(Tensor(x).softmax().numpy(), expected, rtol=1e-5)


def test_short_rows_are_tiles_of_several():
    def shapes(columns: int) -> str:
        x = Tensor(numpy.ones((64, columns), numpy.float32)).realize()
        (kernel,) = explain(x.softmax()).kernels
        return str(kernel.program)

    assert ", 16]" in shapes(16)
    assert "float32[1]" in shapes(4096)

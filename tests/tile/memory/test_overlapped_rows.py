"""The end of a row computed with the next row: when, and that it changes no result."""

import numpy
import pytest

from tests.tile.comparison import TARGETS, assert_close, compute
from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.ops.affine import as_index
from tilegrad.tile.memory.overlapped_rows import overlap_rows
from tilegrad.tile.uncached import LEAST_BYTES

LARGE = LEAST_BYTES // 4
RANDOM = numpy.random.default_rng(0)


def powers(x):
    return numpy.exp(x - x.max(1, keepdims=True))


def softmax(x):
    return powers(x) / powers(x).sum(1, keepdims=True)


def log_softmax(x):
    return numpy.log(softmax(x))


def softmax_gradient(x, seed):
    return softmax(x) * (seed - (softmax(x) * seed).sum(1, keepdims=True))


def log_softmax_gradient(x, seed):
    return seed - softmax(x) * seed.sum(1, keepdims=True)


def gradient_of(function):
    return lambda x, seed: function(x).gradient(x, gradient=seed)[0]


CASES = {
    "softmax": (lambda x, _: x.softmax(), lambda x, _: softmax(x)),
    "log-softmax": (lambda x, _: x.log_softmax(), lambda x, _: log_softmax(x)),
    "softmax's gradient": (gradient_of(lambda x: x.softmax()), softmax_gradient),
    "log-softmax's gradient": (gradient_of(lambda x: x.log_softmax()), log_softmax_gradient),
}


def make_arrays(shape):
    return [RANDOM.standard_normal(shape).astype(numpy.float32) for _ in range(2)]


def count_instances(kernel):
    return as_index(kernel.step.program.program.grid[-1])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shape", [(32, 128), (37, 192), (3, 17, 320)])
def test_order_of_effects(name, shape, monkeypatch):
    monkeypatch.setattr("tilegrad.tile.choices.ahead.LEAST_ROW", 0)
    monkeypatch.setattr("tilegrad.tile.choices.ahead.LEAST_BYTES", 0)
    # The interpreter refuses to read what no effect is known to have written before.
    changed = []

    def overlap(root, decider):
        changed.append(overlap_rows(root, decider))
        assert changed[-1] is not root
        return changed[-1]

    monkeypatch.setattr("tilegrad.tile.uncached.LEAST_BYTES", 0)
    monkeypatch.setattr("tilegrad.tile.derive.overlap_rows", overlap)
    formula, expected = CASES[name]
    x, seed = make_arrays(shape)
    flat = [array.reshape(-1, shape[-1]).astype(float) for array in (x, seed)]
    (found,) = compute(TARGETS[2], formula(Tensor(x), Tensor(seed)))
    assert_close(found.reshape(flat[0].shape), expected(*flat))
    assert len(changed) == 1


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shape", [(49, 1 << 16), (LARGE // 4096 + 1, 4096)])
def test_large_results(name, shape):
    formula, expected = CASES[name]
    x, seed = make_arrays(shape)
    result = formula(*(Tensor(array).realize() for array in (x, seed)))
    (kernel,) = explain(result).kernels
    if kernel.executor.device.target.vector_bits == 512:
        assert count_instances(kernel) < shape[0]
    assert_close(result.numpy(), expected(x.astype(float), seed.astype(float)))


@pytest.mark.parametrize(
    ("formula", "shape"),
    [
        (lambda x: x.softmax(), (LARGE // 4096 - 1, 4096)),  # stays in the caches
        (lambda x: x.layernorm(), (LARGE // 4096, 4096)),  # nothing dear
        (lambda x: x.softmax(), (8, LARGE // 8)),  # too few rows
        # short rows of two arrays
        (lambda x: gradient_of(Tensor.softmax)(x, (x + 1).realize()), (LARGE // 1024, 1024)),
        (lambda x: x.softmax(), (LARGE // 1000 + 1, 1000)),  # the ends of rows are apart
    ],
)
def test_rows_in_turn(formula, shape):
    (kernel,) = explain(formula(Tensor.empty(*shape).realize())).kernels
    assert count_instances(kernel) == shape[0]

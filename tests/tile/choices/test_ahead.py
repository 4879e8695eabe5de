"""What loads ask memory for ahead: which rows, in which loop, and that it changes no result."""

import re

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.tile.uncached import LEAST_BYTES

RANDOM = numpy.random.default_rng(0)
LARGE = LEAST_BYTES // 4


def logarithm(x):
    return numpy.log(numpy.exp(x - x.max(1, keepdims=True)).sum(1)) + x.max(1)


CASES = {
    # Rows that fit the first cache twice are fetched by the processor itself.
    "softmax, short": (lambda x: x.softmax(), (40, 1024), 0),
    # Of three loops, the one with the exponentials asks.
    "softmax": (lambda x: x.softmax(), (40, 4096), 4096),
    "softmax, long": (lambda x: x.softmax(), (17, 1 << 16), 1 << 16),
    "softmax, longer": (lambda x: x.softmax(), (17, 1 << 18), 0),
    # Rows inside of another reduction follow each other along its axis.
    "sum of logarithms": (lambda x: x.logsumexp(1).sum(), (1024, 4096), 4096),
    "layer norm": (lambda x: x.layernorm(), (40, 4096), 4096),
    "layer norm, long": (lambda x: x.layernorm(), (17, 1 << 16), 0),
    # What is read once is fetched in order, but sums of what comes from memory ask a little ahead,
    "small sum": (lambda x: x.sum(1), (64, 4096), 0),
    "sum": (lambda x: x.sum(), (LARGE,), 1280),
    "sums of rows": (lambda x: x.exp().sum(1), (LARGE // 512, 512), 1280),
    # but for rows that are mostly ends, and where other rows are read as well.
    "sums of rows with ends": (lambda x: x.sum(1), (LARGE // 300 + 1, 300), 0),
    "sum of products": (lambda x: (x * x.flip(1)).sum(1), (LARGE // 512, 512), 0),
    "stream": (lambda x: x * 2 + 1, (LARGE,), 1024),
    "transpose": (lambda x: x.T + 1, (LARGE // 512, 512), 16 * 512),
    "transpose of long rows": (lambda x: x.T + 1, (LARGE // 4096, 4096), 0),
    "small stream": (lambda x: x * 2 + 1, (LARGE - 1,), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_choice(name):
    formula, shape, ahead = CASES[name]
    x = Tensor.empty(*shape).realize()
    (kernel,) = explain(formula(x)).kernels
    found = re.findall(r"load\(.*\) \{ahead=(\d+)\}", str(kernel.program))
    assert set(found) == ({str(ahead)} if ahead else set())
    assert ("call void @llvm.prefetch" in kernel.llvm) == (ahead > 0)


ASKING = {
    # Rows that come from memory are asked for in all loops that read them, as some asks are lost,
    "layer norm": (lambda x: x.layernorm(), (LARGE // 4096, 4096), 3),
    # but where one is dear, not in those before it (the first row and the others have one each).
    "softmax": (lambda x: x.softmax(), (LARGE // 4096, 4096), 2),
    "log-softmax": (lambda x: x.log_softmax(), (LARGE // 4096, 4096), 2),
    "layer norm in a cache": (lambda x: x.layernorm(), (40, 4096), 1),
}


@pytest.mark.parametrize("name", ASKING)
def test_loops_that_ask(name):
    formula, shape, count = ASKING[name]
    (kernel,) = explain(formula(Tensor.empty(*shape).realize())).kernels
    assert len(re.findall(r"\{ahead=\d+\}", str(kernel.program))) == count


def test_results():
    x = RANDOM.standard_normal((33, 4096)).astype(numpy.float32)
    expected = numpy.exp(x.astype(numpy.float64) - logarithm(x.astype(numpy.float64))[:, None])
    numpy.testing.assert_allclose(Tensor(x).softmax().numpy(), expected, rtol=1e-5)

"""Large results, written past the caches where whole lines are, against NumPy bit by bit."""

import numpy
import pytest

from tests.tile.native import prepare
from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.tile.uncached import LEAST_BYTES

LARGE = LEAST_BYTES // 4
RANDOM = numpy.random.default_rng(0)
CASES = {
    "map": (lambda x: x * 2 - x, (LARGE + 5,), True),
    "transpose": (lambda x: x.T + x.T, (LARGE // 2048 + 16, 2048), True),
    "rows": (lambda x: x - x.max(1)[:, None], (LARGE // 2048, 2048), True),
    "reversed": (lambda x: x[::-1] + x, (LARGE + 1,), True),
    "odd rows": (lambda x: x - x.max(1)[:, None], (LARGE // 999 + 1, 999), True),
    "rows of lines": (lambda x: x - x.max(1)[:, None], (LARGE // 1008 + 1, 1008), True),
    "short odd rows": (lambda x: x - x.max(1)[:, None], (LARGE // 99 + 1, 99), False),
    "small": (lambda x: x * 2 - x, (LARGE - 1,), False),
}


@pytest.mark.parametrize("name", CASES)
def test_results(name):
    formula, shape, is_uncached = CASES[name]
    x = RANDOM.standard_normal(shape).astype(numpy.float32)
    result = formula(Tensor(x).realize())
    (kernel,) = explain(result).kernels
    has_lines = kernel.executor.device.target.vector_bits == 512
    assert ("nontemporal !0" in kernel.llvm) == (is_uncached and has_lines)
    numpy.testing.assert_array_equal(result.numpy(), formula(x))


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "bool"])
@pytest.mark.parametrize("width", [1000, 1001, 1023])
def test_rows_of_other_sizes(dtype, width):
    itemsize = numpy.dtype(dtype).itemsize
    rows = -(-LEAST_BYTES // (width * itemsize))
    x = RANDOM.integers(0, 2, (rows, width)).astype(dtype)
    tensor = Tensor(x).realize()
    result = tensor.maximum(tensor.min(1, keepdim=True))
    numpy.testing.assert_array_equal(result.numpy(), numpy.maximum(x, x.min(1, keepdims=True)))


def test_memory_may_begin_anywhere():
    x = RANDOM.standard_normal(LARGE + 3).astype(numpy.float32)
    (kernel,) = explain(Tensor(x).realize() * 2 - 1).kernels
    run, (found,) = prepare(kernel.step.program.program, [x])
    assert found.ctypes.data % LINE_BYTES
    run()
    numpy.testing.assert_array_equal(found, x * 2 - 1)


def test_rows_ask_for_the_line_that_they_share_with_the_next():
    def program(width: int) -> str:
        x = Tensor(numpy.ones((LARGE // 999, width), numpy.float32)).realize()
        (kernel,) = explain(x * x.max(axis=1, keepdim=True)).kernels
        return str(kernel.program)

    assert program(1000).count("ahead=1000") == 1
    assert "ahead=1008" not in program(1008)

"""Sums that wait for other sums: what is taken apart, what must stay, and the same values."""

import numpy
import pytest

from tests.schedule.kernels import run_kernel
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import exponential, kernel, memory
from tilegrad.schedule.split_sums import split_sums

ROWS, WIDTH = 3, 50
ROW, ALONG = kernel.make_axis("i0", ROWS), kernel.make_axis("r0", WIDTH)
X, Y = (
    memory.make_load(memory.make_parameter(slot, dtypes.float32), ROW * WIDTH + ALONG)
    for slot in (1, 2)
)


def total(term):
    return kernel.make_sum(term, ALONG)


MEAN = total(X) * (1 / WIDTH)
CENTRED = X - MEAN
SCALE = total(CENTRED * CENTRED)


def stored(value):
    return kernel.kernel(memory.make_store(memory.make_parameter(0, dtypes.float32), ROW, value))


SPLIT = {
    "factors": total(Y * SCALE + SCALE * CENTRED),
    "a gradient": total(-(Y * X * SCALE - CENTRED * MEAN - MEAN * CENTRED)),
    "nested factors": total((Y + MEAN * X) * SCALE),
}
WHOLE = {
    "nothing to wait for": total(X * 2 + Y),
    "one part": total(CENTRED * SCALE),
    "what waits is no factor": total(Y * SCALE + exponential.exp(X * SCALE)),
    "a term that does not vary": total(Y * SCALE + SCALE),
}


def count_levels(root) -> int:
    levels = {}
    for node in sort_topologically([root]):
        inside = max((levels[source] for source in node.sources), default=0)
        levels[node] = inside + (node.op is kernel.reduce_over)
    return levels[root]


@pytest.mark.parametrize("name", SPLIT)
def test_split(name):
    program = stored(SPLIT[name])
    found = split_sums(program)
    assert count_levels(found) == count_levels(program) - 1
    x, y = numpy.random.default_rng(0).standard_normal((2, ROWS * WIDTH)).astype(numpy.float32)
    results = [numpy.zeros(ROWS, numpy.float32) for _ in range(2)]
    for result, one in zip(results, (program, found), strict=True):
        run_kernel(one, [result, x, y])
    numpy.testing.assert_allclose(*results, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", WHOLE)
def test_whole(name):
    program = stored(WHOLE[name])
    assert split_sums(program) is program

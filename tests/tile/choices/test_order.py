"""In which order large results are walked: as they are read, where each piece fills some lines."""

import math
import re

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.tile.uncached import LEAST_BYTES

LARGE = LEAST_BYTES // 4
CASES = {
    "rows moved": ((64, 512, LARGE >> 15), (1, 0, 2), True),
    "rows of three axes moved": ((8, 32, 64, LARGE >> 14), (2, 1, 0, 3), True),
    "axes reversed": ((32, 64, 32, LARGE >> 16), (3, 2, 1, 0), True),
    "short rows": ((64, LARGE >> 10, 16), (1, 0, 2), False),
    "small": ((64, 512, 32), (1, 0, 2), False),
}


@pytest.mark.parametrize("name", CASES)
def test_choice(name):
    shape, order, is_as_read = CASES[name]
    (kernel,) = explain(Tensor.empty(*shape).realize().permute(order).contiguous()).kernels
    load, *_ = re.findall(r"load\(p1, (.*)\)", str(kernel.program))
    steps = {index: int(step or 1) for step, index in re.findall(r"(?:(\d+)\*)?\b([gi]\d)", load)}
    from_outside = [steps[index] for index in sorted(steps)]
    assert (from_outside == sorted(from_outside, reverse=True)) == is_as_read


@pytest.mark.parametrize("name", CASES)
def test_results(name):
    shape, order, _ = CASES[name]
    x = numpy.arange(math.prod(shape), dtype=numpy.int32).reshape(shape)
    found = (Tensor(x).permute(order) + 1).numpy()
    assert (found == x.transpose(order) + 1).all()

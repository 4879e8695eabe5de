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
    "short rows": ((64, LARGE >> 10, 16), (1, 0, 2), False),
    "small": ((64, 512, 32), (1, 0, 2), False),
}


@pytest.mark.parametrize("name", CASES)
def test_choice(name):
    shape, order, is_as_read = CASES[name]
    (kernel,) = explain(Tensor.empty(*shape).realize().permute(order).contiguous()).kernels
    load, *_ = re.findall(r"load\(p1, (.*)\)", str(kernel.program))
    steps = {axis: int(factor) for factor, axis in re.findall(r"(\d+)\*([gi]\d)", load)}
    assert (steps["g0"] == max(steps.values()) == math.prod(shape[1:])) == is_as_read


@pytest.mark.parametrize("name", CASES)
def test_results(name):
    shape, order, _ = CASES[name]
    x = numpy.arange(math.prod(shape), dtype=numpy.int32).reshape(shape)
    found = (Tensor(x).permute(order) + 1).numpy()
    assert (found == x.transpose(order) + 1).all()

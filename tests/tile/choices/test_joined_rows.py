"""Rows that fill whole lines only together: how many are joined, and results against NumPy."""

import math
import re

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.tile.uncached import LEAST_BYTES

CASES = {
    "two rows": ("float32", (24, 56), 2),
    "four rows": ("float32", (24, 28), 4),
    "bytes": ("int8", (24, 160), 2),
    "rows of more vectors": ("float32", (24, 120), 2),
    "rows of lines": ("float32", (24, 48), 0),
    "rows in no whole groups": ("float32", (23, 56), 0),
    "too many rows": ("float32", (24, 25), 0),
    "rows shorter than a line": ("float32", (24, 14), 0),
    "rows that are cut at lines": ("float32", (24, 136), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_rows(name):
    dtype, (count, length), joined = CASES[name]
    itemsize = numpy.dtype(dtype).itemsize
    height = 16 * math.ceil(LEAST_BYTES / (16 * count * length * itemsize))
    x = numpy.arange(height * count * length).reshape(count, height, length).astype(dtype)
    result = Tensor(x).permute(1, 0, 2) + 1
    (kernel,) = explain(result).kernels
    lines = re.findall(r"load\(p1, .*\[(\d), \d+\]", str(kernel.program))
    if kernel.executor.device.target.vector_bits == 512:
        assert lines == ([str(joined)] if joined else [])
        assert ("nontemporal !0" in kernel.llvm) == (joined > 0 or length in (48, 136))
    assert (result.numpy() == x.transpose(1, 0, 2) + x.dtype.type(1)).all()

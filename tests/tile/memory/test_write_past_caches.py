"""Large results of loops that an author wrote are written past the caches where they are runs."""

from __future__ import annotations

import numpy
import pytest

from tilegrad import Tensor, kernel
from tilegrad import language as tl
from tilegrad.engine.explain import explain
from tilegrad.tile.memory.write_past_caches import write_past_caches
from tilegrad.tile.target import TileTarget

ROWS, COLUMNS = 3072, 1024
WIDE = TileTarget(vector_bytes=64)


@kernel
def running(build, x, *, width=64, is_turned=False, reads=False):
    y = build.output(x.shape, x.dtype)
    row = build.grid(x.shape[0])
    with build.loop(0, x.shape[1], width, total=tl.zeros(())) as loop:
        chunk = x[row, loop.span]
        value = chunk.cumsum() + loop.total
        loop.total += chunk.sum()
        if is_turned:
            y[row, loop.span.positions * 3 % x.shape[1]] = value
        else:
            y[row, loop.span] = value
        if reads:
            loop.total += y[row, loop.index] * 0
    return y


def is_marked(rows, **parameters):
    program = running.program(Tensor.zeros(rows, COLUMNS), **parameters)
    return "is_uncached" in str(write_past_caches(program, WIDE))


def test_large_runs_only():
    assert is_marked(ROWS)
    assert is_marked(ROWS, width=16)
    assert not is_marked(ROWS - 1)
    assert not is_marked(ROWS, is_turned=True)
    assert not is_marked(ROWS, reads=True)
    program = running.program(Tensor.zeros(ROWS, COLUMNS))
    assert write_past_caches(program, TileTarget(vector_bytes=32)) is program


@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS + 8])
def test_results_stay_the_same(columns):
    x = numpy.random.default_rng(0).integers(-9, 9, (ROWS, columns)).astype(numpy.float32)
    given = Tensor(x).realize()
    numpy.testing.assert_array_equal(running(given).numpy(), x.cumsum(1))


def test_pieces_apart_stay_in_the_caches():
    @kernel
    def panels(build, x):
        y = build.output(x.shape, x.dtype)
        column = build.grid(x.shape[1], 32)
        with build.loop(x.shape[0]) as loop:
            y[loop.index, column] = x[loop.index, column]
        return y

    x = Tensor.zeros(ROWS, COLUMNS).contiguous().realize()
    (found,) = explain(panels(x)).kernels
    assert "is_uncached" not in found.program

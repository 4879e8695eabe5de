"""Loops, conditions, memory and the order of loads and stores, on both devices."""

import numpy
import pytest

from tests.language.running import close, on_both, run
from tilegrad import Tensor, dtypes, kernel
from tilegrad import language as tl
from tilegrad.base.errors import VerifyError

X = numpy.random.default_rng(0).standard_normal((6, 20)).astype(numpy.float32)


@on_both
def test_loops_nest_and_carry_tiles(device):
    @kernel
    def powers(build, x):
        out = build.output(x.shape, x.dtype)
        row = build.grid(6)
        with build.loop(3, total=tl.zeros((20,))) as outer:
            with build.loop(0, outer.index + 1, power=tl.ones((20,))) as inner:
                inner.power *= x[row, :]
            outer.total += inner.power
        out[row, :] = outer.total
        return out

    close(run(powers, X, device=device), X + X**2 + X**3)


@on_both
def test_conditions(device):
    @kernel
    def clip(build, x):
        out = build.output(x.shape, x.dtype)
        row = build.grid(6)
        value = x[row, :]
        with build.when((value > 1).any(), value=value) as found:
            found.value = tl.minimum(found.value, 0.0)
        out[row, :] = found.value
        return out

    expected = numpy.where((X > 1).any(1, keepdims=True), numpy.minimum(X, 0), X)
    close(run(clip, X, device=device), expected)


@on_both
def test_loads_and_stores_keep_their_order(device):
    @kernel
    def rotate(build, x):
        out = build.output(x.shape, x.dtype)
        row = build.grid(6)
        line = build.scratch(20, x.dtype)
        line[...] = x[row, :]
        with build.loop(3) as loop:
            first, last = line[0], line[19]
            line[0] = last + loop.index.cast(x.dtype)
            line[19] = first
            first = line[1]
            with build.loop(2):
                line[1] = line[2]
                line[2] = first
        out[row, :] = line[:]
        return out

    expected = X.copy()
    for number in range(3):
        expected[:, [0, 19]] = expected[:, [19, 0]]
        expected[:, 0] += number
        first = expected[:, 1].copy()
        for _ in range(2):
            expected[:, 1] = expected[:, 2]
            expected[:, 2] = first
    close(run(rotate, X, device=device), expected)


@on_both
def test_instances_share_a_workspace_that_is_read_after_all(device):
    @kernel
    def total(build, x):
        out = build.output((), x.dtype)
        parts = build.workspace(x.shape[0], x.dtype)
        row = build.grid(6)
        parts[row] = x[row, :].sum()
        with build.after_all():
            out[()] = parts[...].sum()
        return out

    close(run(total, X, device=device), X.sum(), 1e-4)


@on_both
def test_sizes_of_the_grid_come_from_other_arrays(device):
    @kernel
    def lengths(build, x, counts):
        out = build.output(6, x.dtype)
        row = build.grid(6)
        with build.loop(0, counts[row], total=tl.zeros((), x.dtype)) as loop:
            loop.total += x[row, loop.index]
        out[row] = loop.total
        return out

    counts = numpy.array([0, 3, 20, 7, 1, 19], numpy.int32)
    expected = [row[:count].sum() for row, count in zip(X, counts, strict=True)]
    close(run(lengths, X, counts, device=device), expected)


def test_the_reference_device_finds_instances_that_meet():
    @kernel
    def race(build, x):
        out = build.output(1, x.dtype)
        row = build.grid(6)
        out[0] = x[row, 0]
        return out

    with pytest.raises(VerifyError, match="instance"):
        race(Tensor(X, device="reference")).numpy()


def test_the_reference_device_finds_undefined_memory():
    @kernel
    def undefined(build, x):
        out = build.output(x.shape, x.dtype)
        row = build.grid(6)
        line = build.scratch(20, x.dtype)
        line[0:10] = x[row, 0:10]
        out[row, :] = line[:]
        return out

    with pytest.raises(VerifyError):
        undefined(Tensor(X, device="reference")).numpy()


@on_both
def test_outputs_of_several_dtypes(device):
    @kernel
    def split(build, x):
        signs, sizes = build.output(x.shape, dtypes.bool), build.output((20, 6), dtypes.float64)
        row = build.grid(6)
        signs[row, :] = x[row, :] < 0
        sizes[:, row] = abs(x[row, :]).cast(dtypes.float64)
        return signs, sizes

    signs, sizes = run(split, X, device=device)
    numpy.testing.assert_array_equal(signs, X < 0)
    numpy.testing.assert_array_equal(sizes, abs(X).T.astype(numpy.float64))


@on_both
def test_loops_carry_several_tiles_under_one_name(device):
    @kernel
    def last_three(build, x):
        out = build.output((3, 6), x.dtype)
        row = build.grid(6)
        with build.loop(20, last=(tl.zeros(()), tl.zeros(()), tl.zeros(()))) as loop:
            first, second, _ = loop.last
            loop.last = x[row, loop.index], first, second
            with build.when(loop.index == 19, seen=loop.last) as end:
                end.seen = [-one for one in end.seen]
            loop.last = end.seen
        for number, value in enumerate(loop.last):
            out[number, row] = value
        return out

    close(run(last_three, X, device=device), -X[:, :-4:-1].T)

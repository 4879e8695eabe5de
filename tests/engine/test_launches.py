"""The trace tells of every launch, eager or replayed, with what it moved and did."""

from __future__ import annotations

import time
from functools import partial

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.base.events import KernelLaunched, StageFinished
from tilegrad.engine import Session
from tilegrad.tensor.jit import jit
from tilegrad.tensor.size import Variable


@pytest.fixture
def session():
    with Session().entered() as session:
        yield session


def filled(*shape):
    return Tensor(numpy.ones(shape, numpy.float32)).realize()


def launches_of(session, call):
    before = time.perf_counter_ns()
    with session.trace.record() as recording:
        call()
    found = recording.find(KernelLaunched)
    after = time.perf_counter_ns()
    assert all(before <= one.start_ns <= one.end_ns <= after for one in found)
    assert {one.device for one in found} <= {"cpu"}
    return found, [one.name for one in recording.find(StageFinished)]


@pytest.mark.parametrize(
    ("build", "moved", "operations"),
    [
        (lambda x: x * 2 + 1, 2 * 4 * 1024, 2 * 1024),
        (lambda x: x.sum(1), 4 * (1024 + 64), 1024),
        (lambda x: x @ x.transpose(), 4 * (1024 + 64 * 64), 2 * 64 * 64 * 16),
        (lambda x: x.cumsum(1), 2 * 4 * 1024, 1024),
        (lambda x: (x > 0).float(), 2 * 4 * 1024, 0),
        (lambda x: x.transpose().contiguous(), 2 * 4 * 1024, 0),
    ],
    ids=["elementwise", "sum", "matmul", "scan", "test", "transpose"],
)
def test_bytes_and_operations(session, build, moved, operations):
    x = filled(64, 16)
    (found,), stages = launches_of(session, build(x).realize)
    assert found.operations == operations
    assert found.moved_bytes == moved
    assert stages[-1] == "launch"


def test_a_plan_that_ran_before_is_told_again(session):
    x, y = filled(8), filled(8)
    (x + y).realize()
    for _ in range(2):
        (found,), _ = launches_of(session, (x + y).realize)
        assert (found.moved_bytes, found.operations) == (3 * 4 * 8, 8)


def test_views_of_the_same_memory_are_counted_once(session):
    numbers = numpy.ones(512, numpy.float32)
    views = (numbers[:384], numbers[128:].view(numpy.int32))
    x, y = (Tensor.from_numpy(view, copy=False) for view in views)
    (found,), _ = launches_of(session, (x + y.float()).realize)
    assert found.moved_bytes == 4 * (512 + 384)


def test_replays_tell_of_each_launch_whenever_the_trace_is_on(session):
    weight = filled(16, 4)
    step = jit(lambda x: ((x @ weight).exp() @ weight.transpose()).cumsum(0))
    x = filled(8, 16)
    for _ in range(3):
        step(x)
    for _ in range(2):
        found, stages = launches_of(session, lambda: step(x))
        # The exponential is computed inside the second matmul, once for each of its elements.
        assert [one.operations for one in found] == [2 * 8 * 4 * 16, 2 * 8 * 16 * 4 + 8 * 4, 8 * 16]
        assert stages == ["replay"]
        numpy.testing.assert_allclose(step(x).numpy()[0], 4 * numpy.exp(16.0), rtol=1e-5)


def test_symbolic_sizes_count_as_they_are(session):
    n = Variable("n", 1, 32)
    step = jit(lambda x, n: x.shrink(((0, n),)).exp().sum())
    x = filled(32)
    for size in (3, 5, 7, 9):
        found, _ = launches_of(session, partial(step, x, n.bind(size)))
        assert found[-1].operations == 2 * size

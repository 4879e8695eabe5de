"""Temporary memory of captured steps: shared, taken anew when more is needed, given back."""

from __future__ import annotations

import gc
import threading

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor, jit
from tilegrad.engine import Session, current_session

WIDTH = 64


def step(x: Tensor) -> Tensor:
    """Compute through temporaries as large as the argument: products end kernels."""
    weight = Tensor.eye(WIDTH) * 2
    return (((x @ weight).sin() @ weight).cos() @ weight).sum(1)


def expected_of(x: numpy.ndarray) -> numpy.ndarray:
    return (numpy.cos(numpy.sin(x.astype("f8") * 2) * 2) * 2).sum(1)


@settings(max_examples=10, deadline=None)
@given(rows=st.lists(st.sampled_from([16, 500, 1000, 2000, 4000]), min_size=3, max_size=12))
def test_steps_that_share_it_do_not_disturb_each_other(rows):
    captured = {count: jit(step) for count in set(rows)}
    for count in (*rows, *rows, *rows):
        x = numpy.random.default_rng(count).standard_normal((count, WIDTH)).astype("f4")
        found = captured[count](Tensor(x)).numpy()
        numpy.testing.assert_allclose(found, expected_of(x), rtol=1e-3, atol=1e-3)


def test_it_is_as_large_as_one_step_needs_and_goes_with_the_last():
    allocator = current_session().compiled("cpu").device.allocator
    gc.collect()
    before = allocator.statistics().live
    captured = [jit(step) for _ in range(4)]
    xs = [Tensor.ones(count, WIDTH).realize() for count in (1000, 2000, 4000, 8000)]
    for _ in range(4):
        for one, x in zip(captured, xs, strict=True):
            one(x)
    needs = [one.captured[0].arena_bytes for one in captured]
    assert needs[-1] >= 8000 * WIDTH * 4
    given_ = sum(x.numpy().nbytes for x in xs)
    assert allocator.statistics().live - before < given_ + 1.5 * needs[-1]
    assert allocator.statistics().kept < needs[-1], "what the first calls needed is given back"
    del captured, one, xs, x
    gc.collect()
    assert allocator.statistics().live <= before


def test_what_a_step_realises_lies_there_unless_someone_looks_at_it():
    looked_at: list[Tensor] = []

    def hide(x: Tensor) -> Tensor:
        return (x * 2).realize().sin().sum(1)

    def show(x: Tensor) -> Tensor:
        looked_at.append((x * 2).realize())
        return looked_at[-1].sin().sum(1)

    small, large = (numpy.full((count, WIDTH), 0.1, "f4") for count in (500, 4000))
    hiding, showing = jit(hide), jit(show)
    for _ in range(4):
        for x in (small, large):
            for one in (hiding, showing):
                found = one(Tensor(x)).numpy()
                numpy.testing.assert_allclose(found, WIDTH * numpy.sin(2 * x[:, 0]), rtol=1e-4)
        for tensor in looked_at[-2:]:
            numpy.testing.assert_allclose(tensor.numpy(), 0.2, rtol=1e-6)
    shared = {id(one.scratch.memory) for one in hiding.captured}
    assert len(shared) == 1
    assert shared.isdisjoint(id(one.scratch.memory) for one in showing.captured)


def test_threads_replay_steps_that_share_it():
    xs = [numpy.full((count, WIDTH), count / 7000, "f4") for count in (3000, 5000)]
    captured = [jit(step) for _ in xs]
    session = current_session()
    for one, x in zip(captured, xs, strict=True):
        one(Tensor(x))
        one(Tensor(x))
    failures: list[Exception] = []

    def replay(number: int) -> None:
        try:
            with session.entered():
                for _ in range(20):
                    found = captured[number](Tensor(xs[number])).numpy()
                    numpy.testing.assert_allclose(found, expected_of(xs[number]), rtol=1e-3)
        except Exception as error:  # noqa: BLE001  # shown below, in the thread that tests
            failures.append(error)

    threads = [threading.Thread(target=replay, args=(number,)) for number in range(len(xs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_session_gives_back_what_it_keeps_for_reuse():
    session = Session()
    with session.entered():
        Tensor.ones(1 << 20).realize()
        allocator = session.compiled("cpu").device.allocator
        assert allocator.statistics().kept >= 4 << 20
        session.trim()
        assert allocator.statistics().kept == 0
        numpy.testing.assert_array_equal((Tensor.ones(3) + 1).numpy(), 2)

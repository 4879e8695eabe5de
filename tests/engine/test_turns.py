"""Replays and launches take turns: whoever comes between patches nothing that is about to run."""

from __future__ import annotations

import textwrap

from tests.engine.scripts import run

STEP = """
from tilegrad import jit

@jit
def step(x, y):
    return x * 3 - y, x.sum() + y.max()

def replay(number, size=50):
    x, y = numpy.full(size, number, "f4"), numpy.arange(size, dtype="f4") + number
    found = [one.numpy() for one in step(Tensor(x), Tensor(y))]
    numpy.testing.assert_allclose(found[0], 3 * x - y)
    numpy.testing.assert_allclose(found[1], x.sum() + y.max(), rtol=1e-6)
    numpy.testing.assert_array_equal((Tensor(x) + Tensor(y)).numpy(), x + y)

for _ in range(3):
    replay(1)
"""


def test_threads_replay_one_step_and_realise_one_graph():
    script = """
    problems = []

    def work(number):
        try:
            for turn in range(120):
                replay(number + turn % 5)
        except BaseException as error:
            problems.append(error)

    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work, args=(10 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[0]
    """
    run(STEP + textwrap.dedent(script))


def test_a_signal_handler_that_replays_is_refused_or_disturbs_nothing():
    script = """
    done, refused = [], []

    def handle(*_):
        try:
            replay(1000 + len(done))
            done.append(True)
        except errors.DeviceError as error:
            assert "on this very thread" in str(error)
            refused.append(True)

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
    end = time.monotonic() + 0.8
    while time.monotonic() < end:
        replay(len(done) % 7)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert done
    """
    run(STEP + textwrap.dedent(script))


def test_what_a_thread_does_while_another_captures_is_no_part_of_the_capture():
    script = """
    inside, done = threading.Event(), threading.Event()
    found = []

    @jit
    def wait(x):
        y = x * 2
        inside.set()
        assert done.wait(60)
        return y + 1

    def work():
        inside.wait(60)
        try:
            found.append((Tensor(numpy.arange(9, dtype="f4")) * 5).numpy())
        except BaseException as error:
            found.append(error)
        done.set()

    done.set()
    wait(Tensor(numpy.ones(7, "f4")))
    inside.clear()
    done.clear()
    thread = threading.Thread(target=work)
    thread.start()
    wait(Tensor(numpy.ones(7, "f4")))
    thread.join()
    numpy.testing.assert_array_equal(found[0], numpy.arange(9) * 5)
    (step,) = wait.captured
    assert step.kernels == 1
    numpy.testing.assert_array_equal(wait(Tensor(numpy.ones(7, "f4"))).numpy(), numpy.full(7, 3))
    """
    run(STEP + textwrap.dedent(script))

"""What goes wrong from outside, as a user of tensors meets it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy
import pytest

from tests.engine.scripts import finish, run, start
from tilegrad import Tensor
from tilegrad.base.errors import OutOfMemoryError
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.engine.cache import CacheWarning


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def variables(folder) -> dict[str, str]:
    return {"TILEGRAD_CACHE_DIRECTORY": str(folder)}


def compute() -> None:
    """Compute something of several kernels and check it."""
    values = numpy.arange(60, dtype=numpy.float32).reshape(12, 5)
    x = Tensor(values)
    numpy.testing.assert_array_equal((x.T @ x).numpy(), values.T @ values)
    numpy.testing.assert_array_equal(x.cumsum(0).numpy(), values.cumsum(0))
    numpy.testing.assert_array_equal((x - 3).abs().numpy(), abs(values - 3))


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.kernel"))


# --- memory ---


def test_a_result_that_fits_nowhere_is_refused_and_nothing_is_lost():
    huge = Tensor.ones(1 << 20, 1) + Tensor.ones(1, 1 << 26)
    with pytest.raises(OutOfMemoryError, match="Out of memory") as caught:
        huge.realize()
    assert caught.value.mend
    compute()
    with pytest.raises(OutOfMemoryError):
        huge.realize()


def test_temporaries_that_fit_nowhere_are_refused():
    huge = (Tensor.ones(1 << 20, 1) + Tensor.ones(1, 1 << 26)).contiguous()
    with pytest.raises(OutOfMemoryError):
        (huge.flip(0) * huge).sum().numpy()
    compute()


# --- interrupts ---


def test_an_interrupt_anywhere_leaves_the_session_usable(variables):
    """Ctrl-C after ever longer times, in each stage of compiling and running fresh graphs.

    One that comes in a finaliser is told by Python and goes no further.
    """
    process = start(
        """
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        current_session().executor("cpu")
        values = numpy.linspace(-1, 1, 600, dtype=numpy.float32).reshape(20, 30)
        interrupted = completed = 0
        for number in range(40):
            x = Tensor(values)
            y = (x * float(number) + 1).softmax().cumsum(1) @ x.T
            y = y + x.sort(1)[0].sum(1, keepdim=True)
            signal.setitimer(signal.ITIMER_REAL, 0.002 * 1.13**number)
            try:
                y.realize()
                completed += 1
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            check_that_it_works(number + 2)
            scores = numpy.exp(values * float(number) + 1)
            expected = (scores / scores.sum(1, keepdims=True)).cumsum(1) @ values.T
            expected = expected + values.sum(1, keepdims=True)
            numpy.testing.assert_allclose(y.numpy(), expected, rtol=1e-3, atol=1e-4)
        assert interrupted
        """,
        variables,
    )
    finish(process, is_quiet=False)


def test_an_interrupt_in_a_long_kernel(variables):
    process = start(
        """
        x = Tensor.arange(300_000).float().reshape(-1, 1)
        total = (x * x.T).sin().sum()
        print("started", flush=True)
        try:
            total.numpy()
        except KeyboardInterrupt:
            print("interrupted")
        check_that_it_works()
        """,
        variables,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    assert finish(process) == "interrupted\n"


# --- threads and processes ---


def test_threads_may_realise_at_once(variables):
    run(
        """
        problems = []

        def work(number):
            try:
                for size in range(number, number + 12):
                    check_that_it_works(2 + size % 9)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems, problems
        """,
        variables,
    )


def test_a_child_of_a_fork_computes(variables):
    output = run(
        """
        warnings.simplefilter("ignore", DeprecationWarning)
        check_that_it_works()
        x = Tensor(numpy.ones(1000, numpy.float32)) * 3
        child = os.fork()
        if not child:
            check_that_it_works(33)
            assert x.sum().item() == 3000
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        check_that_it_works(44)
        print("done")
        """,
        variables,
    )
    assert output == "done\n"


def test_a_fork_while_other_threads_compute(variables):
    run(
        """
        import faulthandler
        warnings.simplefilter("ignore", DeprecationWarning)
        check_that_it_works()
        stop = threading.Event()

        def work():
            number = 0
            while not stop.is_set():
                number += 1
                x = Tensor(numpy.ones((5, 1 + number % 50), numpy.float32))
                assert (x * float(number)).sum().item() == 5 * (1 + number % 50) * number

        threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(12):
            time.sleep(0.02)
            child = os.fork()
            if not child:
                faulthandler.dump_traceback_later(60, exit=True)  # a hang is told and ended
                check_that_it_works(20 + number)
                os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert status == 0, (number, status)
        stop.set()
        for thread in threads:
            thread.join()
        """,
        variables,
    )


def test_processes_share_a_cache(folder, variables):
    script = """
        for size in range(2, 8):
            check_that_it_works(size)
            values = numpy.ones((size, size), numpy.float32)
            assert (Tensor(values) @ Tensor(values)).sum().item() == size**3
    """
    for process in [start(script, variables) for _ in range(3)]:
        finish(process)
    assert entries(folder)
    assert not list(folder.rglob("*.part"))


def test_a_kill_at_any_moment_leaves_a_cache_that_works(folder, variables):
    script = """
        print("started", flush=True)
        for size in range(2, 40):
            values = numpy.ones((size, size + 1), numpy.float32)
            (Tensor(values).T @ Tensor(values)).realize()
    """
    for number in range(4):
        process = start(script, variables)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.3 + 0.21 * number)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    run(script.replace("realize()", "numpy()"), variables)  # a warning would fail it
    assert len(entries(folder)) >= 38


# --- the cache ---


@pytest.fixture
def session(folder):
    """Make sessions that know nothing but the cache."""

    def make() -> Session:
        return Session(Settings(cache_directory=folder))

    return make


DAMAGES = {
    "flipped": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "truncated": lambda content: content[: len(content) // 2],
    "emptied": lambda _: b"",
    "of another version": lambda content: b"tilegrad kernel 0\n" + content[18:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entries_are_reported_and_compiled_again(folder, session, damage):
    with session().entered():
        compute()
    before = {path: path.read_bytes() for path in entries(folder)}
    for path, content in before.items():
        path.write_bytes(DAMAGES[damage](content))
    with session().entered(), pytest.warns(CacheWarning, match="compiled again"):
        compute()
    assert {path: path.read_bytes()[:18] for path in entries(folder)} == {
        path: content[:18] for path, content in before.items()
    }
    with session().entered():  # a warning would be an error
        compute()


def test_a_second_session_compiles_nothing(session):
    with session().entered():
        compute()
    with session().entered() as second:
        compute()
        executor = second.compiled("cpu")
        assert executor is not None
        assert executor.library.statistics.compiled == 0
        assert executor.library.statistics.found > 0


def test_a_cache_that_cannot_be_written_is_reported_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with Session(Settings(cache_directory=tmp_path / "file")).entered():
        with pytest.warns(CacheWarning) as caught:
            compute()
        assert len([each for each in caught if "cannot be kept" in str(each.message)]) == 1


def test_a_full_disk_costs_the_cache_alone(folder, variables):
    output = run(
        """
        import resource
        from tilegrad.engine.cache import CacheWarning
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))  # as if the disk were full
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_that_it_works()
        assert [each.category for each in caught] == [CacheWarning], caught
        print("File too large" in str(caught[0].message))
        """,
        variables,
    )
    assert output == "True\n"
    assert not list(folder.rglob("*.part"))
    assert not entries(folder)

"""What goes wrong from outside: interrupts, forks, dying threads, the interpreter's end.

Each test runs a script in a process of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PREAMBLE = """
import dataclasses, gc, os, signal, sys, threading, time
import numpy as np
from tests.runtime.cpu.kernels import DIE, MIX, TOIL, load_kernel
from tilegrad.base.errors import DeviceError
from tilegrad.runtime.cpu.device import cpu_device
from tilegrad.runtime.device import Launch

device = cpu_device(threads=3)
counter = np.zeros(1, np.int64)
toil = load_kernel(device, TOIL)

def toil_launch(rounds, blocks, chunk=1):
    return Launch(toil.address("toil"), (counter.ctypes.data, rounds), blocks, chunk)

def toil_recording(rounds, blocks, chunk=1):
    return device.queue.record([[toil_launch(rounds, blocks, chunk)]], keep=(toil,))

def check_that_it_works():
    counter[0] = 0
    recording = toil_recording(10, 1000)
    device.queue.run(recording)
    device.queue.run(recording)
    assert counter[0] == 2000, counter
"""


def start(script: str) -> subprocess.Popen[str]:
    folders = [str(Path.cwd()), *filter(None, sys.path)]
    text = PREAMBLE + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-W", "ignore:This process", "-X", "faulthandler", "-c", text],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    try:
        output, errors = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail("".join(["it hangs\n", *process.communicate()]))
    assert (process.returncode, errors) == (0, ""), output + errors
    return output


@pytest.mark.parametrize("blocks", ["10 ** 9", "10 ** 9, 10 ** 9 // 3"], ids=["many", "few"])
@pytest.mark.parametrize("threads", [1, 3])
def test_interrupt_in_a_long_kernel(blocks, threads):
    """Ctrl-C comes through, nothing works on, and the recording runs again from its beginning."""
    if "//" in blocks:
        blocks = "8, 1"  # eight units of about a second
    rounds = 3000 if blocks.startswith("10") else 10**9
    process = start(f"""
        device = cpu_device(threads={threads})
        toil = load_kernel(device, TOIL)
        recording = toil_recording({rounds}, {blocks})
        print("started", flush=True)
        try:
            device.queue.run(recording)
        except KeyboardInterrupt:
            before = counter[0]
            time.sleep(0.05)
            assert counter[0] == before
            counter[0] = 0
            recording.arguments[1] = 1
            recording.set_blocks(0, 100)
            device.queue.run(recording)
            assert counter[0] == 100
            check_that_it_works()
            print("recovered")
    """)
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGINT)
    assert finish(process) == "recovered\n"


def test_interrupt_while_clearing_up():
    """What the first interrupt's clearing up did not come to, the next run makes up for."""
    output = finish(
        start("""
        def interrupt(*_):
            raise KeyboardInterrupt
        def interrupted_stop(*arguments):
            device.queue._native = native
            native.stop(*arguments)
            raise KeyboardInterrupt
        check_that_it_works()
        native = device.queue._native
        device.queue._native = dataclasses.replace(native, stop=interrupted_stop)
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        recording = toil_recording(1000, 10 ** 9)
        try:
            device.queue.run(recording)
        except KeyboardInterrupt:
            assert device.queue._native is native
            device.queue.run(toil_recording(1, 1))  # nothing works on from here
            check_that_it_works()
            counter[0] = 0
            recording.set_blocks(0, 1000)
            device.queue.run(recording)
            print(counter[0])
    """)
    )
    assert output == "1000\n"


def test_signal_handler_that_computes():
    output = finish(
        start("""
        refusals = []
        other = toil_recording(1, 10 ** 5)
        def handle(*_):
            try:
                device.queue.run(other)
            except DeviceError as error:
                refusals.append(str(error))
        signal.signal(signal.SIGALRM, handle)
        recording = toil_recording(1000, 10 ** 5)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        while not refusals:
            device.queue.run(recording)
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert counter[0] % 10 ** 5 == 0
        check_that_it_works()
        print(refusals[0])
    """)
    )
    assert "running on this very thread" in output


def test_fork():
    output = finish(
        start("""
        check_that_it_works()
        held = device.allocator.allocate(1000)
        child = os.fork()
        check_that_it_works()
        del held
        assert device.allocator.statistics().live == 0
        if child:
            _, status = os.waitpid(child, 0)
            print("child", os.waitstatus_to_exitcode(status))
    """)
    )
    assert output == "child 0\n"


def test_fork_while_another_thread_runs():
    output = finish(
        start("""
        recording = toil_recording(1000, 10 ** 4)
        device.queue.run(recording)
        stopping = threading.Event()
        def work():
            while not stopping.is_set():
                device.queue.run(recording)
                load_kernel(device, MIX)
                device.allocator.allocate(100_000)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        for _ in range(10):
            time.sleep(0.01)
            child = os.fork()
            if not child:
                check_that_it_works()
                counter[0] = 0
                device.queue.run(recording)
                assert counter[0] == 10 ** 4
                load_kernel(device, MIX)
                device.allocator.allocate(100_000)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        stopping.set()
        thread.join()
        print("done")
    """)
    )
    assert output == "done\n"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the kernel makes an x86-64 system call")
def test_dead_worker():
    output = finish(
        start("""
        die = load_kernel(device, DIE)
        for _ in range(3):
            counter[0] = 0
            arguments = (counter.ctypes.data, threading.get_native_id())
            launch = Launch(die.address("die"), arguments, 2, 1)
            try:
                device.queue.run(device.queue.record([[launch]], keep=(die,)))
            except DeviceError as error:
                print(error)
            check_that_it_works()
        gc.collect()
    """)
    )
    assert output.count("A worker thread died in the middle of a kernel [TG401]") == 3


@pytest.mark.parametrize(
    "ending",
    [
        "check_that_it_works()",
        "check_that_it_works(); sys.exit(0)",
        "check_that_it_works(); device.queue.close(); check_that_it_works()",
        "check_that_it_works(); del device; gc.collect(); assert threading.active_count() == 1",
        "threading.Thread(target=check_that_it_works).start()",
        "device.allocator.allocate(10 ** 7).array()[:] = 1; globals()['kept'] = [device]",
    ],
)
def test_ending(ending):
    assert finish(start(ending)) == ""


def test_several_threads_share_the_queue():
    output = finish(
        start("""
        counters = np.zeros((4, 16), np.int64)
        def work(index):
            arguments = (counters[index].ctypes.data, 10)
            launch = Launch(toil.address("toil"), arguments, 100, 1)
            recording = device.queue.record([[launch]] * 3, keep=(toil,))
            for _ in range(100):
                device.queue.run(recording)
        threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(counters[:, 0].tolist())
    """)
    )
    assert output == "[30000, 30000, 30000, 30000]\n"


def test_no_thread_can_be_started():
    output = finish(
        start("""
        def refuse(self):
            raise RuntimeError("can't start new thread")
        start, threading.Thread.start = threading.Thread.start, refuse
        try:
            device.queue.run(toil_recording(1, 1))
        except DeviceError as error:
            print(error)
        threading.Thread.start = start
        check_that_it_works()
    """)
    )
    assert "refuses to start another thread" in output

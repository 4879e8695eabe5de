"""The worker threads.

They are Python threads, each of which enters native code once, letting go of the interpreter's
lock, and comes back when the pool is shut down.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tilegrad.base.errors import DeviceError
from tilegrad.runtime.cpu import layout
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.loader import Loaded
from tilegrad.runtime.cpu.native import native_source
from tilegrad.runtime.cpu.target import CpuTarget, Optimisation
from tilegrad.runtime.device import BinaryCache

_JOIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Native:
    """The native functions (see `native/`); calling one lets other Python threads run."""

    run: Callable[[ctypes.c_size_t, ctypes.c_size_t], int]
    stop: Callable[[ctypes.c_size_t, ctypes.c_size_t], int]
    worker: Callable[[int, int], int]
    shutdown: Callable[[int], int]
    code: Loaded

    @classmethod
    def load(cls, target: CpuTarget, cache: BinaryCache | None = None) -> Native:
        """Compile and load them; the cache keeps them for other processes.

        Without optimisation: measured, that takes a sixth of the time (5 ms for 30), and makes a
        parallel region slower by 0.1 microseconds.
        """
        compiler = CpuCompiler(target, Optimisation.NONE)
        source = native_source(target.architecture)
        digest = hashlib.blake2b(source.encode(), digest_size=16).hexdigest()
        key = f"native {compiler.key} {digest}"
        binary = None if cache is None else cache.get(key)
        if binary is None:
            binary = compiler.compile(source)
            if cache is not None:
                cache.put(key, binary)
        code = compiler.load(binary)
        two = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_size_t, ctypes.c_size_t)
        one = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_size_t)
        return cls(
            run=two(code.address("run")),
            stop=two(code.address("stop")),
            worker=two(code.address("worker")),
            shutdown=one(code.address("shutdown")),
            code=code,
        )


class WorkerPool:
    """One generation of workers and the memory by which they are steered.

    They end when this is dropped, and before the interpreter does. Native functions know it by its
    handle.

    Args:
        native: the functions.
        workers: how many threads there are besides the caller's.
        spin_ns: how long workers and the caller look for news without a break, nanoseconds.
        yield_ns: how long they look for news in all before they sleep, other threads that wait for
            the processor going first after `spin_ns`.
        slice_ns: after how long a call returns to let Python see signals, nanoseconds.

    Raises:
        DeviceError: the system refuses to start a thread.
    """

    def __init__(
        self, native: Native, workers: int, *, spin_ns: int, yield_ns: int, slice_ns: int
    ) -> None:
        self._memory = layout.SharedWords(layout.POOL_WORDS + workers * layout.WORKER_WORDS)
        self._words = self._memory.words
        self.handle = self._memory.handle
        self._native = native
        self._words[layout.WORKERS] = workers
        self._words[layout.SPIN_NS] = spin_ns
        self._words[layout.YIELD_NS] = yield_ns
        self._words[layout.SLICE_NS] = slice_ns
        self._threads: list[threading.Thread] = []
        self._ending = weakref.finalize(self, _end, native, self._memory, self._threads)
        for index in range(workers):
            self._start(index)

    def _start(self, index: int) -> None:
        thread = threading.Thread(
            target=_live,
            args=(self._native, self._memory, index),
            name=f"tilegrad-cpu-{index + 1}",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError as error:
            self.close()
            raise DeviceError(
                "The system refuses to start another thread",
                got=f"{index} workers and the caller",
                expected=f"{self._words[layout.WORKERS]} workers",
                mend="use fewer threads, or raise the limit on processes (ulimit -u)",
            ) from error
        self._threads.append(thread)

    def close(self) -> None:
        """End the workers and wait for them."""
        self._ending()

    def forget(self) -> None:
        """Let go of workers that do not exist, as in the child of a fork."""
        self._ending.detach()

    def replace_dead(self) -> bool:
        """Replace workers whose threads are gone; say whether one went in the middle of work.

        Such a worker's unit was never done, so what it computed is lost.
        """
        has_lost_work = False
        for index in range(self._words[layout.WORKERS]):
            start = layout.POOL_WORDS + index * layout.WORKER_WORDS
            if not _is_dead(self._words[start + layout.THREAD]):
                continue
            has_lost_work |= bool(self._words[start + layout.BUSY])
            for field in (layout.THREAD, layout.BUSY, layout.CHOICE):
                self._words[start + field] = 0
            self._start(index)
        return has_lost_work


def _live(native: Native, memory: layout.SharedWords, index: int) -> None:
    """Be a worker."""
    native.worker(memory.address, index)


def _is_dead(thread: int) -> bool:
    """Say whether a thread of this process, by the system's number, is gone; 0 is not started."""
    return thread != 0 and not Path(f"/proc/self/task/{thread}").exists()


def _end(native: Native, memory: layout.SharedWords, threads: list[threading.Thread]) -> None:
    """Tell the workers to leave, and wait for those that can, but not for ever."""
    native.shutdown(memory.address)
    latest = time.monotonic() + _JOIN_SECONDS
    for thread in threads:
        number = thread.native_id
        if number is not None and not _is_dead(number):
            thread.join(max(latest - time.monotonic(), 0.0))

"""Running recordings: one native call each, and what happens when something goes wrong."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence

from tilegrad.base.errors import DeviceError
from tilegrad.runtime.cpu.pool import Native, WorkerPool
from tilegrad.runtime.cpu.recording import CpuRecording
from tilegrad.runtime.cpu.target import CpuTarget
from tilegrad.runtime.device import BinaryCache, Given, Launch

# Waking a thread that sleeps takes up to a tenth of a millisecond. Between two replays of a step,
# or while another thread ends its unit, a worker should be awake; then it costs no one anything.
_SPIN_NS = 50_000
_YIELD_NS = 2_000_000
_SLICE_NS = 50_000_000


class CpuQueue:
    """Runs recordings on the calling thread and the workers, one recording at a time.

    The workers start with the first run. After `fork`, the child starts its own.

    Args:
        target: this machine; its `threads` is how many work, the calling one included.
        cache: keeps the native functions, or None.
    """

    def __init__(self, target: CpuTarget, cache: BinaryCache | None = None) -> None:
        self._target = target
        self._cache = cache
        self._native: Native | None = None
        self._pool: WorkerPool | None = None
        self._lock = threading.RLock()
        self._is_inside = False
        self._unfinished: CpuRecording | None = None
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _start_afresh(reference()))

    def record(
        self,
        groups: Sequence[Sequence[Launch]],
        *,
        keep: Sequence[object] = (),
        is_timed: bool = False,
    ) -> CpuRecording:
        """Make a recording for this queue; see `CpuRecording`."""
        return CpuRecording(groups, keep=keep, is_timed=is_timed)

    def run(
        self,
        recording: CpuRecording,
        prepare: Callable[[*Given], None] | None = None,
        given: tuple[*Given] | tuple[()] = (),
    ) -> None:
        """Run a recording and return when all is done.

        An exception that a signal handler raises (KeyboardInterrupt) comes through once no thread
        is inside a kernel any more; the recording can then be run again from its beginning.

        Args:
            recording: what to run.
            prepare: is called before, when it is this thread's turn: it may patch the recording,
                and nobody else does or runs it meanwhile, a signal handler neither.
            given: what `prepare` is called with.

        Raises:
            DeviceError: a worker thread died while it worked, or this thread is already inside
                `run` (a signal handler called it).
        """
        with self._lock:
            if self._is_inside:
                raise DeviceError(
                    "The queue is running on this very thread",
                    mend="do not compute in a signal handler or a finaliser",
                )
            self._is_inside = True
            try:
                native, pool = self._native, self._pool
                if native is None or pool is None or self._unfinished is not None:
                    native, pool = self._prepare()
                if prepare is not None:
                    prepare(*given)
                self._unfinished = recording
                if recording.is_timed:
                    recording.clear_times()
                while native.run(pool.handle, recording.handle):
                    self._check(pool)
                self._unfinished = None
            except BaseException:
                self._stop()
                raise
            finally:
                self._is_inside = False

    def close(self) -> None:
        """End the workers; the next run starts new ones."""
        with self._lock:
            self._stop()
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def _prepare(self) -> tuple[Native, WorkerPool]:
        if self._native is None:
            self._native = Native.load(self._target, self._cache)
        if self._pool is None:
            self._pool = WorkerPool(
                self._native,
                self._target.threads - 1,
                spin_ns=_SPIN_NS,
                yield_ns=_YIELD_NS,
                slice_ns=_SLICE_NS,
            )
        if self._unfinished is not None:
            self._stop()  # a second interrupt cut the first one's clearing up short
        return self._native, self._pool

    def _check(self, pool: WorkerPool) -> None:
        if pool.replace_dead():
            raise DeviceError(
                "A worker thread died in the middle of a kernel",
                got="results of this run that are not complete",
                mend="run it again: a new worker has taken its place",
            )

    def _stop(self) -> None:
        """Let the units that are being executed end, and set the recording to its beginning."""
        recording, native, pool = self._unfinished, self._native, self._pool
        if recording is None or native is None or pool is None:
            return
        while native.stop(pool.handle, recording.handle):
            pool.replace_dead()
        self._unfinished = None


def _start_afresh(queue: CpuQueue | None) -> None:
    """Put a queue right in the child of a fork, where only the forking thread goes on."""
    if queue is not None:
        queue._lock = threading.RLock()  # noqa: SLF001
        queue._is_inside = False  # noqa: SLF001
        if queue._pool is not None:  # noqa: SLF001
            queue._pool.forget()  # noqa: SLF001
            queue._pool = None  # noqa: SLF001

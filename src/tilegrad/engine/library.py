"""Compiled kernels: from tile program to callable code, through the cache."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from tilegrad.base.events import KernelCompiled
from tilegrad.base.trace import Trace
from tilegrad.engine.cache import DiskCache
from tilegrad.ir.digest import digest
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops.tile import ProgramAttributes
from tilegrad.runtime import device as runtime

_SWITCH_SECONDS = 0.00005
"""How long Python keeps other threads waiting while it plans: to compile a kernel takes a dozen
calls, after each of which the thread wants Python again, for microseconds."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Callable code of a tile program.

    Attributes:
        name: of its native function.
        address: handle of the function.
        finish: handle of the function for the end, or 0.
        binary: what keeps the code alive.
    """

    name: str
    address: int
    finish: int
    binary: runtime.Program


@dataclass(slots=True)
class Statistics:
    """What has been compiled so far.

    Attributes:
        compiled: kernels that were compiled.
        found: kernels that the cache on disk had.
        binary_bytes: size of the native code of all of them.
        seconds: how long others waited for it, on the clock.
    """

    compiled: int = 0
    found: int = 0
    binary_bytes: int = 0
    seconds: float = 0.0


class _Begun(NamedTuple):
    """A kernel that is being compiled.

    Attributes:
        program: its program.
        source: its text.
        start_ns: when its source began to be written.
        binary: the native code to be, and when it was there.
    """

    program: Node
    source: str
    start_ns: int
    binary: Future[tuple[bytes, int]]


class Library:
    """All kernels of a device.

    Args:
        compiler: the device's.
        write: gives the source text of a tile program, whose function has the given name.
        cache: kernels on disk, or None.
        trace: is told of every kernel.
        threads: how many kernels are compiled at once; one thread is the caller's.
        generator: says which code generator ``write`` is; part of the keys in ``cache``.
    """

    def __init__(
        self,
        compiler: runtime.Compiler,
        write: Callable[[Node, str], str],
        cache: DiskCache | None,
        trace: Trace,
        threads: int = 2,
        generator: str = "",
    ) -> None:
        self.compiler = compiler
        self.write = write
        self.cache = cache
        self.trace = trace
        self.threads = threads
        self.generator = generator
        self.statistics = Statistics()
        self._kernels: dict[str, Kernel] = {}
        self._begun: dict[str, _Begun] = {}
        self._pool: ThreadPoolExecutor | None = None

    def get(self, program: Node) -> Kernel:
        """Return the kernel of a tile program."""
        return self.get_all([program])[0]

    def get_all(self, programs: Iterable[Node]) -> list[Kernel]:
        """Return the kernels of tile programs; what is missing is compiled, several at a time."""
        wanted = list(programs)
        if any(digest(program) not in self._kernels for program in wanted):
            with self.compiling():
                for program in wanted:
                    self.begin(program)
                start = time.perf_counter()
                while self._begun:
                    # From the last one, which nobody has begun yet: this thread compiles, too.
                    key = next(reversed(self._begun))
                    self._finish(key, self._begun[key])
                    del self._begun[key]
                self.statistics.seconds += time.perf_counter() - start
        return [self._kernels[digest(program)] for program in wanted]

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Compile what is begun in a ``with`` statement while the statement goes on.

        LLVM runs beside Python: a thread fewer than there are, so that none waits while the caller
        plans, on which the others depend. What has not been asked for at the end is forgotten.
        """
        if self._pool is not None:
            yield
            return
        pool = ThreadPoolExecutor(max(1, self.threads - 1))
        interval = sys.getswitchinterval()
        try:
            self._pool = pool
            sys.setswitchinterval(min(interval, _SWITCH_SECONDS))
            yield
        finally:
            # Ctrl-C may come between any two of these: a pool is let go before it ends, and its
            # futures before they are cancelled, so that nobody can ask either for more.
            self._pool = None
            self._begun.clear()
            sys.setswitchinterval(interval)
            pool.shutdown(cancel_futures=True)

    def begin(self, program: Node) -> None:
        """Begin to compile a tile program that will be asked for, if ``compiling`` is in force."""
        key = digest(program)
        if self._pool is None or key in self._kernels or key in self._begun:
            return
        start = time.perf_counter_ns()
        binary = None if self.cache is None else self.cache.get(self._cache_key(key))
        if binary is not None:
            self.statistics.found += 1
            self._load(key, program, binary, 0, (start, time.perf_counter_ns()))
        else:
            source = self.write(program, _symbol(program, key))
            future = self._pool.submit(self._compile, key, source)
            self._begun[key] = _Begun(program, source, start, future)
        self.statistics.seconds += (time.perf_counter_ns() - start) * 1e-9

    def _compile(self, key: str, source: str) -> tuple[bytes, int]:
        """Return native code, which is in the cache now, and when it was there."""
        binary, end = self.compiler.compile(source), time.perf_counter_ns()
        if self.cache is not None:
            self.cache.put(self._cache_key(key), binary)
        return binary, end

    def _finish(self, key: str, begun: _Begun) -> None:
        is_left = begun.binary.cancel()
        binary, end = self._compile(key, begun.source) if is_left else begun.binary.result()
        self.statistics.compiled += 1
        self._load(key, begun.program, binary, len(begun.source), (begun.start_ns, end))

    def _load(
        self, key: str, program: Node, binary: bytes, source_bytes: int, times: tuple[int, int]
    ) -> None:
        loaded = self.compiler.load(binary)
        self.statistics.binary_bytes += len(binary)
        symbol = _symbol(program, key)
        has_finish = attributes_of(program, ProgramAttributes).has_finish
        self._kernels[key] = Kernel(
            symbol,
            loaded.address(symbol),
            loaded.address(f"{symbol}_finish") if has_finish else 0,
            loaded,
        )
        if self.trace.enabled:
            self.trace.emit(
                KernelCompiled(
                    start_ns=times[0],
                    end_ns=times[1],
                    kernel=symbol,
                    device="cpu",
                    was_cached=source_bytes == 0,
                    source_bytes=source_bytes,
                    binary_bytes=len(binary),
                )
            )

    def _cache_key(self, key: str) -> str:
        return f"{self.generator} {self.compiler.key} {key}"


def _symbol(program: Node, key: str) -> str:
    return f"{attributes_of(program, ProgramAttributes).name}_{key[:12]}"

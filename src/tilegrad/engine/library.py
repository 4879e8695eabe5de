"""Compiled kernels: from tile program to callable code, through the cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tilegrad.base.events import KernelCompiled
from tilegrad.base.trace import Trace
from tilegrad.engine.cache import DiskCache
from tilegrad.ir.digest import digest
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops.tile import ProgramAttributes
from tilegrad.runtime import device as runtime

GENERATOR = "4"
"""Version of the code generator: part of every key; raised when equal programs give other code."""


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
        seconds: how long it took, on the clock.
    """

    compiled: int = 0
    found: int = 0
    binary_bytes: int = 0
    seconds: float = 0.0


class Library:
    """All kernels of a device.

    Args:
        compiler: the device's.
        write: gives the source text of a tile program, whose function has the given name.
        cache: kernels on disk, or None.
        trace: is told of every kernel.
        workers: how many kernels are compiled at once.
    """

    def __init__(
        self,
        compiler: runtime.Compiler,
        write: Callable[[Node, str], str],
        cache: DiskCache | None,
        trace: Trace,
        workers: int = 2,
    ) -> None:
        self.compiler = compiler
        self.write = write
        self.cache = cache
        self.trace = trace
        self.workers = workers
        self.statistics = Statistics()
        self._kernels: dict[str, Kernel] = {}

    def get(self, program: Node) -> Kernel:
        """Return the kernel of a tile program."""
        return self.get_all([program])[0]

    def get_all(self, programs: Iterable[Node]) -> list[Kernel]:
        """Return the kernels of tile programs; what is missing is compiled, several at a time."""
        wanted = list(programs)
        missing = {
            digest(program): program for program in wanted if digest(program) not in self._kernels
        }
        if missing:
            start = time.perf_counter()
            self._add(missing)
            self.statistics.seconds += time.perf_counter() - start
        return [self._kernels[digest(program)] for program in wanted]

    def _add(self, missing: dict[str, Node]) -> None:
        compiling: dict[str, tuple[Node, str, int]] = {}
        for key, program in missing.items():
            start = time.perf_counter_ns()
            binary = None if self.cache is None else self.cache.get(self._cache_key(key))
            if binary is not None:
                self.statistics.found += 1
                self._load(key, program, binary, 0, start)
            else:
                compiling[key] = (program, self.write(program, _symbol(program, key)), start)
        if len(compiling) == 1:
            for key, (program, source, start) in compiling.items():
                self._finish(key, program, source, self.compiler.compile(source), start)
        elif compiling:
            with ThreadPoolExecutor(self.workers) as pool:
                sources = [source for _, source, _ in compiling.values()]
                binaries = pool.map(self.compiler.compile, sources)
                for (key, (program, source, start)), binary in zip(
                    compiling.items(), binaries, strict=True
                ):
                    self._finish(key, program, source, binary, start)

    def _finish(self, key: str, program: Node, source: str, binary: bytes, start: int) -> None:
        self.statistics.compiled += 1
        if self.cache is not None:
            self.cache.put(self._cache_key(key), binary)
        self._load(key, program, binary, len(source), start)

    def _load(self, key: str, program: Node, binary: bytes, source_bytes: int, start: int) -> None:
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
                    start_ns=start,
                    end_ns=time.perf_counter_ns(),
                    kernel=symbol,
                    device="cpu",
                    was_cached=source_bytes == 0,
                    source_bytes=source_bytes,
                    binary_bytes=len(binary),
                )
            )

    def _cache_key(self, key: str) -> str:
        return f"{GENERATOR} {self.compiler.key} {key}"


def _symbol(program: Node, key: str) -> str:
    return f"{attributes_of(program, ProgramAttributes).name}_{key[:12]}"

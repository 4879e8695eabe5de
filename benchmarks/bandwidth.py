"""How fast this machine moves bytes: a yardstick for what memory bounds, none of our kernels.

Memory gives another rate to what reads than to what reads and writes, and it gives another one
from minute to minute, as others on the same host use it too. So a case is compared, turn by turn,
with loops that read and write as many bytes as it must, and do nothing else that takes time.
There are several of these, as no one is the fastest everywhere. Which one is, is found once, in
turns: the best of several at every measurement would be that which met the best moment.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import host_target

LINE, LINES = 64, 4
"""Bytes of a line of the caches, and how many of them a round of a loop moves."""
KIND = f"<{LINE // 8} x i64>"
AHEAD = 4096
"""So many bytes ahead a loop asks for what it reads, if it asks."""
ALIGNMENT = 1 << 21
"""Arrays begin on huge pages."""
MOST_SOURCES = 3
TRIALS = 9
"""So often each loop is tried."""


class Yardstick:
    """Loops that read and write as many bytes as a case.

    Args:
        read: bytes that are read.
        written: bytes that are written.
        threads: how many share the work.
    """

    def __init__(self, read: float, written: float, threads: int) -> None:
        count = min(MOST_SOURCES, round(read / written)) if written else 1
        part = int(written or read) // threads // (LINE * LINES) * LINE * LINES
        arrays = [_make_array(part * threads) for _ in range(count + (written > 0))]
        # Of what is moved: a case may read a little more than a multiple of what it writes.
        self._scale = (read + written) / (len(arrays) * part * threads)
        self._threads = threads
        starts = [[array.ctypes.data + part * one for array in arrays] for one in range(threads)]
        result = np.zeros((threads, LINE), np.uint8)
        ends = [] if written else [result.ctypes.data + LINE * one for one in range(threads)]
        self._keep = arrays, result
        self._loops = [
            _compile(count, is_written=written > 0, is_past_caches=is_past, is_ahead=is_ahead)
            for is_past, is_ahead in itertools.product((True, False), repeat=2)
            if written or is_past  # what only reads has no choice there
        ]
        self._arguments = [
            [*start, *([] if written else [ends[one]]), part] for one, start in enumerate(starts)
        ]

    def measure(self, seconds: float) -> float:
        """Return the mean seconds that the fastest loop takes, by repeating it for a time."""
        with ThreadPoolExecutor(self._threads) as pool:
            return self._repeat(pool, self._fastest, seconds) * self._scale

    @functools.cached_property
    def _fastest(self) -> Callable[..., None]:
        """The loop that takes the least time in the median, all of them in turns."""
        with ThreadPoolExecutor(self._threads) as pool:
            times = [[self._time(pool, loop, 1) for loop in self._loops] for _ in range(TRIALS)]
        medians = [statistics.median(each) for each in zip(*times, strict=True)]
        return self._loops[medians.index(min(medians))]

    def _repeat(self, pool: ThreadPoolExecutor, loop: Callable[..., None], seconds: float) -> float:
        """Return the mean seconds of a loop; threads do not wait for each other in between."""
        once = self._time(pool, loop, 1)
        count = max(1, round(seconds / once))
        return self._time(pool, loop, count) / count

    def _time(self, pool: ThreadPoolExecutor, loop: Callable[..., None], count: int) -> float:
        def run(arguments: list[int]) -> None:
            for _ in range(count):
                loop(*arguments)

        start = time.perf_counter()
        list(pool.map(run, self._arguments))
        return time.perf_counter() - start


def _make_array(size: int) -> np.ndarray:
    """Return memory that is there and begins on a huge page."""
    spare = np.ones(size + ALIGNMENT, np.uint8)  # NumPy asks for huge pages where it is large
    first = -spare.ctypes.data % ALIGNMENT
    return spare[first : first + size]


def _compile(
    sources: int, *, is_written: bool, is_past_caches: bool, is_ahead: bool
) -> Callable[..., None]:
    """Return a loop: takes the addresses of its sources and of its result, and how many bytes."""
    compiler = CpuCompiler(host_target())
    text = _write_loop(sources, is_written, is_past_caches, is_ahead)
    loaded = compiler.load(compiler.compile(text))
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * (sources + 2))
    function = kind(loaded.address("move"))
    function.keeper = loaded  # type: ignore[attr-defined]
    return function


def _write_loop(sources: int, is_written: bool, is_past_caches: bool, is_ahead: bool) -> str:
    """Return LLVM IR; what only reads leaves the bits of all that it read in its result."""
    names = [f"ptr %source{number}" for number in range(sources)]
    body: list[str] = []
    for line in range(LINES):
        body.append(f"%at{line} = add i64 %at, {LINE * line}")
        for number in range(sources):
            body += _write_read(line, number, is_ahead=is_ahead)
            before = f"%line{line}.{number - 1}"
            if not number:
                before = "zeroinitializer" if is_written else f"%total{line}"
            read = f"%line{line}.{number}"
            body.append(f"{read} = or {KIND} {before}, {read}.value")
        if is_written:
            hint = ", !nontemporal !0" if is_past_caches else ""
            body += [
                f"%to{line} = getelementptr i8, ptr %result, i64 %at{line}",
                f"store {KIND} %line{line}.{sources - 1}, ptr %to{line}, align {LINE}{hint}",
            ]
    totals = [] if is_written else [f"%line{line}.{sources - 1}" for line in range(LINES)]
    lines = [
        f"define void @move({', '.join(names)}, ptr %result, i64 %size) {{",
        "entry:",
        "br label %loop",
        "loop:",
        "%at = phi i64 [ 0, %entry ], [ %next, %loop ]",
        *(
            f"%total{line} = phi {KIND} [ zeroinitializer, %entry ], [ {total}, %loop ]"
            for line, total in enumerate(totals)
        ),
        *body,
        f"%next = add i64 %at, {LINE * LINES}",
        "%again = icmp ult i64 %next, %size",
        "br i1 %again, label %loop, label %end",
        "end:",
        *_write_total(totals),
        "ret void",
        "}",
        "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)",
        "!0 = !{i32 1}",
    ]
    return "\n".join(lines)


def _write_read(line: int, number: int, *, is_ahead: bool) -> Iterator[str]:
    """Yield what reads a line of a source, and asks for what comes later."""
    name = f"%line{line}.{number}"
    yield f"{name}.place = getelementptr i8, ptr %source{number}, i64 %at{line}"
    yield f"{name}.value = load {KIND}, ptr {name}.place, align {LINE}"
    if is_ahead:
        yield f"{name}.next = getelementptr i8, ptr {name}.place, i64 {AHEAD}"
        yield f"call void @llvm.prefetch.p0(ptr {name}.next, i32 0, i32 3, i32 1)"


def _write_total(totals: Sequence[str]) -> Iterator[str]:
    """Yield what joins the bits of several totals, and stores them."""
    before = "zeroinitializer"
    for number, total in enumerate(totals):
        yield f"%all{number} = or {KIND} {before}, {total}"
        before = f"%all{number}"
    if totals:
        yield f"store {KIND} {before}, ptr %result, align 1"

"""How fast this machine moves bytes: a yardstick for what memory bounds, none of our kernels.

Memory gives another rate to what reads than to what reads and writes, and it gives another one
from minute to minute, as others on the same host use it too. So a case is compared, turn by turn,
with loops that read and write as many bytes as it must, and do nothing else that takes time.
There are several of these, as no one is the fastest everywhere; the best counts.
"""

from __future__ import annotations

import ctypes
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import host_target

LINE, LINES = 64, 4
"""Bytes of a line of the caches, and how many of them a round of a loop moves."""
AHEAD = 4096
"""So many bytes ahead a loop asks for what it reads, if it asks."""
ALIGNMENT = 1 << 21
"""Arrays begin on huge pages."""
MOST_SOURCES = 3

Move = Callable[[int], None]


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
        """Return the seconds that the fastest loop takes, by trying each for a share of a time."""
        share = seconds / len(self._loops)
        with ThreadPoolExecutor(self._threads) as pool:
            found = [self._repeat(pool, loop, share) for loop in self._loops]
        return min(found) * self._scale

    def _repeat(self, pool: ThreadPoolExecutor, loop: Callable[..., None], share: float) -> float:
        """Return the mean seconds of a loop; threads do not wait for each other in between."""
        once = self._time(pool, loop, 1)
        count = max(1, round(share / once))
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
    kind = f"<{LINE // 8} x i64>"
    names = [f"%source{number}" for number in range(sources)]
    body: list[str] = []
    totals = []
    for line, number in itertools.product(range(LINES), range(sources)):
        name = f"%line{line}.{number}"
        place = f"{name}.at = getelementptr i8, ptr {names[number]}, i64 %at{line}"
        body += [place, f"{name}.read = load {kind}, ptr {name}.at, align {LINE}"]
        if is_ahead:
            body += [
                f"{name}.next = getelementptr i8, ptr {name}.at, i64 {AHEAD}",
                f"call void @llvm.prefetch.p0(ptr {name}.next, i32 0, i32 3, i32 1)",
            ]
        before = f"%line{line}.{number - 1}" if number else f"%total{line}"
        first = "zeroinitializer" if is_written and not number else before
        body.append(f"{name} = or {kind} {first}, {name}.read")
        if number == sources - 1:
            totals.append(name)
            if is_written:
                hint = ", !nontemporal !0" if is_past_caches else ""
                target = f"%line{line}.to"
                body += [
                    f"{target} = getelementptr i8, ptr %result, i64 %at{line}",
                    f"store {kind} {name}, ptr {target}, align {LINE}{hint}",
                ]
    phis = (
        []
        if is_written
        else [
            f"%total{line} = phi {kind} [ zeroinitializer, %entry ], [ {total}, %loop ]"
            for line, total in enumerate(totals)
        ]
    )
    ending = (
        []
        if is_written
        else [
            f"%all0 = or {kind} {totals[0]}, {totals[1]}",
            f"%all1 = or {kind} {totals[2]}, {totals[3]}",
            f"%all = or {kind} %all0, %all1",
            f"store {kind} %all, ptr %result, align 1",
        ]
    )
    places = [f"%at{line} = add i64 %at, {LINE * line}" for line in range(LINES)]
    lines = [
        f"define void @move({', '.join(f'ptr {each}' for each in names)}, ptr %result, i64 %size)",
        "{",
        "entry:",
        "br label %loop",
        "loop:",
        "%at = phi i64 [ 0, %entry ], [ %next, %loop ]",
        *phis,
        *places,
        *body,
        f"%next = add i64 %at, {LINE * LINES}",
        "%again = icmp ult i64 %next, %size",
        "br i1 %again, label %loop, label %end",
        "end:",
        *ending,
        "ret void",
        "}",
        "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)",
        "!0 = !{i32 1}",
    ]
    return "\n".join(lines)

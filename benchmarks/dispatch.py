"""What running costs besides the kernels: allocation, dispatch, replay, compiling and loading.

Prints medians; run it with nothing else on the machine: ``python benchmarks/dispatch.py``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tilegrad.runtime.cpu.device import CpuDevice, cpu_device
from tilegrad.runtime.device import Launch

EMPTY = """
define void @empty(ptr %arguments, i64 %begin, i64 %end) nounwind {
  ret void
}
"""
SCALE = """
define void @scale(ptr %arguments, i64 %begin, i64 %end) nounwind {
entry:
  %source = load ptr, ptr %arguments
  %result.at = getelementptr i64, ptr %arguments, i64 1
  %result = load ptr, ptr %result.at
  br label %block
block:
  %index = phi i64 [ %begin, %entry ], [ %next, %block ]
  %from = getelementptr <16 x float>, ptr %source, i64 %index
  %to = getelementptr <16 x float>, ptr %result, i64 %index
  %value = load <16 x float>, ptr %from, align 64
  %scaled = fmul <16 x float> %value, splat (float 3.25)
  store <16 x float> %scaled, ptr %to, align 64
  %next = add i64 %index, 1
  %is.more = icmp slt i64 %next, %end
  br i1 %is.more, label %block, label %done
done:
  ret void
}
"""
SCALE_BY = np.float32(3.25)


def measure(action: Callable[[], object], repeats: int = 5000) -> float:
    """Return the median time of a call in microseconds."""
    clock, times = time.perf_counter_ns, []
    for _ in range(repeats):
        start = clock()
        action()
        times.append(clock() - start)
    return statistics.median(times) / 1e3


def show(what: str, microseconds: float) -> None:
    """Print one row."""
    print(f"{what:<64}{microseconds:>10.2f} us")


def measure_dispatch(device: CpuDevice) -> None:
    """Empty kernels, so that only the dispatch remains."""
    program = device.compiler.load(device.compiler.compile(EMPTY))
    kernel = program.address("empty")
    threads = device.target.threads

    def run(groups: list[list[Launch]]) -> float:
        recording = device.queue.record(groups, keep=(program,))
        return measure(lambda: device.queue.run(recording))

    one = Launch(kernel, (0,), 1, 1)
    both = Launch(kernel, (0,), threads, 1)
    show("run: nothing", run([]))
    show("run: 1 launch of one unit", run([[one]]))
    show(f"run: 1 launch of {threads} units on {threads} threads", run([[both]]))
    show("run: 20 launches of one unit", run([[one]] * 20))
    show(f"run: 20 launches of {threads} units", run([[both]] * 20))
    show("run: 1 group of 200 launches of one unit", run([[one] * 200]))
    recording = device.queue.record([[one]])
    show("find an argument", measure(lambda: recording.place_of(0, 0)))
    show("set_blocks", measure(lambda: recording.set_blocks(0, 1)))


def measure_work(device: CpuDevice) -> None:
    """Small real kernels one after the other, each reading what the one before wrote."""
    program = device.compiler.load(device.compiler.compile(SCALE))
    for elements in (1 << 10, 1 << 16):
        buffers = [device.allocator.allocate(4 * elements) for _ in range(2)]
        for buffer in buffers:
            buffer.array().view(np.float32)[:] = 0
        blocks = elements // 16
        chunk = blocks if elements < 1 << 14 else blocks // device.target.threads
        there, back = (tuple(b.address for b in pair) for pair in (buffers, buffers[::-1]))
        groups = [[Launch(program.address("scale"), args, blocks, chunk)] for args in (there, back)]
        recording = device.queue.record(groups * 10, keep=(program, *buffers))
        show(
            f"run: 20 kernels over {elements} floats",
            measure(lambda r=recording: device.queue.run(r)),
        )
        array = np.zeros(elements, np.float32)
        result = np.zeros(elements, np.float32)
        show(
            f"  NumPy's multiply over {elements} floats, 20 times",
            20 * measure(lambda a=array, r=result: np.multiply(a, SCALE_BY, out=r)),
        )


def measure_memory(device: CpuDevice) -> None:
    """Taking and returning memory that is kept."""
    for size in (1 << 10, 1 << 20, 1 << 26):
        show(
            f"allocate and free {size} bytes", measure(lambda n=size: device.allocator.allocate(n))
        )
    buffer = device.allocator.allocate(1 << 10)
    show("view a buffer as an array", measure(buffer.array))


def measure_compiler(device: CpuDevice) -> None:
    """One small kernel."""
    binary = device.compiler.compile(SCALE)
    show("compile a kernel", measure(lambda: device.compiler.compile(SCALE), 50))
    with ThreadPoolExecutor(device.target.threads) as pool:
        show(
            f"compile 16 kernels on {device.target.threads} threads",
            measure(lambda: list(pool.map(device.compiler.compile, [SCALE] * 16)), 10),
        )
    show("load and unload an object", measure(lambda: device.compiler.load(binary), 200))


def main() -> None:
    """Measure everything."""
    device = cpu_device()
    print(device.target)
    measure_dispatch(device)
    measure_work(device)
    measure_memory(device)
    measure_compiler(device)


if __name__ == "__main__":
    main()

"""The allocator: alignment, reuse, limits, statistics, threads and collection."""

from __future__ import annotations

import gc
import itertools
import random
import resource
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.base.errors import ArgumentError, OutOfMemoryError
from tilegrad.base.events import BufferAllocated, BufferFreed
from tilegrad.base.trace import Trace
from tilegrad.runtime.cpu import host, memory
from tilegrad.runtime.cpu.memory import CpuAllocator, size_class

MIB = 1 << 20


@given(st.integers(0, 1 << 40))
def test_size_classes(nbytes):
    size = size_class(nbytes)
    assert size >= max(nbytes, 64)
    assert size % 64 == 0
    assert size <= max(nbytes * 9 // 8 + 64, 64)
    assert size_class(size) == size
    assert size <= 32 << 10 or size % 4096 == 0


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([0, 1, 64, 65, 1000, 32 << 10, (32 << 10) + 1, 300_000, 5 * MIB]),
            st.integers(0, 9),
        ),
        max_size=60,
    )
)
def test_blocks_never_overlap_and_all_comes_back(steps):
    allocator = CpuAllocator()
    held = []
    for number, (nbytes, victim) in enumerate(steps):
        buffer = allocator.allocate(nbytes)
        assert buffer.address % 64 == 0
        assert buffer.nbytes == nbytes
        buffer.array()[:1] = number % 251
        buffer.array()[-1:] = number % 251
        held.append((buffer, number % 251))
        if victim < len(held):
            del held[victim]
        for other, value in held:
            assert set(other.array()[[0, -1]].tolist() if other.nbytes else [value]) == {value}
    buffer = other = None
    spans = sorted((each.address, each.address + each.nbytes) for each, _ in held)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    live = sum(size_class(each.nbytes) for each, _ in held)
    assert allocator.statistics().live == live
    held.clear()
    assert allocator.statistics().live == 0
    allocator.trim()
    assert allocator.statistics().mapped == allocator.statistics().kept == 0


def test_large_blocks_lie_on_huge_pages():
    assert CpuAllocator().allocate(4 * MIB).address % (2 * MIB) == 0


def test_freed_memory_is_reused():
    allocator = CpuAllocator()
    for nbytes in (100, 40_000, 8 * MIB):
        address = allocator.allocate(nbytes).address
        assert allocator.allocate(nbytes).address == address


def test_a_steady_step_takes_no_fresh_pages():
    allocator = CpuAllocator()

    def step():
        for nbytes in (1000, 30_000, 300_000, 3 * MIB, 33 * MIB):
            allocator.allocate(nbytes).array()[:] = 1

    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        step()
    # One step's memory is more than 9000 small pages.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 200


def test_statistics():
    allocator = CpuAllocator()
    first, second = allocator.allocate(MIB), allocator.allocate(1000)
    assert allocator.statistics().live == MIB + 1024
    del first
    statistics = allocator.statistics()
    assert (statistics.live, statistics.peak, statistics.kept) == (1024, MIB + 1024, MIB)
    assert statistics.mapped == MIB + (512 << 10)
    allocator.reset_peak()
    assert allocator.statistics().peak == 1024
    del second
    assert allocator.statistics().kept == MIB + 1024
    assert allocator.trim() == MIB + (512 << 10)


def test_parts_keep_the_block():
    allocator = CpuAllocator()
    part = allocator.allocate(MIB).part(100, 200)
    assert allocator.statistics().live == MIB
    view = part.view()
    del part
    assert allocator.statistics().live == MIB
    del view
    assert allocator.statistics().live == 0


def test_kept_memory_is_limited():
    allocator = CpuAllocator(keep=3 * MIB)
    buffers = [allocator.allocate(MIB) for _ in range(8)]
    buffers.clear()
    statistics = allocator.statistics()
    assert statistics.kept == statistics.mapped == 3 * MIB


def test_capacity():
    allocator = CpuAllocator(capacity=10 * MIB)
    held = [allocator.allocate(MIB) for _ in range(9)]
    with pytest.raises(OutOfMemoryError) as caught:
        allocator.allocate(2 * MIB)
    message = str(caught.value)
    assert "a request for 2 MiB with 9 MiB in use" in message
    assert "at most 10 MiB" in message
    assert "to mend" in message
    # What is kept in another size class makes room.
    del held[:4]
    held.append(allocator.allocate(4 * MIB))
    assert allocator.statistics().live == 9 * MIB


@pytest.mark.parametrize("nbytes", [1 << 62, 1 << 50, host.memory_bytes() * 2])
def test_more_than_the_machine_has(nbytes):
    with pytest.raises(OutOfMemoryError, match="Out of memory"):
        CpuAllocator().allocate(nbytes)
    # Whatever was set as the capacity, the machine's memory is asked for.
    with pytest.raises(OutOfMemoryError, match=r"left|refuses"):
        CpuAllocator(capacity=1 << 63).allocate(nbytes)


def test_negative_size():
    with pytest.raises(ArgumentError, match="negative"):
        CpuAllocator().allocate(-1)


def test_copies():
    allocator = CpuAllocator()
    buffer = allocator.allocate(24)
    allocator.copy_in(buffer, np.arange(6, dtype=np.float32).data)
    result = np.zeros((2, 3), np.float32)
    allocator.copy_out(result.data, buffer)
    assert result.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_threads():
    """Several threads allocate, write, check and hand buffers to each other."""
    allocator = CpuAllocator()
    shared, failures = [], []

    def work(seed):
        draw = random.Random(seed)
        mine = []
        for _ in range(2000):
            buffer = allocator.allocate(draw.choice([64, 500, 40_000]))
            value = draw.randrange(256)
            buffer.array()[:8] = value
            mine.append((buffer, value))
            if draw.random() < 0.6:
                other, expected = mine.pop(draw.randrange(len(mine)))
                if set(other.array()[:8].tolist()) != {expected}:
                    failures.append(seed)
                shared.append(other)
                del shared[: len(shared) // 2]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.clear()
    assert not failures
    assert allocator.statistics().live == 0


def test_the_collector_may_run_at_any_time():
    """Buffers in reference cycles are freed in the middle of the allocator's own work."""
    allocator = CpuAllocator()
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(500):
            cycle = [allocator.allocate(100)]
            cycle.append(cycle)
            del cycle
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert allocator.statistics().live == 0


def test_trace():
    trace = Trace()
    allocator = CpuAllocator(trace=trace)
    unseen = allocator.allocate(100)
    with trace.record() as recording:
        first = allocator.allocate(1000)
        second = allocator.allocate(5000)
        del first
        allocator.statistics()
    events = [entry.event for entry in recording.entries]
    assert events == [
        BufferAllocated("cpu", 1, 1024, 1152),
        BufferAllocated("cpu", 2, 5120, 6272),
        BufferFreed("cpu", 1, 1024, 5248),
    ]
    del unseen, second


def test_a_handler_may_allocate_in_the_middle_of_an_allocation():
    """Between any two instructions of the allocator, as the handler of a signal may."""
    allocator = CpuAllocator(keep=MIB)
    held, mine, instructions = [], [], itertools.count()

    def allocate_aside(_frame, event, _argument):
        # Seldom enough that what handlers leave to be noted comes to an end.
        if event == "opcode" and (number := next(instructions)) % 401 == 0:
            buffer = allocator.allocate(number % 3 * 20_000)
            buffer.array()[[0, -1] if buffer.nbytes else []] = number % 251
            held.append((buffer, number % 251))
            del held[: number % 4]
            if number % 50 == 0:
                allocator.trim()
        return allocate_aside

    def interrupt(frame, _event, _argument):
        frame.f_trace_opcodes = frame.f_code.co_filename == memory.__file__
        return allocate_aside if frame.f_trace_opcodes else None

    tracing = sys.gettrace()
    sys.settrace(interrupt)
    try:
        for number in range(2000):
            buffer = allocator.allocate((100, 40_000, 300_000)[number % 3])
            buffer.array()[[0, -1]] = number % 251
            mine.append((buffer, number % 251))
            del mine[: number % 5 * 2]
        allocator.trim()
    finally:
        sys.settrace(tracing)
    assert next(instructions) > 100_000
    for buffer, value in [*mine, *held]:
        assert {*buffer.array()[:1], *buffer.array()[-1:]} <= {value}
    mine.clear()
    held.clear()
    buffer = None
    assert allocator.statistics().live == 0
    allocator.trim()
    statistics = allocator.statistics()
    assert statistics.mapped == statistics.kept == 0

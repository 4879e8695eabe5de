"""Random groups of launches against a sequential simulation, and what recordings promise."""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.cpu.kernels import MIX, TOIL, WHO, load_kernel
from tilegrad.base.errors import ArgumentError
from tilegrad.runtime.cpu import layout
from tilegrad.runtime.cpu.device import CpuDevice, cpu_device
from tilegrad.runtime.device import Launch

LENGTH = 64


@pytest.fixture(scope="module", params=[1, 2, 5], ids=lambda threads: f"{threads}threads")
def device(request):
    device = cpu_device(threads=request.param)
    yield device
    device.queue.close()


@pytest.fixture(scope="module")
def mix(device):
    return load_kernel(device, MIX)


@st.composite
def groups_of_launches(draw):
    """Draw groups; in each, all results differ and no source is a result."""
    groups = []
    for _ in range(draw(st.integers(1, 6))):
        order = draw(st.permutations(range(6)))
        results = order[: draw(st.integers(1, 4))]
        groups.append(
            [
                (
                    result,
                    draw(st.sampled_from(order[4:])),
                    draw(st.integers(-5, 5)),
                    draw(st.sampled_from([0, 1, 2, 3, 17, LENGTH])),
                    draw(st.sampled_from([1, 2, 5, 64, 1000])),
                    draw(st.booleans()),
                )
                for result in results
            ]
        )
    return groups


def simulate(arrays, summaries, launch):
    result, source, factor, blocks, _, has_finish = launch
    index = np.arange(blocks)
    arrays[result][:blocks] *= 31
    arrays[result][:blocks] += factor * arrays[source][(7 * index + 3) % LENGTH]
    if has_finish:
        summaries[result] += [arrays[result].sum(), 1]


READS = st.lists(st.tuples(st.integers(0, 1 << 62), st.integers(1, 1 << 20)), max_size=9)


@given(groups=groups_of_launches(), runs=st.integers(1, 3), is_timed=st.booleans(), reads=READS)
def test_random_groups(device, mix, groups, runs, is_timed, reads):
    arrays = np.random.default_rng(0).integers(-9, 9, (6, LENGTH))
    summaries = np.zeros((6, 2), np.int64)
    expected_arrays, expected_summaries = arrays.copy(), summaries.copy()
    launches = [
        [
            Launch(
                mix.address("mix"),
                (
                    arrays[result].ctypes.data,
                    arrays[source].ctypes.data,
                    factor,
                    LENGTH,
                    summaries[result].ctypes.data,
                ),
                blocks,
                chunk,
                mix.address("mix_finish") if has_finish else 0,
                tuple(reads[result:]),  # a hint, even where there is no memory
            )
            for result, source, factor, blocks, chunk, has_finish in group
        ]
        for group in groups
    ]
    recording = device.queue.record(launches, keep=(mix,), is_timed=is_timed)
    for _ in range(runs):
        device.queue.run(recording)
        for group in groups:
            for launch in group:
                simulate(expected_arrays, expected_summaries, launch)
    np.testing.assert_array_equal(arrays, expected_arrays)
    np.testing.assert_array_equal(summaries, expected_summaries)


def test_what_the_next_divided_group_reads_is_announced(device, mix):
    def launch(blocks, *reads):
        return Launch(mix.address("mix"), (0, 0, 0, 1), blocks, 1, 0, reads)

    groups = [
        [launch(8, (64, 10), (64, 10)), launch(8, (128, 20))],
        [launch(1, (1, 1))],  # nobody waits for it
        [launch(8)],
        [launch(8, *((64 * n, 1) for n in range(6)))],
    ]
    recording = device.queue.record(groups, keep=(mix,))

    def words(address, count):
        return np.ctypeslib.as_array((ctypes.c_int64 * count).from_address(address)).tolist()

    first = words(recording.handle.value, layout.RECORDING_WORDS)[layout.GROUPS]
    records = words(first, layout.GROUP_WORDS * len(groups))[
        layout.GROUP_AHEAD :: layout.GROUP_WORDS
    ]
    announced = [words(address, layout.AHEAD_WORDS) for address in records]
    own = [64, 74, 128, 148, 0, 0, 0, 0]
    last = [128, 129, 192, 193, 256, 257, 320, 321]
    assert announced == [[0] * 8, [0] * 8, last, own]


def test_many_runs_of_many_small_groups(device, mix):
    """The same data through thousands of regions: a lost wake-up or a stale claim would show."""
    arrays = np.ones((2, LENGTH), np.int64)
    expected = arrays.copy()

    def launch(to, source):
        pointers = (arrays[to].ctypes.data, arrays[source].ctypes.data)
        return Launch(mix.address("mix"), (*pointers, 3, LENGTH), LENGTH, 8)

    recording = device.queue.record([[launch(0, 1)], [launch(1, 0)]] * 50, keep=(mix,))
    index = (7 * np.arange(LENGTH) + 3) % LENGTH
    for _ in range(100):
        device.queue.run(recording)
    for _ in range(5000):
        expected[0] = 31 * expected[0] + 3 * expected[1][index]
        expected[1] = 31 * expected[1] + 3 * expected[0][index]
    np.testing.assert_array_equal(arrays, expected)


def test_the_caller_claims_from_the_front_and_workers_from_the_back(device):
    """Each thread's units lie together, over several launches, and so they do at each replay."""
    who = load_kernel(device, WHO)
    sizes = [(500, 1), (7, 2), (40, 40), (900, 3)]
    threads = np.zeros(sum(blocks for blocks, _ in sizes), np.uint64)
    starts = itertools.accumulate((blocks for blocks, _ in sizes), initial=0)
    group = [
        Launch(who.address("who"), (threads.ctypes.data + 8 * start,), blocks, chunk)
        for start, (blocks, chunk) in zip(starts, sizes, strict=False)
    ]
    recording = device.queue.record([group], keep=(who,))
    for _ in range(50):
        threads[:] = 0
        device.queue.run(recording)
        is_callers = threads == threading.get_ident()
        assert threads.all()
        assert is_callers[: np.count_nonzero(is_callers)].all()


def test_sleeping_workers_wake(device):
    """Workers that have gone to sleep take part again."""
    toil = load_kernel(device, TOIL)
    counter = np.zeros(1, np.int64)
    launch = Launch(toil.address("toil"), (counter.ctypes.data, 1000), 50, 1)
    recording = device.queue.record([[launch]], keep=(toil,))
    for _ in range(20):
        device.queue.run(recording)
        time.sleep(0.001)
    assert counter[0] == 1000


def wait_for_processors(wanted):
    """Wait until threads may use the processors they should: each as soon as it has risen."""
    for _ in range(100):
        if {worker: os.sched_getaffinity(worker) for worker in wanted} == wanted:
            return
        time.sleep(0.1)
    pytest.fail("workers are bound to fewer processors than they were")


def test_woken_workers_keep_the_processors_they_may_use(device):
    """They are woken elsewhere than where the caller runs; that must not bind them for good."""
    kernel = load_kernel(device, TOIL)
    counter = np.zeros(1, np.int64)
    launch = Launch(kernel.address("toil"), (counter.ctypes.data, 20_000), blocks=50, chunk=1)
    recording = device.queue.record([[launch]], keep=(kernel,))
    device.queue.run(recording)
    workers = [t.native_id for t in threading.enumerate() if t.name.startswith("tilegrad-cpu")]
    every = os.sched_getaffinity(0)
    wait_for_processors(dict.fromkeys(workers, every))
    wanted = dict(zip(workers, itertools.cycle([every, {min(every)}, {max(every)}])))
    try:
        for worker, processors in wanted.items():
            os.sched_setaffinity(worker, processors)
        for runs in range(2, 8):
            time.sleep(0.02)
            device.queue.run(recording)
            assert counter[0] == 50 * runs
        wait_for_processors(wanted)
    finally:
        for worker in workers:
            os.sched_setaffinity(worker, every)


def test_run_longer_than_a_slice(device):
    """Python is entered and left in the middle of a region and between groups."""
    toil = load_kernel(device, TOIL)
    counter = np.zeros(1, np.int64)
    arguments = (counter.ctypes.data, 1_000_000)
    long = Launch(toil.address("toil"), arguments, 200, 1)
    alone = Launch(toil.address("toil"), arguments, 100, 100)
    device.queue.run(device.queue.record([[long], [alone], [alone], [long]], keep=(toil,)))
    assert counter[0] == 600


def test_arguments_can_be_set(device, mix):
    arrays = np.ones((3, LENGTH), np.int64)
    addresses = [array.ctypes.data for array in arrays]
    launch = Launch(mix.address("mix"), (addresses[0], addresses[2], 1, LENGTH), LENGTH, 8)
    recording = device.queue.record([[launch], [launch]], keep=(mix,))
    recording.arguments[recording.place_of(1, 0)] = addresses[1]
    recording.arguments[recording.place_of(1, 2)] = -5
    device.queue.run(recording)
    assert arrays.tolist() == [[32] * LENGTH, [26] * LENGTH, [1] * LENGTH]


@pytest.mark.parametrize(("launch", "slot"), [(0, 4), (0, -1), (2, 0)])
def test_there_is_no_such_argument(device, mix, launch, slot):
    one = Launch(mix.address("mix"), (0, 0, 0, 0), 0, 1)
    recording = device.queue.record([[one, one]], keep=(mix,))
    with pytest.raises(IndexError):
        recording.place_of(launch, slot)


@pytest.mark.parametrize("blocks", [0, 1, 63, 64])
def test_set_blocks(device, mix, blocks):
    arrays = np.ones((3, LENGTH), np.int64)
    summary = np.zeros(2, np.int64)
    addresses = [array.ctypes.data for array in arrays]
    launches = [
        Launch(
            mix.address("mix"),
            (address, addresses[2], 1, LENGTH, summary.ctypes.data),
            7,
            2,
            mix.address("mix_finish") if number else 0,
        )
        for number, address in enumerate(addresses[:2])
    ]
    recording = device.queue.record([launches], keep=(mix,))
    recording.set_blocks(0, blocks)
    device.queue.run(recording)
    assert (arrays[0] == 32).sum() == blocks
    assert (arrays[1] == 32).sum() == 7
    assert summary[1] == 1


def test_times(device, mix):
    array = np.ones(LENGTH, np.int64)
    launch = Launch(mix.address("mix"), (array.ctypes.data, array.ctypes.data, 0, LENGTH), 64, 8)
    empty = Launch(mix.address("mix"), launch.arguments, 0, 1)
    groups = [[launch, launch], [launch], [empty]]
    recording = device.queue.record(groups, keep=(mix,), is_timed=True)
    for _ in range(2):
        before = time.monotonic_ns()
        device.queue.run(recording)
        after = time.monotonic_ns()
        times = recording.times()
        assert all(before <= start <= end <= after for start, end in times[:3])
        assert max(end for _, end in times[:2]) <= times[2][0]
        assert times[3][1] == 0
    with pytest.raises(ArgumentError, match="note_times"):
        device.queue.record(groups, keep=(mix,)).times()


@pytest.mark.parametrize(("blocks", "chunk"), [(-1, 1), (1, 0)])
def test_impossible_grid(device: CpuDevice, blocks, chunk):
    with pytest.raises(ArgumentError, match="grid"):
        device.queue.record([[Launch(0, (), blocks, chunk)]])
    with pytest.raises(ArgumentError, match="negative"):
        device.queue.record([[Launch(0, (), 1, 1)]]).set_blocks(0, -1)


def test_empty_recordings(device):
    device.queue.run(device.queue.record([]))
    device.queue.run(device.queue.record([[], []]))

"""The recorder: off without a sink, complete and ordered with one, safe among threads."""

from __future__ import annotations

import threading

import pytest

from tilegrad.base.errors import ArgumentError
from tilegrad.base.events import BufferAllocated, BufferFreed, StageFinished
from tilegrad.base.trace import Recording, Trace


def allocation(number):
    return BufferAllocated("cpu", number, 64, 64 * number)


def test_a_trace_without_sinks_is_off():
    assert not Trace().enabled


def test_recording_turns_it_on_and_off_again():
    trace = Trace()
    with trace.record() as recording:
        assert trace.enabled
        trace.emit(allocation(1))
    assert not trace.enabled
    assert recording.find(BufferAllocated) == [allocation(1)]
    assert recording.find(BufferFreed) == []


def test_recordings_nest():
    trace = Trace()
    with trace.record() as outer:
        trace.emit(allocation(1))
        with trace.record() as inner:
            trace.emit(allocation(2))
        trace.emit(allocation(3))
    assert [event.buffer for event in outer.find(BufferAllocated)] == [1, 2, 3]
    assert [event.buffer for event in inner.find(BufferAllocated)] == [2]


def test_entries_are_stamped_in_order():
    trace = Trace()
    with trace.record() as recording:
        for number in range(10):
            trace.emit(allocation(number))
    times = [entry.time_ns for entry in recording.entries]
    assert times == sorted(times)
    assert {entry.thread for entry in recording.entries} == {threading.get_ident()}


def test_a_span_tells_its_stage_its_time_and_its_counts():
    trace = Trace()
    with trace.record() as recording, trace.span("schedule") as span:
        span.count(kernels=2, nodes=10)
        span.count(kernels=1)
    (event,) = recording.find(StageFinished)
    assert event.name == "schedule"
    assert event.counts == {"kernels": 3, "nodes": 10}
    assert event.failure is None
    assert event.start_ns <= event.end_ns <= recording.entries[0].time_ns


def test_a_span_that_fails_says_so_and_lets_the_error_pass():
    trace = Trace()
    with trace.record() as recording, pytest.raises(ZeroDivisionError), trace.span("divide"):
        raise ZeroDivisionError
    (event,) = recording.find(StageFinished)
    assert event.failure == "ZeroDivisionError"


def test_a_span_without_sinks_does_nothing():
    with Trace().span("schedule") as span:
        span.count(kernels=1)


def test_a_sink_that_is_not_attached_cannot_be_detached():
    with pytest.raises(ArgumentError, match="not attached"):
        Trace().detach(Recording())


def test_closing_detaches_every_sink():
    recording = Recording()
    trace = Trace(recording)
    trace.close()
    assert not trace.enabled
    trace.emit(allocation(1))
    assert recording.entries == []


def test_no_event_of_any_thread_is_lost():
    trace = Trace()
    start = threading.Barrier(4)

    def work(first):
        start.wait()
        for number in range(first, first + 500):
            with trace.record():
                trace.emit(allocation(number))

    with trace.record() as recording:
        threads = [threading.Thread(target=work, args=(500 * i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(e.buffer for e in recording.find(BufferAllocated)) == list(range(2000))
    assert not trace.enabled

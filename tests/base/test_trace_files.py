"""Trace files: JSON lines come back as they were; the Chrome format is what viewers read."""

from __future__ import annotations

import json
import os
import threading

import pytest
from hypothesis import given

from tests.base.events import entries
from tilegrad.base.errors import DataError
from tilegrad.base.events import BufferAllocated, KernelLaunched, StageFinished
from tilegrad.base.trace import Entry, Trace
from tilegrad.base.trace_files import (
    ChromeFile,
    JsonLinesFile,
    entry_from_json,
    entry_to_json,
    open_trace_file,
    read_trace,
)

LAUNCH = KernelLaunched(2_000, 5_500, "softmax", "cpu", moved_bytes=64, operations=32)
ALLOCATION = BufferAllocated("cpu", 7, 64, 4096)
STAGE = StageFinished(1_000, 9_000, "compile", {"kernels": 1})
ENTRIES = [Entry(3_000, 11, ALLOCATION), Entry(6_000, 11, LAUNCH), Entry(9_500, 11, STAGE)]


def write_all(sink, entries=ENTRIES):
    for entry in entries:
        sink.write(entry)
    sink.close()


@given(entries)
def test_an_entry_comes_back_from_json(entry):
    assert entry_from_json(json.loads(json.dumps(entry_to_json(entry)))) == entry


def test_a_file_of_json_lines_comes_back(tmp_path):
    path = tmp_path / "trace.jsonl"
    write_all(open_trace_file(path))
    assert list(read_trace(path)) == ENTRIES


def test_json_lines_are_written_at_once(tmp_path):
    """What a process wrote before it was killed can be read."""
    path = tmp_path / "trace.jsonl"
    sink = JsonLinesFile(path)
    sink.write(ENTRIES[0])
    assert list(read_trace(path)) == ENTRIES[:1]
    sink.close()


def test_the_chrome_file_is_json_that_viewers_read(tmp_path):
    path = tmp_path / "trace.json"
    write_all(open_trace_file(path))
    records = json.loads(path.read_text("utf-8"))
    assert [record["ph"] for record in records] == ["i", "C", "M", "X", "X"]
    instant, counter, name, launch, stage = records
    assert instant["ts"] == 3.0
    assert counter["args"] == {"bytes": 4096}
    assert name["args"] == {"name": "cpu"}
    assert (launch["name"], launch["ts"], launch["dur"]) == ("softmax", 2.0, 3.5)
    assert launch["tid"] == name["tid"] != 11
    assert (stage["name"], stage["tid"], stage["args"]["counts"]) == ("compile", 11, {"kernels": 1})


def test_an_empty_chrome_file_is_an_empty_array(tmp_path):
    path = tmp_path / "trace.json"
    ChromeFile(path).close()
    assert json.loads(path.read_text("utf-8")) == []


@pytest.mark.parametrize("name", ["trace.json", "trace.jsonl"])
def test_what_comes_after_closing_is_dropped(tmp_path, name):
    path = tmp_path / name
    sink = open_trace_file(path)
    write_all(sink)
    before = path.read_bytes()
    write_all(sink)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["trace.json", "trace.jsonl"])
def test_a_fork_does_not_write(tmp_path, name):
    path = tmp_path / name
    sink = open_trace_file(path)
    sink.write(ENTRIES[0])
    child = os.fork()
    if child == 0:
        write_all(sink)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    before = path.read_bytes()
    sink.write(ENTRIES[1])
    assert path.read_bytes().startswith(before)
    sink.close()


def test_lines_of_many_threads_stay_whole(tmp_path):
    path = tmp_path / "trace.jsonl"
    trace = Trace(open_trace_file(path))

    def work(first):
        for number in range(first, first + 200):
            trace.emit(BufferAllocated("cpu", number, 64, 64))

    threads = [threading.Thread(target=work, args=(200 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    trace.close()
    buffers = [entry.event.buffer for entry in read_trace(path)]
    assert sorted(buffers) == list(range(800))


def test_a_file_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    with pytest.raises(DataError, match="cannot be created"):
        open_trace_file(tmp_path / "missing" / "trace.json")


@pytest.mark.parametrize("content", ["{", '{"event": "Nothing"}', "[]", '{"time_ns": 1}', "\udcff"])
def test_a_file_that_is_no_trace_is_an_error_of_ours(tmp_path, content):
    path = tmp_path / "trace.jsonl"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError):
        list(read_trace(path))

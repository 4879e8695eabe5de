"""Traces in files: JSON lines, which can be read back, and the Chrome format, for timelines.

The Chrome format is the JSON array of the "Trace Event Format" document, which Perfetto and
``chrome://tracing`` open; both also accept an array that was cut off by a crash.
"""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from tilegrad.base.errors import DataError
from tilegrad.base.events import EVENTS, Event, MemoryChanged
from tilegrad.base.trace import Entry, Sink

_EVENTS_BY_NAME = {event.__name__: event for event in EVENTS}


def open_trace_file(path: Path) -> Sink:
    """Return a sink that writes to a new file: JSON lines if it ends in ``.jsonl``, else Chrome's.

    Raises:
        DataError: the file cannot be created.
    """
    return JsonLinesFile(path) if path.suffix == ".jsonl" else ChromeFile(path)


class _File(ABC):
    """A file that whole lines are appended to, by several threads, nothing held back in memory.

    It belongs to the process that opened it: in a fork of that, writing and closing do nothing.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file: BinaryIO = path.open("wb", buffering=0)
        except OSError as error:
            raise DataError(
                f"The trace file {path} cannot be created",
                got=error.strerror,
                expected="a path in an existing folder that may be written to",
            ) from error
        self._lock = threading.Lock()
        self._process = os.getpid()

    def write(self, entry: Entry) -> None:
        """Append an entry, unless the file is closed."""
        if os.getpid() == self._process:
            with self._lock:
                if not self._file.closed:
                    self._append(entry)

    def close(self) -> None:
        """Finish and close the file; closing again does nothing."""
        if os.getpid() == self._process:
            with self._lock:
                if not self._file.closed:
                    self._finish()
                    self._file.close()

    @abstractmethod
    def _append(self, entry: Entry) -> None:
        """Write an entry; the lock is held."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what must stand at the end; the lock is held."""

    def _write_line(self, text: str) -> None:
        data = text.encode() + b"\n"
        while data:
            data = data[self._file.write(data) :]


class JsonLinesFile(_File):
    """A sink that writes each entry as one line of JSON; `read_trace` reads them back."""

    def _append(self, entry: Entry) -> None:
        self._write_line(json.dumps(entry_to_json(entry)))

    def _finish(self) -> None:
        pass


class ChromeFile(_File):
    """A sink that writes the Chrome trace format."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lanes: dict[str, int] = {}
        self._separator = "["

    def _append(self, entry: Entry) -> None:
        for record in chain(self._name_lane(entry.event.lane), to_chrome(entry, self._lanes)):
            self._write_line(self._separator + json.dumps(record))
            self._separator = ","

    def _finish(self) -> None:
        self._write_line("[]" if self._separator == "[" else "]")

    def _name_lane(self, lane: str | None) -> Iterator[dict[str, Any]]:
        if lane is not None and lane not in self._lanes:
            # Small numbers, which no thread identifier of an operating system comes near to.
            self._lanes[lane] = number = len(self._lanes) + 1
            name = {"name": lane}
            yield {
                "ph": "M",
                "name": "thread_name",
                "pid": os.getpid(),
                "tid": number,
                "args": name,
            }


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain data: time, thread, the event's class, and the event's fields."""
    header = {"time_ns": entry.time_ns, "thread": entry.thread, "event": type(entry.event).__name__}
    return header | _fields(entry.event)


def entry_from_json(data: dict[str, Any]) -> Entry:
    """Return the entry that `entry_to_json` made this data from.

    Raises:
        DataError: the data is not of that form.
    """
    try:
        fields = dict(data)
        time_ns, thread = fields.pop("time_ns"), fields.pop("thread")
        return Entry(time_ns, thread, _EVENTS_BY_NAME[fields.pop("event")](**fields))
    except (KeyError, TypeError) as error:
        raise DataError(
            "This is no entry of a trace of this version of tilegrad",
            got=data,
            expected="time_ns, thread, event, and the fields of that event",
        ) from error


def read_trace(path: Path) -> Iterator[Entry]:
    """Yield the entries of a JSON lines trace file, in the order in which they were written.

    Raises:
        DataError: the file cannot be read or is no such trace.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield entry_from_json(json.loads(line))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(
            f"The trace file {path} cannot be read",
            got=error,
            expected="a file that tilegrad wrote with a name ending in .jsonl",
        ) from error


def to_chrome(entry: Entry, lanes: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the records of the Chrome trace format that show an entry.

    Args:
        entry: the entry.
        lanes: the number that each device has in place of a thread's identifier.
    """
    event = entry.event
    lane = entry.thread if event.lane is None else lanes[event.lane]
    record = {
        "name": event.title,
        "cat": event.category,
        "pid": os.getpid(),
        "tid": lane,
        "args": _fields(event),
    }
    if event.interval_ns is None:
        yield record | {"ph": "i", "s": "t", "ts": entry.time_ns / 1000}
    else:
        start, end = event.interval_ns
        yield record | {"ph": "X", "ts": start / 1000, "dur": (end - start) / 1000}
    if isinstance(event, MemoryChanged):
        name = f"memory of {event.device}"
        used = {"bytes": event.in_use_bytes}
        counter = {"ph": "C", "name": name, "ts": entry.time_ns / 1000, "args": used}
        yield {"pid": os.getpid(), "tid": lane} | counter


def _fields(event: Event) -> dict[str, Any]:
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {name: dict(value) if name == "counts" else value for name, value in values.items()}

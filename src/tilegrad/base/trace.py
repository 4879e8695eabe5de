"""The recorder of the trace: it stamps events and hands them to whatever sinks are attached.

Without a sink it is off: `Trace.enabled` is false, callers that guard with it do not even build the
event, and spans do nothing.

    if trace.enabled:
        trace.emit(BufferAllocated(device, number, size, in_use))

    with trace.span("schedule") as span:
        kernels = schedule(graph)
        span.count(kernels=len(kernels))
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar

from tilegrad.base.errors import ArgumentError
from tilegrad.base.events import Event, StageFinished

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in time.

    Attributes:
        time_ns: when it was emitted, on the clock of `time.perf_counter_ns`.
        thread: identifier of the emitting thread.
        event: what happened.
    """

    time_ns: int
    thread: int
    event: Event


class Sink(Protocol):
    """Something that takes entries. Both methods may be called from any thread."""

    def write(self, entry: Entry) -> None:
        """Take one entry."""

    def close(self) -> None:
        """Finish; no entry follows."""


class Recording:
    """A sink that keeps the entries in memory, in the order in which they came."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        """Keep one entry."""
        self.entries.append(entry)

    def close(self) -> None:
        """Do nothing; the entries stay."""

    def find(self, kind: type[E]) -> list[E]:
        """Return the recorded events of one class (or its subclasses), oldest first."""
        return [entry.event for entry in self.entries if isinstance(entry.event, kind)]


class Span:
    """A stretch of work in a `with` statement; at its end a `StageFinished` is emitted."""

    __slots__ = ("_counts", "_name", "_start_ns", "_trace")

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace = trace
        self._name = name
        self._counts: dict[str, int] = {}
        self._start_ns = 0

    def count(self, **counts: int) -> None:
        """Add to the counts that the event will carry."""
        for name, number in counts.items():
            self._counts[name] = self._counts.get(name, 0) + number

    def __enter__(self) -> Self:
        self._start_ns = time.perf_counter_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._trace.enabled:
            failure = None if kind is None else kind.__name__
            end_ns = time.perf_counter_ns()
            counts = dict(self._counts)
            event = StageFinished(self._start_ns, end_ns, self._name, counts, failure)
            self._trace.emit(event)


class Trace:
    """The recorder. All of its methods may be called from any thread.

    Attributes:
        enabled: whether any sink is attached; read it before building an event.
    """

    __slots__ = ("_lock", "_sinks", "enabled")

    def __init__(self, *sinks: Sink) -> None:
        self._lock = threading.Lock()
        self._sinks: tuple[Sink, ...] = sinks
        self.enabled = bool(sinks)

    def emit(self, event: Event) -> None:
        """Stamp an event with the time and the thread, and hand it to every sink."""
        entry = Entry(time.perf_counter_ns(), threading.get_ident(), event)
        for sink in self._sinks:
            sink.write(entry)

    def span(self, name: str) -> Span:
        """Return a context manager that times a stage; nested ones nest in a timeline."""
        return Span(self, name)

    def attach(self, sink: Sink) -> None:
        """Hand the events from now on to one more sink."""
        with self._lock:
            self._sinks = (*self._sinks, sink)
            self.enabled = True

    def detach(self, sink: Sink) -> None:
        """Take a sink away; it is not closed.

        Raises:
            ArgumentError: the sink is not attached.
        """
        with self._lock:
            remaining = tuple(other for other in self._sinks if other is not sink)
            if len(remaining) == len(self._sinks):
                raise ArgumentError(
                    "A sink that is not attached to the trace cannot be detached",
                    got=sink,
                    expected="a sink that was given to `attach` and not yet detached",
                )
            self._sinks = remaining
            self.enabled = bool(remaining)

    @contextmanager
    def record(self) -> Iterator[Recording]:
        """Record in memory what happens in a `with` statement, in all threads."""
        recording = Recording()
        self.attach(recording)
        try:
            yield recording
        finally:
            self.detach(recording)

    def close(self) -> None:
        """Detach and close all sinks."""
        with self._lock:
            sinks, self._sinks, self.enabled = self._sinks, (), False
        for sink in sinks:
            sink.close()

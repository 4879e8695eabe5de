"""The events of the trace: one frozen record for each thing that the compiler or runtime did.

Units are in the names: ``_ns`` are nanoseconds of `time.perf_counter_ns` (the monotonic clock,
which native code reads with ``CLOCK_MONOTONIC``), ``_bytes`` are bytes. Programs, kernels and
schedules are given by their names or text forms, so that an event stands by itself in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. Their fields are text, numbers, truth values, None or counts by name."""

    category: ClassVar[str] = "tilegrad"

    @property
    def title(self) -> str:
        """The few words that a timeline writes on this event."""
        return type(self).__name__

    @property
    def interval_ns(self) -> tuple[int, int] | None:
        """Start and end of what took time, or None for what happened at one moment."""
        return None

    @property
    def lane(self) -> str | None:
        """The device on whose timeline the event belongs, or None for that of its thread."""
        return None


@dataclass(frozen=True, slots=True)
class Timed(Event):
    """Base of the events that took time.

    Attributes:
        start_ns: when it began.
        end_ns: when it had ended.
    """

    start_ns: int
    end_ns: int

    @property
    def interval_ns(self) -> tuple[int, int]:
        """Start and end."""
        return self.start_ns, self.end_ns

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end_ns - self.start_ns) * 1e-9


@dataclass(frozen=True, slots=True)
class StageFinished(Timed):
    """A stage of the compiler, or any other span of work, ended.

    Attributes:
        name: the stage.
        counts: what it counted, such as ``{"kernels": 3}``.
        failure: the class of the exception that ended it, or None.
    """

    category: ClassVar[str] = "stage"
    name: str
    counts: Mapping[str, int] = field(default_factory=dict)
    failure: str | None = None

    @property
    def title(self) -> str:
        """The stage's name."""
        return self.name


@dataclass(frozen=True, slots=True)
class RewriteApplied(Event):
    """A rule rewrote a node.

    Attributes:
        pass_name: the pass that the rule ran in.
        rule: the rule's name.
        before: the node, in text form.
        after: what it became, in text form.
    """

    category: ClassVar[str] = "rewrite"
    pass_name: str
    rule: str
    before: str
    after: str

    @property
    def title(self) -> str:
        """The rule's name."""
        return self.rule


@dataclass(frozen=True, slots=True)
class FusionDecided(Event):
    """The fuser joined two parts of the graph into one kernel, or refused to.

    For what was refused, the numbers are those that fusing would have had.

    Attributes:
        producer: the part whose result is used; or the other part of two that share their loads.
        consumer: the part that uses it.
        is_fused: the decision.
        reason: why, in words.
        saved_bytes: memory traffic that fusing saves: what the consumer does not load, and the
            store if nothing else needs it.
        repeated_operations: simple operations that fusing repeats, by the cost model.
    """

    category: ClassVar[str] = "schedule"
    producer: str
    consumer: str
    is_fused: bool
    reason: str
    saved_bytes: int = 0
    repeated_operations: int = 0


@dataclass(frozen=True, slots=True)
class ScheduleTried(Event):
    """A search measured one schedule of a kernel.

    Attributes:
        kernel: the kernel's name.
        schedule: the schedule, in text form.
        median_ns: its median time, or None if it failed.
        failure: why it failed, or None.
    """

    category: ClassVar[str] = "schedule"
    kernel: str
    schedule: str
    median_ns: int | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class KernelScheduled(Event):
    """The schedule of a kernel was chosen.

    Attributes:
        kernel: the kernel's name.
        schedule: the schedule, in text form.
        chosen_by: ``heuristic``, ``cost model``, ``search`` or ``cache``.
    """

    category: ClassVar[str] = "schedule"
    kernel: str
    schedule: str
    chosen_by: str

    @property
    def title(self) -> str:
        """The kernel's name."""
        return self.kernel


@dataclass(frozen=True, slots=True)
class KernelCompiled(Timed):
    """A kernel became native code, by compiling it or by finding it in the cache.

    Attributes:
        kernel: the kernel's name.
        device: the device it was compiled for.
        was_cached: whether the cache had it.
        source_bytes: size of the text or intermediate form that was compiled.
        binary_bytes: size of the native code.
    """

    category: ClassVar[str] = "compile"
    kernel: str
    device: str
    was_cached: bool
    source_bytes: int
    binary_bytes: int

    @property
    def title(self) -> str:
        """The kernel's name."""
        return self.kernel


@dataclass(frozen=True, slots=True)
class CacheEntryCorrupted(Event):
    """An entry of the cache on disk could not be used and is made anew.

    Attributes:
        path: the file.
        reason: what is wrong with it.
    """

    category: ClassVar[str] = "compile"
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class MemoryChanged(Event):
    """Base of the events by which the memory in use on a device changes.

    Attributes:
        device: the device.
        buffer: a number that tells the buffer from all others of the process.
        size_bytes: its size.
        in_use_bytes: all memory in use on the device after this.
    """

    category: ClassVar[str] = "memory"
    device: str
    buffer: int
    size_bytes: int
    in_use_bytes: int


@dataclass(frozen=True, slots=True)
class BufferAllocated(MemoryChanged):
    """A device gave memory."""


@dataclass(frozen=True, slots=True)
class BufferFreed(MemoryChanged):
    """A device took memory back."""


@dataclass(frozen=True, slots=True)
class CopyDone(Timed):
    """Data moved between devices, or between the host and a device.

    Attributes:
        source: the device, or ``host``.
        destination: the device, or ``host``.
        size_bytes: how much moved.
    """

    category: ClassVar[str] = "run"
    source: str
    destination: str
    size_bytes: int

    @property
    def title(self) -> str:
        """From where to where."""
        return f"{self.source} → {self.destination}"

    @property
    def lane(self) -> str:
        """The device; the destination if there are two."""
        return self.source if self.destination == "host" else self.destination


@dataclass(frozen=True, slots=True)
class KernelLaunched(Timed):
    """A kernel ran.

    Attributes:
        kernel: the kernel's name.
        device: where it ran.
        moved_bytes: memory traffic of the kernel, by its program.
        operations: floating-point operations of the kernel, by its program.
    """

    category: ClassVar[str] = "run"
    kernel: str
    device: str
    moved_bytes: int
    operations: int

    @property
    def title(self) -> str:
        """The kernel's name."""
        return self.kernel

    @property
    def lane(self) -> str:
        """The device."""
        return self.device


EVENTS: tuple[type[Event], ...] = (
    StageFinished,
    RewriteApplied,
    FusionDecided,
    ScheduleTried,
    KernelScheduled,
    KernelCompiled,
    CacheEntryCorrupted,
    BufferAllocated,
    BufferFreed,
    CopyDone,
    KernelLaunched,
)

"""What a device is: four small parts and a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, TypeVarTuple

from tilegrad.runtime.buffer import Buffer


@dataclass(frozen=True, slots=True)
class MemoryStatistics:
    """What an allocator holds, in bytes.

    Attributes:
        live: in buffers that something still refers to (rounded up to their size class).
        peak: the greatest `live` so far, or since the last reset.
        kept: freed by their users and kept for reuse.
        mapped: taken from the system: live, kept and not yet carved up.
        capacity: the most that may be mapped.
    """

    live: int
    peak: int
    kept: int
    mapped: int
    capacity: int


class Allocator(Protocol):
    """Gives memory, takes it back when nobody refers to it, and carries bytes in and out."""

    def allocate(self, nbytes: int) -> Buffer:
        """Return a buffer of undefined contents; raises OutOfMemoryError."""
        ...

    def copy_in(self, destination: Buffer, source: memoryview) -> None:
        """Copy the host's contiguous bytes into a buffer of the same size."""
        ...

    def copy_out(self, destination: memoryview, source: Buffer) -> None:
        """Copy a buffer into writable contiguous bytes of the host of the same size."""
        ...

    def trim(self) -> int:
        """Give kept memory back to the system and return how many bytes."""
        ...

    def statistics(self) -> MemoryStatistics:
        """Say what is held now."""
        ...

    def reset_peak(self) -> None:
        """Start measuring the peak anew from what is live now."""
        ...


class Program(Protocol):
    """Loaded code; it stays loaded while something refers to it."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the kernels and finish functions inside."""
        ...

    def address(self, symbol: str) -> int:
        """Return the handle of a kernel, for `Launch`; raises CompileError if there is none."""
        ...


class BinaryCache(Protocol):
    """Keeps binaries from process to process."""

    def get(self, key: str) -> bytes | None:
        """Return what was kept under a key, or None."""
        ...

    def put(self, key: str, binary: bytes) -> None:
        """Keep a binary; a failure to do so is harmless."""
        ...


class Compiler(Protocol):
    """Turns the text that the renderer wrote into a binary, and a binary into a program."""

    @property
    def key(self) -> str:
        """All that decides what a source compiles to, besides the source: a part of cache keys."""
        ...

    def compile(self, source: str) -> bytes:
        """Compile; safe from several threads at once; raises CompileError."""
        ...

    def assembly(self, source: str) -> str:
        """Compile to a form for reading; raises CompileError."""
        ...

    def load(self, binary: bytes) -> Program:
        """Make a binary runnable; raises CompileError if it is damaged."""
        ...


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel over its grid.

    Attributes:
        kernel: handle of `void kernel(i64* arguments, i64 begin, i64 end)`, which executes the
            grid's blocks begin .. end - 1.
        arguments: one 8-byte slot each, the address of a buffer or an integer.
        blocks: how many blocks the grid has; 0 is allowed.
        chunk: how many blocks are handed out at a time. It bounds how long an interrupt waits.
        finish: handle of `void finish(i64* arguments)`, called once after all blocks are done
            and before the launch counts as done; 0 for none.
        reads: memory that nothing writes while the recording runs, and that the grid's blocks read
            from its beginning to its end: addresses and lengths. A hint: it may be asked for early.
    """

    kernel: int
    arguments: tuple[int, ...]
    blocks: int
    chunk: int
    finish: int = 0
    reads: tuple[tuple[int, int], ...] = ()


class Recording(Protocol):
    """Launches made ready to run again and again; arguments and grids can be patched.

    Launches are numbered through all groups in the order in which they were recorded.

    Attributes:
        arguments: the arguments of all launches, one after the other; can be set.
    """

    arguments: memoryview[int]

    def note_times(self, is_timed: bool) -> None:
        """Set whether each run notes when each launch starts and ends."""
        ...

    def place_of(self, launch: int, slot: int) -> int:
        """Return where a launch's argument is in ``arguments``; raises IndexError if nowhere."""
        ...

    def set_blocks(self, launch: int, blocks: int) -> None:
        """Replace the size of a launch's grid."""
        ...

    def times(self) -> list[tuple[int, int]]:
        """Return each launch's start and end in the last run, in nanoseconds of one clock."""
        ...


R = TypeVar("R", bound=Recording)
Given = TypeVarTuple("Given")


class Queue(Protocol[R]):
    """Runs recordings."""

    def record(
        self,
        groups: Sequence[Sequence[Launch]],
        *,
        keep: Sequence[object] = (),
        is_timed: bool = False,
    ) -> R:
        """Make a recording of groups that run in order; the launches within one are independent.

        `keep` is what must outlive the recording: programs and buffers whose addresses it holds.
        """
        ...

    def run(
        self,
        recording: R,
        prepare: Callable[[*Given], None] | None = None,
        given: tuple[*Given] | tuple[()] = (),
    ) -> None:
        """Run it and return when all is done; raises DeviceError.

        `prepare` is called before with what is given to it, when it is this thread's turn: it may
        patch the recording.
        """
        ...


@dataclass(frozen=True, slots=True)
class Device(Generic[R]):
    """A name and the four parts."""

    name: str
    allocator: Allocator
    compiler: Compiler
    queue: Queue[R]

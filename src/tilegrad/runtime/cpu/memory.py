"""The CPU's allocator: memory comes from mmap, is kept by size class when freed, and reused.

Reuse is the point: a steady step takes no fresh page from the system, and fresh pages cost more
than most kernels. Sizes are rounded up to a class: multiples of 64 bytes, then eight classes to
each doubling, so at most an eighth is lost. Classes up to 32 KiB are carved from slabs of 512 KiB,
greater ones are mapped one by one; from 4 MiB on they begin on a huge page and ask for such pages.

A handler of a signal may run between any two steps of this, in the thread that is in the middle of
them, and so may a finaliser. What such a handler asks for is mapped for it alone, and what it frees
is only noted, so that it touches nothing that is half changed.
"""

from __future__ import annotations

import functools
import itertools
import mmap
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from tilegrad.base.errors import ArgumentError, OutOfMemoryError
from tilegrad.base.events import BufferAllocated, BufferFreed, Event
from tilegrad.base.trace import Trace
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.cpu import host
from tilegrad.runtime.cpu.fork import hold_while_forking
from tilegrad.runtime.cpu.pages import map_pages, trim_heap, unmap_pages
from tilegrad.runtime.device import MemoryStatistics

_GRAIN = 64
_SLAB = 512 << 10
_LARGEST_CARVED = 32 << 10
# From this size on it is worth reading what the system says is available: some 50 microseconds.
_CHECK_FROM = 64 << 20
# Returned blocks wait for the next request, so many and so large at most: most fit it as they are.
_MOST_WAITING = 64
_LARGEST_WAITING = 1 << 20
# A request looks at so many of them: those of a call return together, in an order of their own.
_LOOKED_AT = 4


@functools.lru_cache(maxsize=4096)
def size_class(nbytes: int) -> int:
    """Return the bytes that are set aside for a request."""
    shift = max(nbytes.bit_length() - 4, 6)
    return max(-(-nbytes >> shift) << shift, _GRAIN)


def _slab_of(address: int) -> int:
    return address & -_SLAB


class _Loan(Buffer):
    """Memory on loan; dropping it returns it.

    Args:
        allocator: who lends it.
        loan: address, size and number.
        nbytes: how much of it is wanted.
    """

    __slots__ = ("_allocator", "_loan")

    def __init__(self, allocator: CpuAllocator, loan: tuple[int, int, int], nbytes: int) -> None:
        self.address = loan[0]
        self.nbytes = nbytes
        self.keeper = None
        self.is_writable = True
        self._allocator, self._loan = allocator, loan

    def __del__(self) -> None:
        # May run anywhere, even while this thread holds the lock: so the block is only noted here,
        # and whoever gets the lock next takes it back.
        allocator, loan = self._allocator, self._loan
        returned = allocator.returned
        returned.append(loan)
        if loan[1] > _LARGEST_WAITING or len(returned) > _MOST_WAITING:
            allocator.settle()


class CpuAllocator:
    """Gives memory of this machine.

    Args:
        capacity: the most that is mapped at any time, bytes; by default all that the machine, or
            the group that the process is in, has.
        keep: the most that is kept for reuse, bytes, beside slabs; by default half the capacity.
        trace: is told of buffers given and taken back; of the latter at the next call, as a
            finaliser may run in the middle of a sink's work.

    Attributes:
        returned: loans that have ended and that nobody has looked at yet.
    """

    def __init__(
        self,
        *,
        capacity: int | None = None,
        keep: int | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._trace = Trace() if trace is None else trace
        self._events: deque[Event] = deque()
        self._numbers = itertools.count()
        self._capacity = host.memory_bytes() if capacity is None else capacity
        self._keep = self._capacity // 2 if keep is None else keep
        self._lock = threading.RLock()
        self._is_inside = False  # whether the thread with the lock is in the middle of something
        self._free: dict[int, list[int]] = {}
        self._kept: dict[int, int] = {}  # mapped blocks in `_free`, oldest first: address to size
        self._slabs: dict[int, int] = {}  # address of a slab to the size class carved from it
        self._uncarved: dict[int, range] = {}  # size class to what is left of its newest slab
        self.returned: deque[tuple[int, int, int]] = deque()  # address, size and number
        self._aside: deque[tuple[int, int]] = deque()  # size and number of what handlers were given
        self._live = self._peak = self._mapped = self._kept_bytes = self._carved_free = 0
        hold_while_forking(self._lock)

    def __del__(self) -> None:
        # Nothing is on loan any more: each loan keeps its allocator.
        self._catch_up()
        self._trim()

    def allocate(self, nbytes: int) -> Buffer:
        """Return a buffer that begins on a 64-byte line (at least); its contents are undefined.

        Raises:
            OutOfMemoryError: the capacity or the machine's memory does not suffice.
        """
        if nbytes < 0:
            raise ArgumentError("A size cannot be negative", got=nbytes, expected="0 or more")
        size = size_class(nbytes)
        if self.returned and not self._trace.enabled and (loan := self._lend_again(size)):
            return _Loan(self, loan, nbytes)
        with self._lock:
            if self._is_inside:
                return self._allocate_aside(nbytes)
            try:
                self._is_inside = True
                if self.returned or self._aside:
                    self._catch_up()
                address = self._take(size)
                number = next(self._numbers)
                self._count(size, number)
            finally:
                self._is_inside = False
        if self._events:
            self._tell()
        return _Loan(self, (address, size, number), nbytes)

    def _lend_again(self, size: int) -> tuple[int, int, int] | None:
        """Return one of the loans returned last, if it fits: to all accounts it never ended."""
        for _ in range(_LOOKED_AT):
            try:
                loan = self.returned.pop()
            except IndexError:
                return None
            if loan[1] == size:
                return loan
            self.returned.appendleft(loan)
        return None

    def copy_in(self, destination: Buffer, source: memoryview) -> None:
        """Copy contiguous bytes into a buffer of the same size."""
        destination.view()[:] = source.cast("B")

    def copy_out(self, destination: memoryview, source: Buffer) -> None:
        """Copy a buffer into contiguous bytes of the same size."""
        destination.cast("B")[:] = source.view()

    def trim(self) -> int:
        """Give all that is kept back to the system, and return how many bytes.

        What the C library keeps goes, too, uncounted.
        """
        with self._alone() as is_alone:
            trimmed = self._trim() if is_alone else 0
        trim_heap()
        self._tell()
        return trimmed

    def statistics(self) -> MemoryStatistics:
        """Say what is held now."""
        with self._alone():
            pass
        self._tell()
        with self._lock:
            return MemoryStatistics(
                live=self._live,
                peak=self._peak,
                kept=self._kept_bytes + self._carved_free,
                mapped=self._mapped,
                capacity=self._capacity,
            )

    def reset_peak(self) -> None:
        """Start measuring the peak anew."""
        with self._alone():
            self._peak = self._live

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Hold the lock in a `with` statement, with the books up to date.

        Yields False where a handler interrupts its own thread in there: then they must be left.
        """
        with self._lock:
            if self._is_inside:
                yield False
                return
            try:
                self._is_inside = True
                self._catch_up()
                yield True
            finally:
                self._is_inside = False

    def _allocate_aside(self, nbytes: int) -> Buffer:
        """Map memory for a handler that interrupts its own thread in here; it is noted only."""
        size = size_class(max(nbytes, _LARGEST_CARVED + 1))
        reason = self._why_not(size)
        address = 0 if reason else map_pages(size)
        if not address:
            raise self._lack(size, reason)
        number = next(self._numbers)
        self._aside.append((size, number))
        return _Loan(self, (address, size, number), nbytes)

    def _tell(self) -> None:
        while True:
            try:
                event = self._events.popleft()
            except IndexError:
                return
            self._trace.emit(event)

    def settle(self) -> None:
        """Take returned loans back, unless somebody is in the middle of something."""
        while self.returned and not self._is_inside and self._lock.acquire(blocking=False):
            try:
                with self._alone():
                    pass
            finally:
                self._lock.release()

    def _catch_up(self) -> None:
        """Bring the books up to date with what was only noted."""
        while True:
            if self._aside:
                size, number = self._aside.popleft()
                self._mapped += size
                self._count(size, number)
                continue
            try:
                loan = self.returned.popleft()
            except IndexError:  # none is left; a handler may just have been lent the last
                return
            self._take_back(*loan)

    def _count(self, size: int, number: int) -> None:
        self._live += size
        self._peak = max(self._peak, self._live)
        if self._trace.enabled:
            self._events.append(BufferAllocated("cpu", number, size, self._live))

    def _take_back(self, address: int, size: int, number: int) -> None:
        self._live -= size
        if self._trace.enabled:
            self._events.append(BufferFreed("cpu", number, size, self._live))
        self._free.setdefault(size, []).append(address)
        if size <= _LARGEST_CARVED:
            self._carved_free += size
            return
        self._kept[address] = size
        self._kept_bytes += size
        while self._kept_bytes > self._keep:
            self._drop_oldest()

    def _take(self, size: int) -> int:
        free = self._free.get(size)
        if size > _LARGEST_CARVED:
            if not free:
                return self._map(size)
            self._kept_bytes -= size
            address = free.pop()
            del self._kept[address]
            return address
        if free:
            self._carved_free -= size
            return free.pop()
        rest = self._uncarved.get(size, range(0))
        if not rest:
            slab = self._map(_SLAB)
            self._slabs[slab] = size
            rest = range(slab, slab + _SLAB - size + 1, size)
        self._uncarved[size] = rest[1:]
        return rest[0]

    def _drop_oldest(self) -> None:
        address = next(iter(self._kept))
        size = self._kept.pop(address)
        self._kept_bytes -= size
        self._free[size].remove(address)
        self._unmap(address, size)

    def _trim(self) -> int:
        before = self._mapped
        while self._kept:
            self._drop_oldest()
        unused = Counter[int]()
        for size in set(self._slabs.values()):
            unused.update(_slab_of(address) for address in self._free.get(size, ()))
            unused.update(_slab_of(address) for address in self._uncarved.get(size, ()))
        empty = {slab for slab, size in self._slabs.items() if unused[slab] == _SLAB // size}
        for size in {self._slabs[slab] for slab in empty}:
            free = self._free.pop(size, [])
            self._free[size] = [address for address in free if _slab_of(address) not in empty]
            self._carved_free -= size * (len(free) - len(self._free[size]))
            rest = self._uncarved.get(size)
            if rest and _slab_of(rest[0]) in empty:
                del self._uncarved[size]
        for slab in empty:
            del self._slabs[slab]
            self._unmap(slab, _SLAB)
        return before - self._mapped

    def _map(self, size: int) -> int:
        """Map memory; when there is too little, first give back what is kept."""
        for is_last_try in (False, True):
            reason = self._why_not(size)
            if not reason:
                address = map_pages(size, _SLAB if size == _SLAB else mmap.PAGESIZE)
                if address:
                    self._mapped += size
                    return address
            if not is_last_try:
                self._trim()
        raise self._lack(size, reason)

    def _lack(self, size: int, reason: str) -> OutOfMemoryError:
        return OutOfMemoryError(
            f"Out of memory: {reason or 'the system refuses to map more'}",
            got=f"a request for {_readable(size)} with {_readable(self._live)} in use",
            expected=f"at most {_readable(self._capacity)} in all",
            mend="use smaller batches, or drop tensors that are not needed any more",
        )

    def _why_not(self, size: int) -> str:
        # The system promises more than it has and ends the process that uses it: so ask before.
        if self._mapped + size > self._capacity:
            return "it would exceed the device's capacity"
        if size >= _CHECK_FROM and size > (available := host.available_bytes()):
            return f"the machine has only {_readable(available)} left"
        return ""

    def _unmap(self, address: int, size: int) -> None:
        unmap_pages(address, size)
        self._mapped -= size


def _readable(nbytes: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if nbytes >> shift:
            return f"{nbytes / (1 << shift):.4g} {unit}"
    return f"{nbytes} bytes"

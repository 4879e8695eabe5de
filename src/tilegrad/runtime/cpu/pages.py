"""Pages from the operating system."""

from __future__ import annotations

import ctypes
import functools
import mmap
import os

HUGE_PAGE = 2 << 20
HUGE_FROM = 4 << 20
_MOST_HEAPS = -8
"""M_ARENA_MAX of glibc's malloc.h."""


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    size, number = ctypes.c_size_t, ctypes.c_int
    libc.mmap.argtypes = [size, size, number, number, number, ctypes.c_long]
    libc.mmap.restype = size
    libc.munmap.argtypes = [size, size]
    libc.madvise.argtypes = [size, size, number]
    libc.mprotect.argtypes = [size, size, number]
    return libc


def map_pages(size: int, alignment: int = mmap.PAGESIZE) -> int:
    """Map zeroed memory and return its address, a multiple of the alignment; 0 if refused.

    Both are multiples of the page size. From 4 MiB on, huge pages are asked for.
    """
    if size >= HUGE_FROM:
        alignment = max(alignment, HUGE_PAGE)
    spare = alignment - mmap.PAGESIZE
    protection, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = _libc().mmap(0, size + spare, protection, flags, -1, 0)
    if address == ctypes.c_size_t(-1).value:
        return 0
    head = -address % alignment
    if head:
        unmap_pages(address, head)
    if spare > head:
        unmap_pages(address + head + size, spare - head)
    if size >= HUGE_FROM:
        # Advice only: a kernel without huge pages refuses it, and nothing is lost.
        _libc().madvise(address + head, size, mmap.MADV_HUGEPAGE)
    return address + head


def unmap_pages(address: int, size: int) -> None:
    """Give mapped memory back."""
    _libc().munmap(address, size)


def protect_code(address: int, size: int) -> None:
    """Let mapped memory be executed, and no longer written; raises OSError if that is refused."""
    if _libc().mprotect(address, size, mmap.PROT_READ | mmap.PROT_EXEC):
        number = ctypes.get_errno()
        raise OSError(number, f"memory cannot be made executable: {os.strerror(number)}")


def trim_heap() -> None:
    """Give back what the C library keeps of freed memory, such as the compiler's, where it can."""
    trim = getattr(_libc(), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(ctypes.c_size_t(0))


def share_heap() -> None:
    """Let threads that start from now on share one heap of the C library, where it has several.

    glibc gives threads heaps of their own, up to eight for each processor. Each of them keeps what
    the greatest task in it took, so a program whose tasks wander between threads grows for hours.
    """
    set_option = getattr(_libc(), "mallopt", None)  # other libraries know no such option
    if set_option is not None:
        set_option(_MOST_HEAPS, 1)

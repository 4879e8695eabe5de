"""Pages and heaps of the operating system and the C library."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

COUNT_HEAPS = """
import ctypes, os, threading
from tilegrad.runtime.cpu.pages import share_heap

{first}
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
all_have_some = threading.Barrier(6)

def work():
    libc.malloc(1000)
    all_have_some.wait()

threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
reading, writing = os.pipe()
stream = ctypes.c_void_p(libc.fdopen(writing, b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
print(os.fdopen(reading).read().count("<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heaps are glibc's")
def test_threads_share_a_heap():
    """A server whose threads had a heap each grew by some KiB a request."""
    counts = []
    for first in ("", "share_heap()"):
        command = [sys.executable, "-c", COUNT_HEAPS.format(first=first)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        counts.append(int(done.stdout))
    assert counts[0] > 3
    assert counts[1] == 1

"""Where things lie in the memory that Python and the native code share.

All offsets and sizes are in 8-byte words, but for the 4-byte fields (`_HALF`), whose offsets are in
bytes. What different threads write at the same time lies on different lines; a line is taken as
128 bytes, as processors fetch 64-byte lines in pairs.
"""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np

WORD: Final = 8
LINE: Final = 16  # words

# --- the pool: a header of four lines and two lines for each worker ---------------------------
# How many units of the open region nobody has claimed, and in the upper half how many of those that
# are claimed workers have; 0 if none is left. What a claimer reads next is on its line.
UNCLAIMED: Final = 0
REGION_LAUNCHES: Final = 1  # address of the region's first launch record
REGION_UNITS: Final = 2
# Where workers sleep.
EPOCH_HALF: Final = LINE * WORD  # 4 bytes: changes whenever sleepers must look again
SLEEPERS_HALF: Final = EPOCH_HALF + 4  # 4 bytes
SHUTDOWN_HALF: Final = EPOCH_HALF + 8  # 4 bytes
# Where the caller sleeps.
COMPLETION_HALF: Final = 2 * LINE * WORD  # 4 bytes: changes whenever the caller must look again
WAITING_HALF: Final = COMPLETION_HALF + 4  # 4 bytes
# What does not change.
WORKERS: Final = 3 * LINE
SPIN_NS: Final = WORKERS + 1  # how long workers and caller spin without a thought for others
YIELD_NS: Final = WORKERS + 2  # how long they look for news, letting others run, before they sleep
SLICE_NS: Final = WORKERS + 3  # how long a call runs before it lets Python look at signals
# What workers ask memory for when they have done their part of a region: spans, each by the
# addresses of its first byte and of the one behind it; both 0 for none.
AHEAD: Final = 4 * LINE
SPANS: Final = 4
AHEAD_WORDS: Final = 2 * SPANS
POOL_WORDS: Final = 5 * LINE
# A worker's words: whether it may hold a unit, its thread's number at the operating system, what
# is done about the processors that it may use (below), and these as they were before that.
BUSY: Final = 0
THREAD: Final = 1
CHOICE: Final = 2
MASK: Final = LINE  # a bit for each of the first 1,024 processors
MASK_WORDS: Final = LINE
WORKER_WORDS: Final = MASK + MASK_WORDS

# --- a recording: its header, then group records, launch records and arguments ---------------
GROUPS: Final = 0  # address of the first group record
GROUP_COUNT: Final = 1
POSITION: Final = 2  # the group to go on with
IS_OPEN: Final = 3  # whether that group's region is open already
LAUNCHES: Final = 4  # address of the first launch record
LAUNCH_COUNT: Final = 5
RECORDING_WORDS: Final = LINE

GROUP_LAUNCHES: Final = 0  # address of its first launch record
GROUP_UNITS: Final = 1
GROUP_AHEAD: Final = 2  # address of the spans of the next group that is divided
GROUP_WORDS: Final = 3

KERNEL: Final = 0
FINISH: Final = 1  # or 0
ARGUMENTS: Final = 2  # address of the first slot
BLOCKS: Final = 3
CHUNK: Final = 4
FIRST_UNIT: Final = 5  # within the group
UNITS: Final = 6
TIMES: Final = 7  # address of the start and the end, or 0
REMAINING: Final = LINE  # units that are not done; counted only if there is a finish function
LAUNCH_WORDS: Final = 2 * LINE

# A worker's CHOICE. It makes the choice open, the waker begins and narrows it, the worker ends it.
CHOICE_NONE: Final = 0  # it is awake
CHOICE_OPEN: Final = 1  # it sleeps, or is about to
CHOICE_BEGUN: Final = 2  # whoever wakes it is changing its processors
CHOICE_NARROWED: Final = 3  # it may use fewer than before, which are in its mask

# What the native functions return.
DONE: Final = 0
UNFINISHED: Final = 1


class SharedWords:
    """Zeroed words that begin on a line, for native code and Python to share.

    Attributes:
        address: of the first word.
        handle: the address as native functions take it soonest.
        words: the words, as signed integers.
    """

    __slots__ = ("address", "handle", "words")

    def __init__(self, count: int) -> None:
        spare = np.zeros(count + LINE, np.int64)
        skipped = -spare.ctypes.data % (LINE * WORD) // WORD
        array = spare[skipped : skipped + count]
        self.address: int = array.ctypes.data
        self.handle = ctypes.c_size_t(self.address)
        self.words: memoryview[int] = array.data.cast("B").cast("q")

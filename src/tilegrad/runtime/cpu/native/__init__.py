"""The native part of the CPU runtime: LLVM IR, written by hand, compiled when a pool first starts.

The `.ll` files beside this one are templates: `$NAME` stands for an offset from `layout.py`, in
bytes, or for what differs between architectures.

Four functions are called from Python (see `pool.py` for when):

- `run(pool, recording)` runs a recording's groups in order and returns DONE, or UNFINISHED when
  its time slice is over; calling it again goes on where it stopped. Workers do not stop meanwhile.
- `stop(pool, recording)` hands out no more work, waits until no worker is inside a unit (or
  returns UNFINISHED after a time slice) and sets the recording back to its beginning.
- `worker(pool, index)` is the life of a worker thread; it returns after `shutdown(pool)`.

How threads agree. A region is open while UNCLAIMED is above 0; its description is written before
that (release) and read after it (acquire). A worker sets its BUSY before it looks at UNCLAIMED to
claim a unit by compare-and-swap, and clears it when it finds nothing more. So when the caller finds
nothing unclaimed and then sees every BUSY clear, all units are done, their writes are visible, and
nobody will read the description again: the next region may be written. No count of finished units
is needed, and a worker that sleeps through a region costs nothing.

Each side that may sleep does so by the same rule, in sequentially consistent order: the sleeper
announces itself, then looks once more; the waker changes the state, then looks for sleepers. One of
the two sees the other, and the futex compares a counter that the waker changes, so none is lost.

Who does what. The caller claims units from the first one on, workers claim from the last one back,
until they meet. So at every replay a thread has much the same units, whose data are in its own
caches, and what it does next lies beside what it has just done (decision 0033).

What a worker does before it waits: it asks for the memory that the next region reads, where its
units will be, so that memory has work while the caller runs small launches alone (decision 0044).

Where they run. A worker that is woken may use every processor but the caller's until it has risen
(`steer` in `caller.ll`): without that, measured on two processors after rests of 0.1 s, Linux woke
it on the caller's in about half of all cases, and the two took turns while the other one was idle.
"""

from __future__ import annotations

from importlib import resources
from string import Template

from tilegrad.base.errors import DeviceError
from tilegrad.runtime.cpu import layout

# Per architecture: declaration of the spin-wait hint, the call, and Linux's numbers of the calls.
_ARCHITECTURES = {
    "x86_64": {
        "DECLARE_PAUSE": "declare void @llvm.x86.sse2.pause()",
        "PAUSE": "call void @llvm.x86.sse2.pause()",
        "SYSCALL_FUTEX": "202",
        "SYSCALL_GETTID": "186",
        "SYSCALL_SCHED_GETAFFINITY": "204",
        "SYSCALL_SCHED_SETAFFINITY": "203",
        "SYSCALL_SCHED_YIELD": "24",
    },
    "aarch64": {
        "DECLARE_PAUSE": "declare void @llvm.aarch64.hint(i32)",
        "PAUSE": "call void @llvm.aarch64.hint(i32 1)",
        "SYSCALL_FUTEX": "98",
        "SYSCALL_GETTID": "178",
        "SYSCALL_SCHED_GETAFFINITY": "123",
        "SYSCALL_SCHED_SETAFFINITY": "122",
        "SYSCALL_SCHED_YIELD": "124",
    },
}
_AHEAD_LINES = 4096
"""Lines of 64 bytes that workers ask for early: a quarter of a second cache of 1 MiB."""
_FILES = ("system.ll", "units.ll", "waiting.ll", "caller.ll", "worker.ll")


def native_source(architecture: str) -> str:
    """Return the IR for an architecture (`x86_64`, `aarch64`); raises DeviceError for others."""
    try:
        spelling = _ARCHITECTURES[architecture]
    except KeyError:
        raise DeviceError(
            "The CPU device does not know this architecture",
            got=architecture,
            expected=", ".join(_ARCHITECTURES),
        ) from None
    numbers = {name: value for name, value in vars(layout).items() if isinstance(value, int)}
    values = ("DONE", "UNFINISHED", "CHOICE_NONE", "CHOICE_OPEN", "CHOICE_BEGUN", "CHOICE_NARROWED")
    offsets = {
        name: value if name.endswith("_HALF") or name in values else value * layout.WORD
        for name, value in numbers.items()
    }
    folder = resources.files(__package__ or __name__)
    text = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in _FILES)
    return Template(text).substitute(offsets, AHEAD_LINES=_AHEAD_LINES, **spelling)

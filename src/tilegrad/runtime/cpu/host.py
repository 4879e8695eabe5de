"""What the operating system says about this machine: cores, caches, memory. Linux.

A file that is missing or unreadable (as in some containers) means an unknown fact, for which each
function states its answer; nothing here raises.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_CGROUPS = Path("/sys/fs/cgroup")
_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XFEATURE_XTILEDATA = 158, 0x1023, 18


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _integer(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def model_name() -> str:
    """Return the processor's name as its maker writes it, or the architecture's name."""
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        label, _, value = line.partition(":")
        if label.strip() == "model name":
            return value.strip()
    return platform.machine()


def processor_flags() -> str:
    """Return what the system says that the first processor can do, as one text."""
    lines = _read(Path("/proc/cpuinfo")).partition("\n\n")[0].splitlines()
    wanted = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU part")
    return "\n".join([platform.machine(), *(line for line in lines if line.startswith(wanted))])


def logical_cores() -> int:
    """Return how many threads may run at once: the allowed cores, within the group's quota."""
    allowed = len(os.sched_getaffinity(0))
    for group in _control_groups("cpu"):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        quota = quota or _read(group / "cpu.cfs_quota_us")
        period = period or _read(group / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal():
            allowed = min(allowed, -(-int(quota) // max(int(period), 1)))
    return max(allowed, 1)


def physical_cores() -> int:
    """Return how many distinct cores the allowed logical ones are; siblings count once."""
    siblings = set()
    for cpu in os.sched_getaffinity(0):
        listed = _read(_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list")
        siblings.add(listed or str(cpu))
    return max(min(len(siblings), logical_cores()), 1)


@dataclass(frozen=True, slots=True)
class CacheSizes:
    """Bytes of the caches that hold data, as one core sees them; 0 where there is none."""

    l1: int
    l2: int
    l3: int


def cache_sizes() -> CacheSizes:
    """Return the sizes of the first allowed core's caches; 32 KiB, 512 KiB, 0 where unknown."""
    sizes = {1: 32 << 10, 2: 512 << 10, 3: 0}
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    for index in (_CPUS / f"cpu{min(os.sched_getaffinity(0))}" / "cache").glob("index*"):
        level, size = _integer(_read(index / "level")), _read(index / "size")
        number = _integer(size[:-1])
        if _read(index / "type") == "Instruction" or level not in sizes or number is None:
            continue
        sizes[level] = number * units.get(size[-1], 1)
    return CacheSizes(sizes[1], sizes[2], sizes[3])


def _control_groups(controller: str) -> Iterator[Path]:
    """Yield the directories of this process's groups for a controller and of all above them."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controllers
        group = root / path.lstrip("/")
        yield from (level for level in (group, *group.parents) if level.is_relative_to(root))


def _numbers(path: Path) -> dict[str, int]:
    """Read a file of lines `name value`, or `name: value kB` as in /proc/meminfo."""
    rows = (line.split() for line in _read(path).splitlines())
    return {
        row[0].rstrip(":"): int(row[1]) << (10 if len(row) == 3 else 0)
        for row in rows
        if len(row) in (2, 3) and row[1].isdecimal()
    }


def _group_memory() -> Iterator[tuple[int, int]]:
    """Yield each group's limit and what it uses and could not drop at once, in bytes."""
    for group in _control_groups("memory"):
        limit = _integer(_read(group / "memory.max") or _read(group / "memory.limit_in_bytes"))
        used = _integer(_read(group / "memory.current") or _read(group / "memory.usage_in_bytes"))
        if limit is not None and used is not None:
            numbers = _numbers(group / "memory.stat")
            droppable = numbers.get("total_inactive_file", numbers.get("inactive_file", 0))
            yield limit, max(used - droppable, 0)


def memory_bytes() -> int:
    """Return how much memory this process may use: the machine's, or its group's limit."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *(limit for limit, _ in _group_memory())])


def available_bytes() -> int:
    """Return how much memory could still be taken before the system kills for it."""
    numbers = _numbers(Path("/proc/meminfo"))
    machine = numbers.get("MemAvailable", memory_bytes()) + numbers.get("SwapFree", 0)
    return min([machine, *(max(limit - used, 0) for limit, used in _group_memory())])


def request_amx() -> bool:
    """Ask the kernel to let this process use AMX tiles; says whether it may.

    The permission is the whole process's and stays. See Linux, Documentation/arch/x86/xstate.rst.
    """
    if platform.machine() != "x86_64":
        return False
    syscall = ctypes.CDLL(None).syscall
    syscall.restype = ctypes.c_long
    arguments = (_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XFEATURE_XTILEDATA)
    return syscall(*map(ctypes.c_long, arguments)) == 0

"""What a user waits for: the command `tilegrad chat`, each time in a new process."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from benchmarks.process import ROOT, environment

PROMPT = "What is the capital of France?"
WARM_STARTS, COLD_STARTS = 5, 2
CACHES = ROOT / "build" / "benchmarks" / "caches"


class Start(NamedTuple):
    """One run of the command.

    Attributes:
        first: seconds until the first character of the reply.
        peak: the most memory that was resident, in bytes.
    """

    first: float
    peak: int


def describe_surroundings(threads: int) -> dict[str, str]:
    """Return the environment of a program that is measured."""
    # As after an installation, every module's bytecode is on disk.
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHES / "python")}
    return os.environ | environment(threads, CACHES) | bytecode


def measure_command(path: Path, threads: int) -> dict[str, float]:
    """Return medians of what the command takes, by what is measured.

    Warm, its kernels are on disk and the file is in the system's memory. Cold, there are no kernels
    and the system has been asked to let go of the file.
    """
    # Linux counts the memory of whoever starts a process into its peak: a small process does.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, path, threads).result()


def _measure(path: Path, threads: int) -> dict[str, float]:
    start_command(path, threads)
    warm = [start_command(path, threads) for _ in range(WARM_STARTS)]
    cold = []
    for _ in range(COLD_STARTS):
        drop_pages(path)
        with tempfile.TemporaryDirectory() as kernels:
            cold.append(start_command(path, threads, Path(kernels)))
    return {**_summarise("warm", warm), **_summarise("cold", cold)}


def _summarise(state: str, starts: Sequence[Start]) -> dict[str, float]:
    first = statistics.median(start.first for start in starts)
    peak = statistics.median(start.peak for start in starts)
    return {
        f"command to the first character, {state}, seconds": first,
        f"peak memory of the command, {state}, MB": peak / 1e6,
    }


def start_command(path: Path, threads: int, kernels: Path | None = None) -> Start:
    """Run the command and wait for its end.

    Args:
        path: the model's file.
        threads: how many it may use.
        kernels: where it finds compiled kernels, None for where it left them before.
    """
    chosen = {} if kernels is None else {"TILEGRAD_CACHE_DIRECTORY": str(kernels)}
    command = str(Path(sys.executable).with_name("tilegrad"))
    start = time.perf_counter()
    with subprocess.Popen(
        [command, "chat", "--model", str(path), "--temperature", "0", PROMPT],
        env=describe_surroundings(threads) | chosen,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        if process.stdout is None or not process.stdout.read(1):
            raise RuntimeError(f"{command} chat gave no reply")
        first = time.perf_counter() - start
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Start(first, usage.ru_maxrss << 10)


def drop_pages(path: Path) -> None:
    """Ask the system to forget what it has read of a file, so that it is read from the disk."""
    with path.open("rb") as file, contextlib.suppress(AttributeError):  # only Linux has it
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

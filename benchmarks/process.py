"""The other end of `worker.py`: starting a library's process and asking it."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
CLANGS = ("clang", *(f"clang-{version}" for version in range(25, 13, -1)))


class SkippedError(Exception):
    """A library gives no result for a case; the message says why."""


class Process:
    """A library in a process of its own.

    Args:
        library: its name.
        threads: how many threads it may use.
        caches: a folder for everything that the library keeps on disk.
        limit: seconds that an answer may take; then the process is ended.
    """

    def __init__(self, library: str, threads: int, caches: Path, limit: float) -> None:
        self.library = library
        self.limit = limit
        self.versions: dict[str, str] = {}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", library, str(threads)],
            cwd=ROOT,
            env=os.environ | environment(threads, caches),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )
        try:
            self.versions = self._read()["versions"]
        except SkippedError:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, do: str, **arguments: object) -> dict[str, Any]:
        """Ask and return the answer.

        Raises:
            SkippedError: the library cannot do it, failed, died or took too long.
        """
        if not self.is_alive or self._process.stdin is None:
            raise SkippedError("its process has ended")
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        output = self._process.stdout
        if output is None:
            raise SkippedError("its process has no output")
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            if not selector.select(self.limit):
                self._process.kill()
                raise SkippedError(f"took longer than {self.limit:.0f} s")
        line = output.readline()
        if not line:
            raise SkippedError(f"its process ended: {self._last_error()}")
        answer = json.loads(line)
        for problem in ("unsupported", "failed"):
            if problem in answer:
                raise SkippedError(answer[problem])
        return answer

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.wait()}"


def environment(threads: int, caches: Path) -> dict[str, str]:
    """Return the variables that give every library the same threads and its own caches."""
    counts = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "TILEGRAD")
    names = {"OMP": "OMP_NUM_THREADS", "TILEGRAD": "TILEGRAD_THREADS"}
    limits = {names.get(name, f"{name}_NUM_THREADS"): str(threads) for name in counts}
    return limits | {
        "TILEGRAD_CACHE_DIRECTORY": str(caches / "tilegrad"),
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "torch"),
        "TORCHINDUCTOR_COMPILE_THREADS": str(threads),
        "JAX_COMPILATION_CACHE_DIR": str(caches / "jax"),
        "CACHEDB": str(caches / "tinygrad" / "cache.db"),
        "DEV": "CPU",  # tinygrad's device, and the compiler that it starts
        "CC": next(filter(shutil.which, CLANGS), CLANGS[0]),
    }

"""Compiled kernels on disk, one file each.

An entry is written to a file of its own and then renamed into place, so a reader sees all of it or
nothing, whatever other processes do and whenever one is killed. It starts with a checksum; a
damaged entry is reported, removed and made anew. A directory that cannot be written is reported
once and then only read. What no process has read for a month is removed when something else is
kept in its folder: it belongs to versions of the compiler, or to programs, that nobody uses.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
import warnings
from pathlib import Path

from tilegrad.base.events import CacheEntryCorrupted
from tilegrad.base.trace import Trace

_MAGIC = b"tilegrad kernel 1\n"
_DIGEST_BYTES = 32
_KEPT_SECONDS = 30 * 24 * 3600.0


class CacheWarning(UserWarning):
    """The cache on disk does not work as it should; results are right, only slower."""


class DiskCache:
    """Maps keys to binaries.

    Args:
        directory: where the entries lie; made when first needed.
        trace: is told of damaged entries.
    """

    def __init__(self, directory: Path, trace: Trace) -> None:
        self.directory = directory
        self.trace = trace
        self._is_writable = True

    def path(self, key: str) -> Path:
        """Return the file of an entry."""
        name = hashlib.blake2b(key.encode(), digest_size=20).hexdigest()
        return self.directory / name[:2] / f"{name[2:]}.kernel"

    def get(self, key: str) -> bytes | None:
        """Return the binary of an entry, or None if there is none that can be used."""
        path = self.path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._report(path, f"it cannot be read: {error}")
            return None
        problem, binary = _unpack(content)
        if problem is not None:
            self._report(path, problem)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):  # in a directory that is only read nothing is removed
            os.utime(path)
        return binary

    def put(self, key: str, binary: bytes) -> None:
        """Keep the binary of an entry; a failure to do so is reported, once, and harmless."""
        if not self._is_writable:
            return
        path = self.path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _drop_unused(path.parent)
            descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_MAGIC + hashlib.blake2b(binary, digest_size=_DIGEST_BYTES).digest())
                    file.write(binary)
                Path(name).replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            self._is_writable = False
            warnings.warn(
                f"compiled kernels cannot be kept in {self.directory}: {error}; "
                "set TILEGRAD_CACHE_DIRECTORY to a directory that can be written, "
                "or TILEGRAD_CACHE=off",
                CacheWarning,
                stacklevel=2,
            )

    def _report(self, path: Path, reason: str) -> None:
        warnings.warn(
            f"an entry of the kernel cache is compiled again, as {reason}: {path}",
            CacheWarning,
            stacklevel=3,
        )
        if self.trace.enabled:
            self.trace.emit(CacheEntryCorrupted(path=str(path), reason=reason))


def _drop_unused(folder: Path) -> None:
    """Remove what was last read or written long ago, also what killed processes left half."""
    latest = time.time() - _KEPT_SECONDS
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # another process was quicker, or owns it
                if entry.stat().st_mtime < latest:
                    Path(entry).unlink()


def _unpack(content: bytes) -> tuple[str | None, bytes]:
    start = len(_MAGIC) + _DIGEST_BYTES
    if not content.startswith(_MAGIC) or len(content) < start:
        return "its header is damaged", b""
    binary = content[start:]
    expected = content[len(_MAGIC) : start]
    if hashlib.blake2b(binary, digest_size=_DIGEST_BYTES).digest() != expected:
        return "its checksum is wrong", b""
    return None, binary

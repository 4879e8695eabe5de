"""The cache directory: compiled kernels and fetched data sets; how large it is, and emptying it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tilegrad.apps.units import format_bytes
from tilegrad.base.errors import CacheError

# The folders of the cache directory, and what is in them.
PARTS = {
    "kernels": "compiled kernels",
    "schedules": "schedules found by `tilegrad tune`",
    "datasets": "data sets",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """How much a directory holds.

    Attributes:
        files: how many files.
        size_bytes: their sizes added up.
    """

    files: int
    size_bytes: int

    def __str__(self) -> str:
        return f"{format_bytes(self.size_bytes)} in {self.files} file{'s' * (self.files != 1)}"


def measure_directory(directory: Path) -> Usage:
    """Return how much a directory and all below it hold; one that is not there holds nothing.

    Files that vanish meanwhile, as other processes work in the cache, are not counted.

    Raises:
        CacheError: a directory may not be read.
    """
    files = size = 0
    try:
        for path in directory.rglob("*"):
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            if not path.is_dir():
                files, size = files + 1, size + status.st_size
    except OSError as error:
        raise CacheError(
            f"The cache directory {directory} cannot be read", got=error.strerror
        ) from error
    return Usage(files, size)


def measure_cache(directory: Path) -> dict[str, Usage]:
    """Return how much each part of the cache holds, by its name in `PARTS`."""
    return {part: measure_directory(directory / part) for part in PARTS}


def clear_part(directory: Path, part: str) -> Usage:
    """Delete a part of the cache and return how much it held.

    Other processes may work in the cache meanwhile: they make anew what they miss. Nothing but the
    part's own folder is touched, whatever else is in the directory.

    Args:
        directory: the cache directory.
        part: the part's name, one of `PARTS`.

    Raises:
        CacheError: something cannot be deleted.
    """
    folder = directory / part
    used = measure_directory(folder)
    try:
        if folder.is_dir():
            shutil.rmtree(folder)
    except FileNotFoundError:
        pass  # another process was quicker
    except OSError as error:
        raise CacheError(
            f"{folder} cannot be deleted", got=f"{error.filename}: {error.strerror}"
        ) from error
    return used


def print_usage(directory: Path, console: Console) -> None:
    """Print where the cache is and how much each part of it holds."""
    console.print(str(directory), soft_wrap=True, highlight=False)
    for part, used in measure_cache(directory).items():
        console.print(f"  {PARTS[part]}: {used}", highlight=False)


def clear_cache(directory: Path, console: Console, parts: Sequence[str]) -> None:
    """Delete parts of the cache, by their names in `PARTS`, and print how much that was."""
    for part in parts:
        console.print(f"deleted {clear_part(directory, part)} of {PARTS[part]}", highlight=False)

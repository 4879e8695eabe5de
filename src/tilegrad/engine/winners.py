"""Schedules that a search found to be faster than the default, on disk and in memory.

An entry says, for one kernel on one machine, which choices to make otherwise than the cost model
does. Like compiled kernels, entries are files of their own, so that processes share them.
"""

from __future__ import annotations

import json

from tilegrad.engine.cache import DiskCache
from tilegrad.tile.decisions import NO_CHOICES, Choices


class Winners:
    """The choices that won, by the digest of what is lowered.

    Args:
        machine: all that decides which schedule is fastest, besides the kernel.
        cache: the entries on disk; None to keep them in memory only.

    Attributes:
        is_empty: whether there are none at all.
    """

    def __init__(self, machine: str, cache: DiskCache | None = None) -> None:
        self.machine = machine
        self.cache = cache
        self._known: dict[str, Choices] = {}
        # Most users never searched: then nothing is looked up, kernel by kernel.
        self.is_empty = cache is None or not cache.directory.is_dir()

    def find(self, digest: str) -> Choices:
        """Return the choices for a kernel, none if nothing better than the default is known."""
        found = self._known.get(digest)
        if found is not None or self.is_empty or self.cache is None:
            return found or NO_CHOICES
        entry = self.cache.get(self._key(digest))
        found = self._known[digest] = NO_CHOICES if entry is None else json.loads(entry)
        return found

    def keep(self, digest: str, choices: Choices) -> None:
        """Remember the choices for a kernel, for later processes too."""
        self._known[digest] = dict(choices)
        self.is_empty = False
        if self.cache is not None:
            self.cache.put(self._key(digest), json.dumps(dict(choices)).encode())

    def _key(self, digest: str) -> str:
        return f"{self.machine} {digest}"

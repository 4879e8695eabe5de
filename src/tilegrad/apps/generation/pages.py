"""Which page of memory is whose, and which pages hold the beginning of a text.

A full page depends on its tokens and all before them alone. So it is known by a digest of these,
and every sequence that begins with them may use it. The last page of a text, which is not full, is
known by the page before it, and handed to the next text that goes on alike. A page that nobody uses
stays until memory is needed; the one whose last use is longest ago goes first.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence

import numpy

from tilegrad.base.errors import OutOfMemoryError

_END = b"end"
"""What the key of a page that is not full begins with, before the key of the page before it."""


class Pages:
    """The pages of a memory; page 0 is not given out.

    Args:
        count: how many there are, page 0 included.
        size: tokens of a page.

    Attributes:
        size: as given.
    """

    def __init__(self, count: int, size: int) -> None:
        self.size = size
        self._count = count
        self._empty = deque(range(1, count))
        self._users = [0] * count
        self._keys: dict[int, bytes] = {}
        self._known: dict[bytes, int] = {}
        self._unused: dict[int, None] = {}  # known pages without users, the oldest first
        self._ends: dict[int, list[int]] = {}  # tokens of known pages that are not full

    @property
    def free(self) -> int:
        """How many pages can be taken."""
        return len(self._empty) + len(self._unused)

    @property
    def used(self) -> int:
        """How many pages have users."""
        return self._count - 1 - self.free

    def find(self, tokens: Sequence[int]) -> tuple[list[int], bytes]:
        """Return the known pages that a text begins with, and the key of the last of them.

        Each gets a user more.
        """
        found: list[int] = []
        last = b""
        for start in range(0, len(tokens) - self.size + 1, self.size):
            key = self.key(last, tokens[start : start + self.size])
            page = self._known.get(key)
            if page is None:
                break
            self._unused.pop(page, None)
            self._users[page] += 1
            found.append(page)
            last = key
        return found, last

    def find_end(self, before: bytes, tokens: Sequence[int]) -> tuple[list[int], int]:
        """Return a page that is not full and begins as the rest of a text, and how far it does.

        It is taken from where it was known, and has one user; the list is empty if there is none.

        Args:
            before: the key of the page before it; empty if it is the first.
            tokens: the rest of the text.
        """
        page = self._known.get(_END + before)
        count = 0 if page is None else _count_common(self._ends[page], tokens)
        if page is None or not count:
            return [], 0
        self._unused.pop(page)
        self._forget(page)
        self._users[page] = 1
        return [page], count

    def keep_end(self, page: int, before: bytes, tokens: Sequence[int]) -> None:
        """Note what a page holds that is not full and that its only user is about to release.

        Of two with the same pages before them the later one is kept.
        """
        old = self._known.get(_END + before)
        if old is not None:
            del self._unused[old]
            self._forget(old)
            self._empty.append(old)
        self._ends[page] = list(tokens)
        self.keep(page, _END + before)

    def key(self, before: bytes, tokens: Sequence[int]) -> bytes:
        """Return what a full page is known by.

        Args:
            before: the key of the page before it in its text; empty for the first.
            tokens: of the page.
        """
        data = before + numpy.array(tokens, numpy.int64).tobytes()
        return hashlib.blake2b(data, digest_size=16).digest()

    def take(self, count: int) -> list[int]:
        """Return pages with one user each, whose contents mean nothing.

        Raises:
            OutOfMemoryError: there are not so many; then none is taken.
        """
        if count > self.free:
            raise OutOfMemoryError(
                "no page of the model's memory is free",
                got=f"{self.free} free pages of {self.size} tokens",
                expected=f"{count}",
                mend="close a sequence, or give the decoder more pages",
            )
        taken = []
        for _ in range(count):
            if self._empty:
                page = self._empty.popleft()
            else:
                page = next(iter(self._unused))
                del self._unused[page]
                self._forget(page)
            self._users[page] = 1
            taken.append(page)
        return taken

    def keep(self, page: int, key: bytes) -> None:
        """Note that a page is full and what it is known by, if no other page is known by it."""
        if key not in self._known:
            self._known[key], self._keys[page] = page, key

    def release(self, pages: Sequence[int]) -> None:
        """Take a user from pages; of those without users, the last goes first."""
        for page in reversed(pages):
            self._users[page] -= 1
            if self._users[page]:
                continue
            if page in self._keys:
                self._unused[page] = None
            else:
                self._empty.append(page)

    def _forget(self, page: int) -> None:
        del self._known[self._keys.pop(page)]
        self._ends.pop(page, None)


def _count_common(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many elements at the beginning are the same."""
    for count, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return count
    return min(len(first), len(second))

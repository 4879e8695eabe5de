"""Training modes that objects have by themselves, and what captured functions saw of them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class HasMode(Protocol):
    """Something that may be in training, or not, whatever everything else is."""

    @property
    def own_mode(self) -> bool | None:
        """Whether it is in training; None if it goes by others."""
        ...


SeenModes = dict[int, tuple[weakref.ref[HasMode], bool | None]]
"""The modes that objects had when somebody looked, by the objects' ids. None is kept alive."""


class _Watchers(threading.local):
    """Who wants to know what a thread looks at, the innermost last."""

    def __init__(self) -> None:
        self.seen: list[SeenModes] = []


class ModeWatch:
    """Notes changes of modes, and, while a function is captured, who was asked for theirs.

    Attributes:
        changes: how often a mode was set: while this stays the same, so do they all.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._watchers = _Watchers()

    @contextmanager
    def watching(self) -> Iterator[SeenModes]:
        """Give a dictionary of the modes that this thread looks at in a ``with`` statement."""
        seen: SeenModes = {}
        self._watchers.seen.append(seen)
        try:
            yield seen
        finally:
            self._watchers.seen.pop()

    def note(self, owner: HasMode) -> None:
        """Note that what is computed depends on an object's mode."""
        for watcher in self._watchers.seen:
            watcher[id(owner)] = (weakref.ref(owner), owner.own_mode)


def are_unchanged(seen: SeenModes) -> bool:
    """Return whether all objects that are still there have the modes that they had."""
    owners = ((reference(), mode) for reference, mode in seen.values())
    return all(owner is None or owner.own_mode is mode for owner, mode in owners)

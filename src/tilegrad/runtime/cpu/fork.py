"""What must hold when a process forks: only the forking thread goes on in the child.

Whatever another thread was in the middle of stays half done in the child, and a lock that it held
stays locked. So forking waits until nobody is in such a section. It does not wait for ever: a
signal handler may fork while its own thread is inside.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType

_PATIENCE = 5.0  # seconds; the sections take milliseconds


class Section:
    """A part of the program that any number of threads may be in, but none while forking.

    It is entered by a `with` statement, and may be entered again inside.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside: dict[int, int] = {}  # thread to depth
        self._is_forking = False
        os.register_at_fork(
            before=self._close, after_in_parent=self._open, after_in_child=self._renew
        )

    def __enter__(self) -> None:
        thread = threading.get_ident()
        with self._condition:
            while self._is_forking and thread not in self._inside:
                self._condition.wait(_PATIENCE)
            self._inside[thread] = self._inside.get(thread, 0) + 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        thread = threading.get_ident()
        with self._condition:
            self._inside[thread] -= 1
            if not self._inside[thread]:
                del self._inside[thread]
                self._condition.notify_all()

    def _close(self) -> None:
        thread = threading.get_ident()
        with self._condition:
            self._is_forking = True
            self._condition.wait_for(lambda: not self._inside.keys() - {thread}, _PATIENCE)

    def _open(self) -> None:
        with self._condition:
            self._is_forking = False
            self._condition.notify_all()

    def _renew(self) -> None:
        thread = threading.get_ident()
        self._condition = threading.Condition()
        self._inside = {thread: self._inside[thread]} if thread in self._inside else {}
        self._is_forking = False


def hold_while_forking(lock: threading.RLock) -> None:
    """Make every fork take a lock first, so that the child finds what it guards in good order."""
    held: list[bool] = []

    def release() -> None:
        if held.pop():
            lock.release()

    os.register_at_fork(
        before=lambda: held.append(lock.acquire(timeout=_PATIENCE)),
        after_in_parent=release,
        after_in_child=release,
    )


class ForkLock:
    """A reentrant lock that forks wait for; what it guards stays usable in the child.

    If another thread holds it for too long, the fork goes ahead and the child gets a new lock.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held: list[bool] = []
        os.register_at_fork(
            before=self._hold, after_in_parent=self._release, after_in_child=self._renew
        )

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def _hold(self) -> None:
        self._held.append(self._lock.acquire(timeout=_PATIENCE))

    def _release(self) -> None:
        if self._held.pop():
            self._lock.release()

    def _renew(self) -> None:
        if self._held.pop():
            self._lock.release()
        else:
            self._lock = threading.RLock()

"""Ctrl-C as a request: what is under way is finished first, so that nothing is left half done."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self


class Interrupt:
    """In a `with` statement, the first interrupt is only noted; a second one acts as ever.

    Interrupts reach the main thread alone; in other threads this does nothing.

    Attributes:
        is_requested: whether there was an interrupt.
    """

    def __init__(self) -> None:
        self.is_requested = False
        self._is_main = threading.current_thread() is threading.main_thread()
        self._before: object = None

    def __enter__(self) -> Self:
        if self._is_main:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.is_requested = True
        self._restore()

    def _restore(self) -> None:
        if self._is_main and self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]
            self._before = None

"""Capture and replay: the launches of a whole step as one recording.

While a step is captured it runs as usual, and every plan that runs is noted. Afterwards all their
launches become one recording that a single native call replays. Memory that lives only inside the
step keeps its place from replay to replay; the step's inputs are patched in, its results get
memory of their own each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tilegrad.engine.captured_step import CapturedStep
from tilegrad.engine.step_builder import Output, Ran, StepBuilder
from tilegrad.engine.tracked import Snapshot, Tracked
from tilegrad.ops.leaves import Storage

if TYPE_CHECKING:
    from tilegrad.engine.compiled import CompiledExecutor


class InThread(threading.local):
    """What holds for what a thread does, and for no other one.

    Attributes:
        capture: the capture that is under way, if there is one.
        symbols: values of symbolic sizes, by name.
    """

    def __init__(self) -> None:
        self.capture: Capture | None = None
        self.symbols: Mapping[str, int] = {}


class Capture:
    """What is noted while a step is captured.

    Args:
        before: the tensors that were there before.

    Attributes:
        ran: the plans that ran.
        is_paused: whether what runs now is no part of the step.
    """

    def __init__(self, before: Iterable[Tracked]) -> None:
        self.ran: list[Ran] = []
        self.is_paused = False
        self._before = Snapshot(before)

    def is_bystander(self, tensor: Tracked) -> bool:
        """Whether a tensor was there before the step and has not been changed by it."""
        return self._before.has_unchanged(tensor)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let what runs in a ``with`` statement be no part of the step."""
        self.is_paused = True
        try:
            yield
        finally:
            self.is_paused = False

    def build(
        self,
        executor: CompiledExecutor,
        inputs: Sequence[Storage],
        outputs: Sequence[Output],
        symbols: Mapping[str, int],
        is_read: Callable[[Collection[Storage]], bool],
    ) -> CapturedStep:
        """Return the step that repeats everything that ran.

        Args:
            executor: where it ran.
            inputs: storages that replays replace.
            outputs: results that replays give; all else that was made keeps its memory.
            symbols: values of the symbolic sizes during the capture.
            is_read: tells whether anyone still looks at one of some storages.
        """
        return StepBuilder(executor, self.ran, inputs, outputs, symbols).build(is_read)

"""Showing how far a training is: a bar that lives at the bottom of a terminal, or plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tilegrad.apps.datasets.fetch import Meter
from tilegrad.apps.training.trainer import EpochDone, StepDone

LINE_SECONDS = 10.0


class Display:
    """Shows a training.

    Args:
        epochs: number of epochs.
        steps: number of steps in all.
        progress: the bar, or None for plain lines.
        console: where lines go.
    """

    def __init__(
        self, epochs: int, steps: int, progress: Progress | None, console: Console
    ) -> None:
        self.epochs, self.steps = epochs, steps
        self.console = console
        self._progress = progress
        self._last_line = time.perf_counter()
        self._accuracy = ""
        self._task = None if progress is None else _add_task(progress, steps)

    def show(self, event: StepDone | EpochDone) -> None:
        """Show that something is done."""
        if isinstance(event, EpochDone):
            self._accuracy = f"  held-out {event.accuracy:.2%}"
            self._print(
                f"epoch {event.epoch:{len(str(self.epochs))}}/{self.epochs}"
                f"  loss {event.loss:.4f}  held-out {event.accuracy:.2%}"
                f"  {event.rate:,.0f} samples/s"
            )
        elif self._progress is not None and self._task is not None:
            self._progress.update(
                self._task,
                completed=event.step,
                description=f"epoch {event.epoch}/{self.epochs}",
                detail=f"loss {event.loss:.4f}{self._accuracy}"
                f"  {event.samples / event.seconds:,.0f} samples/s",
            )
        elif time.perf_counter() - self._last_line > LINE_SECONDS:
            self._print(
                f"epoch {event.epoch}/{self.epochs}  step {event.step}/{self.steps}"
                f"  loss {event.loss:.4f}  {event.samples / event.seconds:,.0f} samples/s"
            )

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)
        self._last_line = time.perf_counter()


def _add_task(progress: Progress, steps: int) -> TaskID:
    return progress.add_task("starting", total=steps, detail="")


def _show_nothing(_done: int, _total: int | None) -> None:
    pass


@contextmanager
def open_progress(wanted: bool | None) -> Iterator[tuple[Progress | None, Console]]:
    """Open a bar on the standard error stream, and give where lines are to be printed.

    Args:
        wanted: whether there is to be a bar; None: if that stream is a terminal.
    """
    errors = Console(stderr=True)
    if not (errors.is_terminal if wanted is None else wanted):
        yield None, Console()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[detail]}"),
        TimeRemainingColumn(),
    )
    is_shared = sys.stdout.isatty()
    with Progress(*columns, console=errors, transient=True, redirect_stdout=is_shared) as progress:
        yield progress, progress.console if is_shared else Console()


def fetch_meter(progress: Progress | None, console: Console, name: str) -> Meter:
    """Return what shows how far the fetch of a file is."""
    if progress is None:
        console.print(f"fetching {name}", highlight=False)
        return _show_nothing
    task = progress.add_task(name, detail="", total=None)

    def show(done: int, total: int | None) -> None:
        progress.update(task, completed=done, total=total, visible=done != total)

    return show

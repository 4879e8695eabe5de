"""Showing a training."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress, TextColumn

from tilegrad.apps.training.display import Display, fetch_meter
from tilegrad.apps.training.trainer import EpochDone, StepDone

STEP = StepDone(epoch=2, step=7, loss=0.5, samples=640, seconds=2.0)
EPOCH = EpochDone(epoch=2, loss=0.25, accuracy=0.9875, samples=1000, seconds=0.5)


def make_console() -> Console:
    return Console(file=io.StringIO(), width=120)


def test_without_a_bar_there_is_a_line_for_each_epoch():
    console = make_console()
    display = Display(10, 50, None, console)
    display.show(STEP)
    display.show(EPOCH)
    assert console.file.getvalue() == (
        "epoch  2/10  loss 0.2500  held-out 98.75%  2,000 samples/s\n"
    )


def test_long_epochs_have_lines_in_between(monkeypatch):
    monkeypatch.setattr("tilegrad.apps.training.display.LINE_SECONDS", -1.0)
    console = make_console()
    Display(10, 50, None, console).show(STEP)
    assert console.file.getvalue() == "epoch 2/10  step 7/50  loss 0.5000  320 samples/s\n"


def test_the_bar_tells_loss_accuracy_and_rate():
    console = make_console()
    progress = Progress(TextColumn("{task.fields[detail]}"), console=console)
    display = Display(10, 50, progress, console)
    display.show(EPOCH)
    display.show(STEP)
    (task,) = progress.tasks
    assert (task.completed, task.total, task.description) == (7, 50, "epoch 2/10")
    assert task.fields["detail"] == "loss 0.5000  held-out 98.75%  320 samples/s"


def test_a_fetch_is_shown_as_a_bar_or_told_in_a_line():
    console = make_console()
    fetch_meter(None, console, "a file")(1, None)
    assert console.file.getvalue() == "fetching a file\n"
    progress = Progress(TextColumn("{task.description}"), console=make_console())
    meter = fetch_meter(progress, console, "a file")
    meter(10, 100)
    (task,) = progress.tasks
    assert (task.completed, task.total, task.visible) == (10, 100, True)
    meter(100, 100)
    assert not task.visible

"""A whole training: load, learn, show, keep the best weights, and say what was compiled."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from tilegrad.apps.datasets import load_dataset
from tilegrad.apps.interrupt import Interrupt
from tilegrad.apps.training.display import Display, fetch_meter, open_progress
from tilegrad.apps.training.recipe import Recipe
from tilegrad.apps.training.summary import describe_compilation, summarise
from tilegrad.apps.training.trainer import EpochDone, Trainer
from tilegrad.apps.units import format_seconds
from tilegrad.base.errors import DataError
from tilegrad.engine import Session
from tilegrad.nn.state import safe_save


@dataclass(slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        is_complete: whether it ran to its end.
        last: the last epoch that was done, or None.
        best: the epoch with the best accuracy on held-out images, or None.
        first_step: seconds from the start to the end of the first step, or None.
    """

    is_complete: bool = False
    last: EpochDone | None = None
    best: EpochDone | None = None
    first_step: float | None = None


def train(session: Session, dataset: str, recipe: Recipe, save: Path | None = None) -> Outcome:
    """Train a network, showing how far it is.

    An interrupt (Ctrl-C) ends it after the step that is under way; a second one ends it at once.

    Args:
        session: where it is computed.
        dataset: name of the data set.
        recipe: what is trained, and how.
        save: a safetensors file for the weights, written whenever the network has become better.

    Raises:
        DataError: the data set cannot be had, or the file cannot be written.
        ArgumentError: the recipe does not fit the data set.
    """
    if save is not None and not save.absolute().parent.is_dir():
        raise DataError(
            f"The weights cannot be saved in {save}",
            got="a folder that is not there",
            expected="a path in an existing folder",
        )
    outcome = Outcome()
    with session.entered(), open_progress(session.settings.progress) as (progress, console):
        meter = partial(fetch_meter, progress, console)
        loaded = load_dataset(dataset, session.settings.cache_directory, meter)
        console.print(
            f"{dataset} from {loaded.source}: {len(loaded.train):,} images to learn from, "
            f"{len(loaded.held_out):,} held out",
            highlight=False,
            soft_wrap=True,
        )
        start = time.perf_counter()
        trainer = Trainer(loaded, recipe)
        display = Display(recipe.epochs, trainer.steps, progress, console)
        with Interrupt() as interrupt:
            for event in trainer.run():
                if outcome.first_step is None:
                    outcome.first_step = time.perf_counter() - start
                display.show(event)
                if isinstance(event, EpochDone):
                    _take_note(event, outcome, trainer, recipe, save)
                if interrupt.is_requested:
                    console.print("interrupted")
                    break
            else:
                outcome.is_complete = True
    _print_summary(session, trainer, outcome, time.perf_counter() - start, save)
    return outcome


def _take_note(
    epoch: EpochDone, outcome: Outcome, trainer: Trainer, recipe: Recipe, save: Path | None
) -> None:
    """Remember how good the network is, and keep its weights if it was never better."""
    outcome.last = epoch
    if outcome.best is not None and epoch.accuracy <= outcome.best.accuracy:
        return
    outcome.best = epoch
    if save is not None:
        facts = {"dataset": trainer.dataset.name, "model": recipe.model}
        facts |= {"epoch": str(epoch.epoch), "held_out_accuracy": f"{epoch.accuracy:.4f}"}
        safe_save(trainer.model.state_dict(), save, facts)


def _print_summary(
    session: Session, trainer: Trainer, outcome: Outcome, seconds: float, save: Path | None
) -> None:
    console = Console(soft_wrap=True, highlight=False)
    if outcome.last is not None:
        count = f"{outcome.last.epoch} epoch{'s' * (outcome.last.epoch != 1)}"
        console.print(
            f"held-out accuracy: {outcome.last.accuracy:.2%} after {count}, "
            f"in {format_seconds(seconds)}",
            style="bold",
        )
    for line in summarise(describe_compilation(session, trainer), outcome.first_step):
        console.print(line)
    if save is not None and outcome.best is not None:
        best = outcome.best
        console.print(f"saved: {save} (epoch {best.epoch}, held-out {best.accuracy:.2%})")
    elif save is not None:
        console.print("saved: nothing, as no epoch was finished")

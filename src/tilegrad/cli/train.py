"""`tilegrad train`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from tilegrad.apps.datasets import DATASETS
from tilegrad.apps.training import MODELS, recipe_for
from tilegrad.apps.training import train as run
from tilegrad.cli.session import INTERRUPTED, open_session


@click.command
@click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    default=DATASETS[0],
    show_default=True,
    help="What to learn.",
)
@click.option("--model", type=click.Choice(list(MODELS)), help="The network to train.")
@click.option("--epochs", type=click.IntRange(1), help="How often all images are seen.")
@click.option("--batch-size", type=click.IntRange(2), help="Images a step.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help="The highest of a schedule that goes up and down once.",
)
@click.option("--seed", type=click.IntRange(0), help="The same seed gives the same network.")
@click.option("--threads", type=click.IntRange(1, 4096), help="Threads that kernels may use.")
@click.option("--device", help="The device to compute on; `tilegrad info` lists them.")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.safetensors",
    help="Keep the best weights here.",
)
@click.pass_context
def train(
    ctx: click.Context,
    dataset: str,
    threads: int | None,
    device: str | None,
    save: Path | None,
    **options: Any,
) -> None:
    """Train a convolutional network to tell images apart.

    What is not given is chosen for the data set. Ctrl-C ends the training after the step that is
    under way, a second one at once; the weights of the best epoch so far are saved by then.
    """
    given = {name: value for name, value in options.items() if value is not None}
    recipe = dataclasses.replace(recipe_for(dataset), **given)
    with open_session(device, threads) as session:
        outcome = run(session, dataset, recipe, save)
    if not outcome.is_complete:
        ctx.exit(INTERRUPTED)

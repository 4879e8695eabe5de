"""`tilegrad tune`."""

from __future__ import annotations

from pathlib import Path

import click

from tilegrad.apps.tuning import tune_script
from tilegrad.cli.session import INTERRUPTED, open_session


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="How long to search, for all kernels together.",
)
@click.option("--threads", type=click.IntRange(1, 4096), help="Threads that kernels may use.")
@click.pass_context
def tune(
    ctx: click.Context,
    script: Path,
    arguments: tuple[str, ...],
    seconds: float,
    threads: int | None,
) -> None:
    """Run a Python script and search for faster schedules of its kernels.

    Other schedules of each kernel are measured against the default one. Those that are faster are
    kept in the cache directory, where every later program on this machine that runs the same
    kernels with as many threads finds them. Ctrl-C ends the script, a second one the search; what
    was found by then is kept.
    """
    with open_session(threads=threads) as session:
        summary = tune_script(session, script, list(arguments), seconds)
    if not summary.is_complete:
        ctx.exit(INTERRUPTED)

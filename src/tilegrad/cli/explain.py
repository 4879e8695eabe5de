"""`tilegrad explain`."""

from __future__ import annotations

from pathlib import Path

import click

from tilegrad.apps.explain import STAGES, explain_script
from tilegrad.cli.session import INTERRUPTED, open_session

_USUAL = ("fusion", "kernel", "tile")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--kernel", "number", type=click.IntRange(1), help="Show this kernel by stages.")
@click.option(
    "--stage",
    "stages",
    type=click.Choice([*STAGES, "all"]),
    multiple=True,
    help=f"A stage to show; several may be given. By default {', '.join(_USUAL)}.",
)
@click.option("--threads", type=click.IntRange(1, 4096), help="Threads that kernels may use.")
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def explain(
    ctx: click.Context,
    number: int | None,
    stages: tuple[str, ...],
    threads: int | None,
    script: Path,
    arguments: tuple[str, ...],
) -> None:
    """Run a Python script and show its kernels, or one of them stage by stage.

    Without --kernel: every kernel with how often it ran, how long it took, the bytes it moves and
    the operations it does, and which part of what this machine can do at most that is; bound by
    memory (M) or by computing (C). Ctrl-C ends the script; what it ran so far is shown.
    """
    if stages and number is None:
        raise click.UsageError("--stage needs --kernel: the number of a kernel in the table")
    shown = tuple(STAGES) if "all" in stages else stages or _USUAL
    with open_session(threads=threads) as session:
        is_interrupted = explain_script(
            session, script, list(arguments), number=number, stages=shown
        )
    if is_interrupted:
        ctx.exit(INTERRUPTED)

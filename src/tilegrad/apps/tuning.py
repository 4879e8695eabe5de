"""`tilegrad tune`: a script is run once, and then better schedules of its kernels are searched."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tilegrad.apps.script import run_script
from tilegrad.apps.units import format_seconds
from tilegrad.base.errors import DeviceError
from tilegrad.engine import Session
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.profile import Profile, Sample
from tilegrad.engine.search import Outcome, Search
from tilegrad.engine.search.subject import name_choices


class Found(NamedTuple):
    """What the search for one kernel found: the kernel as it ran, and its best schedule."""

    sample: Sample
    outcome: Outcome


class Summary(NamedTuple):
    """What a search found.

    Attributes:
        found: kernel by kernel.
        total: how many kernels there are.
        is_complete: False if it was interrupted.
    """

    found: list[Found]
    total: int
    is_complete: bool


def tune_script(session: Session, script: Path, arguments: list[str], seconds: float) -> Summary:
    """Run a script, search for better schedules of what it ran, and print a table.

    An interrupt while the script runs ends the script; a second one ends the search. What was found
    by then is kept.

    Args:
        session: the one in force.
        script: a Python file.
        arguments: what it finds in ``sys.argv`` after its name.
        seconds: how long to search.

    Raises:
        DeviceError: the session's device compiles nothing.
    """
    executor = session.compiled(session.default_device)
    if executor is None:
        raise DeviceError("only what is compiled can be tuned", got=session.default_device)
    profile = run_profiled(executor, script, arguments)
    summary = search(session, Search(executor, profile, session.trace), seconds)
    print_summary(summary, profile, Console())
    return summary


def run_profiled(executor: CompiledExecutor, script: Path, arguments: list[str]) -> Profile:
    """Run a script and return what it ran on a device."""
    profile = executor.profile = Profile()
    try:
        if run_script(script, arguments):
            Console(stderr=True).print("the script was interrupted; what it ran so far is tuned")
    finally:
        executor.profile = None
    return profile


def search(session: Session, searching: Search, seconds: float) -> Summary:
    """Search with a bar on the standard error stream, if that is a terminal or wanted."""
    found: list[Found] = []
    errors = Console(stderr=True)
    wanted = session.settings.progress
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} kernels"),
        TimeElapsedColumn(),
    )
    is_shown = errors.is_terminal if wanted is None else wanted
    with Progress(*columns, console=errors, transient=True, disable=not is_shown) as progress:
        task = progress.add_task("compiling", total=searching.kernels)

        def tell(kernel: str) -> None:
            progress.update(task, description=kernel)

        try:
            for each in searching.run(seconds, tell):
                found.append(Found(*each))
                progress.advance(task)
        except KeyboardInterrupt:
            return Summary(found, searching.kernels, is_complete=False)
    return Summary(found, searching.kernels, is_complete=True)


def print_summary(summary: Summary, profile: Profile, console: Console) -> None:
    """Print what was gained, kernel by kernel, those first that take longest."""
    times = {id(sample): sample.launches * outcome.seconds for sample, outcome in summary.found}
    samples = profile.samples.values()
    whole = sum(times.get(id(sample), sample.seconds) for sample in samples)
    table = Table("kernel", "share", "default", "tuned", "gain", "tried", "chosen", box=None)
    for sample, outcome in summary.found:
        has_won = bool(outcome.choices)
        table.add_row(
            outcome.name,
            f"{times[id(sample)] / whole:.1%}",
            format_seconds(outcome.seconds),
            format_seconds(outcome.seconds * outcome.ratio) if has_won else "",
            f"{1 / outcome.ratio:.2f}×" if has_won else "",
            str(outcome.tried),
            name_choices(outcome.choices),
        )
    console.print(table)
    saved = sum(times[id(sample)] * (1 - outcome.ratio) for sample, outcome in summary.found)
    searched = f"{len(summary.found)} of {summary.total} kernels were searched"
    if whole > 0:
        gain = whole / (whole - saved)
        searched += f"; all together run {gain:.2f} times as fast"
    console.print(searched, highlight=False)

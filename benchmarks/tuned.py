"""How near the default schedules are to the best that a search finds, row by row.

Usage: ``python -m benchmarks.tuned [--only PATTERN] [--seconds SECONDS]``. For every row, a search
looks for better schedules of its kernels; then the row is measured with the default ones and with
those found, in turns in one process.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.cases import CASES, Case, Kind
from benchmarks.libraries import open_library
from benchmarks.libraries.library import Array
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.engine.profile import Profile
from tilegrad.engine.search import Search, race
from tilegrad.engine.search.subject import name_choices

RESULTS = Path(__file__).parent / "results" / "tuned.md"
GROUPS = ("products", "convolutions", "attention", "rows", "streams")
NEAR = 1.1
"""The default is near the best if it takes no more than this times as long."""
TURN = 2e-3
MEASUREMENTS, LONGEST = 300, 15.0
"""The search for a row takes longer by so many runs of it, but not by more than so many seconds."""


class Row(NamedTuple):
    """How a row stands: the time of the default over that of the tuned, and what was chosen."""

    name: str
    seconds: float
    ratio: float
    chosen: str


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, metavar="PATTERN", help="Cases by name, such as 'matmul-*'.")
@click.option("--seconds", default=8.0, show_default=True, help="Of search for each row.")
@click.option("--threads", default=1, show_default=True, help="Threads that kernels use.")
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
def main(only: tuple[str, ...], seconds: float, threads: int, output: Path) -> None:
    """Compare the default schedules with tuned ones, and write a table."""
    chosen = [case for case in CASES if is_chosen(case, only)]
    rows: list[Row] = []
    for case in chosen:
        with tempfile.TemporaryDirectory() as folder:
            row = compare(case, threads, seconds, Path(folder))
        rows.append(row)
        click.echo(f"{row.name}: {row.seconds * 1e3:.3f} ms, {row.ratio:.2f}×  {row.chosen}")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(write_table(rows, threads, seconds))
    click.echo(summarise(rows))


def is_chosen(case: Case, only: tuple[str, ...]) -> bool:
    """Whether a case is asked for."""
    if not only:
        return case.kind is Kind.RATE and case.group in GROUPS
    return any(fnmatch.fnmatchcase(case.name, pattern) for pattern in only)


def compare(case: Case, threads: int, seconds: float, folder: Path) -> Row:
    """Search for a case's schedules, and measure it with the default ones and with those."""
    settings = dataclasses.replace(
        Settings.from_environment(os.environ), threads=threads, cache_directory=folder
    )
    found = tune(case, settings, threads, seconds)
    runs = [
        prepare(case, dataclasses.replace(settings, cache=is_tuned), threads)
        for is_tuned in (False, True)
    ]
    default, tuned = (measure(run) for run in runs)
    if not found:
        return Row(case.name, min(default, tuned), 1.0, "default")
    calls = max(1, round(TURN / default))
    repeated = [repeat(run, calls) for run in runs]
    clock = time.thread_time if threads == 1 else time.perf_counter
    standing = race(repeated, max(1.0, 24 * default), gives_up=False, clock=clock)[1]
    return Row(case.name, default, 1 / standing.ratio, "; ".join(found))


def tune(case: Case, settings: Settings, threads: int, seconds: float) -> list[str]:
    """Search for better schedules of a case's kernels; return what is chosen, in words."""
    session = Session(settings)
    with session.entered():
        executor = session.compiled("cpu")
        if executor is None:
            raise click.ClickException("only what is compiled can be tuned")
        executor.profile = Profile()
        call = case.prepare(open_library("tilegrad", threads))
        call()
        profile, executor.profile = executor.profile, None
        search = Search(executor, profile, session.trace)
        # Slow kernels take longer to measure as often.
        longer = MEASUREMENTS * sum(sample.seconds for sample in profile.samples.values())
        whole = seconds + min(longer, LONGEST)
        outcomes = [outcome for _, outcome in search.run(whole, lambda _: None)]
    return [f"{one.name}: {name_choices(one.choices)}" for one in outcomes if one.choices]


def prepare(case: Case, settings: Settings, threads: int) -> Callable[[], object]:
    """Return the call of a case in a session of its own, ready to be measured."""
    session = Session(settings)
    with session.entered():
        library = open_library("tilegrad", threads)
        call = case.prepare(library)

    def run() -> Array:
        with session.entered():
            return call()  # it waits for the result

    for _ in range(3):
        run()
    return run


def measure(run: Callable[[], object]) -> float:
    """Return the seconds of a call: the least of a few."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def repeat(run: Callable[[], object], calls: int) -> Callable[[], None]:
    """Return what calls so often."""

    def repeated() -> None:
        for _ in range(calls):
            run()

    return repeated


def write_table(rows: list[Row], threads: int, seconds: float) -> str:
    """Return the page."""
    introduction = (
        f"The time of each row with the default schedules over that with the best that "
        f"`tilegrad tune`'s search found in about {seconds:g} s, {threads} "
        f"thread{'s' * (threads != 1)}, in turns in one process, medians. "
        "`python -m benchmarks.tuned` writes this page anew. "
        "A short search on a busy machine does not find all that there is, so the share of rows "
        "is an upper bound."
    )
    lines = [
        "# The default schedules beside tuned ones",
        "",
        introduction,
        "",
        summarise(rows),
        "",
        "| row | default | default / tuned | chosen |",
        "| --- | ---: | ---: | --- |",
    ]
    lines += [
        f"| {row.name} | {row.seconds * 1e3:.3f} ms | {row.ratio:.2f} | {row.chosen} |"
        for row in sorted(rows, key=lambda one: -one.ratio)
    ]
    return "\n".join(lines) + "\n"


def summarise(rows: list[Row]) -> str:
    """Return the share of rows whose default is near the best."""
    near = sum(row.ratio <= NEAR for row in rows)
    mean = statistics.geometric_mean([max(row.ratio, 1e-3) for row in rows])
    return (
        f"In {near} of {len(rows)} rows ({near / len(rows):.0%}) the default takes no more than "
        f"{NEAR:g} times as long as the tuned; geometric mean {mean:.3f}."
    )


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.tuned")

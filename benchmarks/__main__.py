"""The command: measure the cases, write a table, a JSON file and a plot."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.cases import CASES, Case, Kind
from benchmarks.compare import (
    OURS,
    Plan,
    Result,
    compare_calls,
    compare_fresh,
    open_processes,
)
from benchmarks.libraries import LIBRARIES
from benchmarks.machine import describe_machine
from benchmarks.plot import write_plot
from benchmarks.process import Process
from benchmarks.profile_plots import write_roofline, write_stages
from benchmarks.report import Report, format_ratio, format_value, write_json, write_table

RESULTS = Path(__file__).parent / "results"
TRIAL = Path("build") / "benchmarks"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, metavar="PATTERN", help="Cases by name, such as 'matmul-*'.")
@click.option("--library", "chosen", multiple=True, type=click.Choice([*LIBRARIES]))
@click.option("--quick", is_flag=True, help="A few cases, a few turns: does everything work?")
@click.option("--rounds", type=click.IntRange(1), help="Turns of every library for each case.")
@click.option("--threads", type=click.IntRange(1), help="Threads of each; default: all cores.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of what is written.")
@click.option(
    "--caches",
    type=click.Path(path_type=Path),
    help="Folder where compilers keep what they made, so that later runs need not wait for them.",
)
@click.option("--list", "is_list", is_flag=True, help="Name the cases and stop.")
def main(
    only: tuple[str, ...],
    chosen: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    threads: int | None,
    output: Path | None,
    caches: Path | None,
    is_list: bool,
) -> None:
    """Measure tilegrad beside its rivals and write results.md, results.json and results.svg.

    A whole run goes to benchmarks/results; one of fewer cases or libraries to build/benchmarks.
    """
    cases = choose_cases(only, quick=quick)
    if is_list:
        click.echo("\n".join(f"{case.name:28} {case.title}" for case in cases))
        return
    plan = Plan(
        libraries=[name for name in LIBRARIES if not chosen or name in chosen],
        threads=threads or len(os.sched_getaffinity(0)),
        rounds=rounds or (3 if quick else 9),
        fresh_rounds=rounds or (1 if quick else 3),
        seconds=0.05 if quick else 0.2,
    )
    with contextlib.ExitStack() as stack:
        kept = caches or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        report = measure(cases, plan, kept.absolute())
    folder = output or (TRIAL if only or chosen or quick else RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(report, folder / "results.json")
    write_table(report, folder / "results.md")
    write_plot(report, folder / "results.svg")
    write_roofline(report, folder / "roofline.svg")
    write_stages(report, folder / "compiling.svg")
    click.echo(f"written: {', '.join(sorted(path.name for path in folder.iterdir()))} in {folder}")


def choose_cases(only: tuple[str, ...], *, quick: bool) -> list[Case]:
    """Return the cases that are asked for."""
    cases = [
        case
        for case in CASES
        if (not only and (case.is_quick or not quick))
        or any(fnmatch.fnmatchcase(case.name, pattern) for pattern in only)
    ]
    if not cases:
        names = ", ".join(case.name for case in CASES)
        raise click.UsageError(f"no case is named so; there are {names}")
    return cases


def measure(cases: list[Case], plan: Plan, caches: Path) -> Report:
    """Measure all cases; those in fresh processes first, when nothing else is in memory.

    Args:
        cases: what is measured.
        plan: by which libraries, how often.
        caches: what compilers keep on disk; cases in fresh processes have folders of their own.
    """
    results: list[Result] = []
    skips: dict[str, str] = {}
    start = time.perf_counter()

    def tell_results(found: list[Result]) -> None:
        for result in found:
            click.echo(f"[{time.perf_counter() - start:5.0f} s] {summarise(result, plan)}")
        results.extend(found)

    for case in cases:
        if case.kind is not Kind.RATE:
            tell_results(compare_fresh(case, plan, click.echo))
    with open_processes(plan, caches, skips) as processes:
        for library, reason in skips.items():
            click.echo(f"{library} takes no part: {reason}")
        versions = {library: process.versions for library, process in processes.items()}
        peaks = measure_peaks(processes) if any(one.kind is Kind.RATE for one in cases) else None
        for case in cases:
            if case.kind is Kind.RATE:
                tell_results([compare_calls(case, plan, processes, click.echo)])
    return Report(describe_machine(plan.threads), versions, plan.libraries, results, skips, peaks)


def measure_peaks(processes: Mapping[str, Process]) -> tuple[float, float] | None:
    """Return the most floating-point operations and bytes of a second, if ours takes part."""
    if OURS not in processes:
        return None
    operations, moved = processes[OURS].ask("peaks")["peaks"]
    return operations, moved


def summarise(result: Result, plan: Plan) -> str:
    """Return a result in one line."""
    parts = []
    for library in plan.libraries:
        median, ratio = result.median(library), result.ratio(library)
        if median is not None:
            text = format_value(median, result.unit)
            parts.append(f"{library} {text}" + (f" ({format_ratio(ratio)})" if ratio else ""))
    return f"{result.title}: " + ", ".join(parts)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")

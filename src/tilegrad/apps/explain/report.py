"""What is printed: a table of all kernels, or one kernel stage by stage."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tilegrad.apps.explain.peaks import Peaks
from tilegrad.apps.explain.record import Ran
from tilegrad.apps.explain.stages import STAGES
from tilegrad.apps.units import format_bytes, format_seconds
from tilegrad.base.events import KernelLaunched


def print_kernels(kernels: Sequence[Ran], peaks: Peaks, console: Console) -> None:
    """Print all kernels, those first that took longest, with how far they are from the peaks."""
    whole = sum(ran.seconds for ran in kernels)
    table = Table(box=None, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("kernel", overflow="fold")
    for heading in ("runs", "best", "share", "bytes", "GB/s", "GFLOP/s", "of peak"):
        table.add_column(heading, justify="right")
    for ran in sorted(kernels, key=lambda ran: -ran.seconds):
        best = ran.best
        table.add_row(
            str(ran.number),
            ran.kernel.name,
            str(len(ran.launches)),
            format_seconds(best.seconds),
            f"{ran.seconds / whole:.1%}",
            format_bytes(best.moved_bytes),
            f"{best.moved_bytes / best.seconds / 1e9:.1f}",
            f"{best.operations / best.seconds / 1e9:.1f}",
            describe_distance(best, peaks),
        )
    console.print(table)
    console.print(
        f"{len(kernels)} kernels, {format_seconds(whole)} in all. Peaks here: "
        f"{peaks.bytes_per_second / 1e9:.1f} GB/s (M), "
        f"{peaks.operations_per_second / 1e9:.0f} GFLOP/s (C).",
        highlight=False,
    )


def describe_distance(launch: KernelLaunched, peaks: Peaks) -> str:
    """Return which part of the attainable speed was reached, and what bounds it."""
    least = peaks.least_seconds(launch.moved_bytes, launch.operations)
    by_memory = peaks.least_seconds(launch.moved_bytes, 0)
    return f"{least / launch.seconds:.0%} {'M' if by_memory >= least else 'C'}"


def print_stages(ran: Ran, stages: Sequence[str], console: Console) -> None:
    """Print one kernel's stages.

    Args:
        ran: the kernel.
        stages: names of ``STAGES``.
        console: where to.
    """
    best, count = ran.best, len(ran.launches)
    console.print(
        Text(f"kernel {ran.number}: {ran.kernel.name}", "bold"),
        f"{count} launch{'es' * (count != 1)}, the best in {format_seconds(best.seconds)}: "
        f"{format_bytes(best.moved_bytes)} at {best.moved_bytes / best.seconds / 1e9:.1f} GB/s, "
        f"{best.operations:,} operations at {best.operations / best.seconds / 1e9:.1f} GFLOP/s",
        sep="\n",
        highlight=False,
        soft_wrap=True,
    )
    for name in stages:
        title, text = STAGES[name]
        console.print(Text(f"\n{name}: {title}", "bold cyan"))
        console.print(Text(text(ran).rstrip("\n")), soft_wrap=True)

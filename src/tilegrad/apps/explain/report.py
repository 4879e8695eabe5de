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


def print_kernels(kernels: Sequence[Ran], peaks: Peaks, console: Console) -> None:
    """Print all kernels, those first that took longest, with how far they are from the peaks."""
    whole = sum(ran.seconds for ran in kernels)
    table = Table(box=None, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("kernel", overflow="fold")
    for heading in ("runs", "each", "share", "bytes", "GB/s", "GFLOP/s", "of peak"):
        table.add_column(heading, justify="right")
    for ran in sorted(kernels, key=lambda ran: -ran.seconds):
        seconds = ran.usual_seconds
        table.add_row(
            str(ran.number),
            ran.kernel.name,
            str(len(ran.launches)),
            format_seconds(seconds),
            f"{ran.seconds / whole:.1%}",
            format_bytes(ran.moved_bytes),
            f"{ran.moved_bytes / seconds / 1e9:.1f}",
            f"{ran.operations / seconds / 1e9:.1f}",
            describe_distance(ran, peaks),
        )
    console.print(table)
    console.print(
        f"{len(kernels)} kernels, {format_seconds(whole)} in them. Peaks of this machine: "
        f"{peaks.bytes_per_second / 1e9:.1f} GB/s (M), "
        f"{peaks.operations_per_second / 1e9:.0f} GFLOP/s (C).",
        highlight=False,
    )


def describe_distance(ran: Ran, peaks: Peaks) -> str:
    """Return which part of the attainable speed was reached, and what bounds it."""
    least = peaks.least_seconds(ran.moved_bytes, ran.operations)
    by_memory = peaks.least_seconds(ran.moved_bytes, 0)
    return f"{least / ran.usual_seconds:.0%} {'M' if by_memory >= least else 'C'}"


def print_stages(ran: Ran, stages: Sequence[str], console: Console) -> None:
    """Print one kernel's stages.

    Args:
        ran: the kernel.
        stages: names of ``STAGES``.
        console: where to.
    """
    seconds = ran.usual_seconds
    console.print(
        Text(f"kernel {ran.number}: {ran.kernel.name}", "bold"),
        f"{len(ran.launches)} launches of {format_seconds(seconds)}, each "
        f"{format_bytes(ran.moved_bytes)} at {ran.moved_bytes / seconds / 1e9:.1f} GB/s and "
        f"{ran.operations:,.0f} operations at {ran.operations / seconds / 1e9:.1f} GFLOP/s",
        sep="\n",
        highlight=False,
    )
    for name in stages:
        title, text = STAGES[name]
        console.print(Text(f"\n{name}: {title}", "bold cyan"))
        console.print(Text(text(ran).rstrip("\n")), soft_wrap=True)

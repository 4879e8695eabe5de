"""Two plots of tilegrad alone: how near its kernels come to the peaks, what compiling takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from benchmarks.compare import OURS, Result
from benchmarks.plot import save_figure
from benchmarks.report import HEADINGS, Report

GROUPS = {
    "products": "#d1495b",
    "convolutions": "#edae49",
    "attention": "#00798c",
    "rows": "#7b5ea7",
    "streams": "#66a182",
}
STAGES = {"simplify": "#66a182", "schedule": "#edae49", "compile": "#d1495b"}
REST = "#cccccc"


def write_roofline(report: Report, path: Path) -> None:
    """Draw operations a second over operations per byte, for cases in float32."""
    points = {
        group: [
            (operations / result.observed.moved_bytes, operations / median)
            for result in report.results
            if result.group == group
            and "bfloat16" not in result.title
            and result.observed is not None
            and (operations := _count_operations(result))
            and (median := result.median(OURS))
        ]
        for group in GROUPS
    }
    if report.peaks is None or not any(points.values()):
        return
    operations, moved = report.peaks
    figure, axes = plt.subplots(figsize=(9.0, 5.0), layout="constrained")
    intensities = np.logspace(-2, 3.5, 200)
    roof = np.minimum(intensities * moved, operations)
    axes.plot(intensities, roof / 1e9, color="#333333", linewidth=1.4)
    axes.plot(intensities, roof / 1.25e9, color="#333333", linewidth=0.7, linestyle=":")
    for group, found in points.items():
        if found:
            across, up = zip(*found, strict=True)
            axes.plot(across, [rate / 1e9 for rate in up], "o", markersize=5, color=GROUPS[group])
            axes.plot([], [], "o", color=GROUPS[group], label=HEADINGS[group])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("floating-point operations per byte behind the kernels' arguments")
    axes.set_ylabel("GFLOP/s (dotted: 80 % of what the machine gives)")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def _count_operations(result: Result) -> float:
    """Return the operations that are done at least.

    A kernel's own count has what a mask leaves out in it, and what is computed again; the case's
    has products that a short filter does not need.
    """
    counts = [0.0] if result.observed is None else [float(result.observed.operations)]
    if result.work is not None and result.work[1] == "FLOP":
        counts.append(result.work[0])
    return min(counts)


def write_stages(report: Report, path: Path) -> None:
    """Draw the seconds of each stage of the first call, for cases that measure compiling."""
    results = [result for result in report.results if result.group == "compile" and result.observed]
    if not results:
        return
    figure, axes = plt.subplots(figsize=(9.0, 0.5 * len(results) + 1.2), layout="constrained")
    for row, result in enumerate(results):
        stages = result.observed.stages if result.observed is not None else {}
        left = 0.0
        for name, seconds in stages.items():
            axes.barh(row, seconds, left=left, color=STAGES.get(name, REST), height=0.6)
            left += seconds
    axes.set_yticks(range(len(results)), [result.title for result in results], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("seconds on the clock (first call)")
    for name, colour in (*STAGES.items(), ("running", REST)):
        axes.barh(0, 0, color=colour, label=name)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)

"""The plot: for each case, how many times tilegrad's time or memory each rival takes."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.compare import OURS, Result
from benchmarks.report import HEADINGS, Report

COLOURS = {
    "torch": "#d1495b",
    "torch-compiled": "#edae49",
    "onnxruntime": "#3d5a80",
    "tinygrad": "#00798c",
    "jax": "#7b5ea7",
    "numpy": "#66a182",
}
ROW_INCHES, WIDTH_INCHES = 0.27, 9.0


def write_plot(report: Report, path: Path) -> None:
    """Write the plot; the file's ending says in which format."""
    groups = {
        heading: [each for each in report.results if each.group == group and OURS in each.samples]
        for group, heading in HEADINGS.items()
    }
    groups = {heading: results for heading, results in groups.items() if results}
    if not groups:
        return
    heights = [len(results) + 1.2 for results in groups.values()]
    figure, panels = plt.subplots(
        len(groups),
        1,
        sharex=True,
        squeeze=False,
        figsize=(WIDTH_INCHES, ROW_INCHES * sum(heights) + 1.4),
        height_ratios=heights,
        layout="constrained",
    )
    for panel, (heading, results) in zip(panels[:, 0], groups.items(), strict=True):
        _draw(panel, heading, results)
    _label(figure, panels[-1, 0])
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, in the same bytes each time, and forget it."""
    plt.rcParams["svg.hashsalt"] = "tilegrad"
    figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _draw(panel: Axes, heading: str, results: list[Result]) -> None:
    panel.set_title(heading, loc="left", fontsize=10, fontweight="bold")
    panel.axvline(1.0, color="#333333", linewidth=1.2, zorder=1)
    for row, result in enumerate(results):
        panel.axhline(row, color="#eeeeee", linewidth=0.8, zorder=0)
        for library, colour in COLOURS.items():
            ratio = result.ratio(library)
            if ratio:
                panel.plot(ratio, row, "o", color=colour, markersize=6, zorder=2)
    panel.set_yticks(range(len(results)), [result.title for result in results], fontsize=7.5)
    panel.set_ylim(len(results) - 0.4, -0.6)
    panel.set_xscale("log")
    panel.grid(axis="x", which="major", color="#dddddd", linewidth=0.6)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(left=False)


def _label(figure: Figure, last: Axes) -> None:
    last.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    last.set_xlabel("times tilegrad's (right of the line: slower or larger than tilegrad)")
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", color=colour, label=library)
        for library, colour in COLOURS.items()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)

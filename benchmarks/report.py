"""The table and the JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.compare import OURS, Result

HEADINGS = {
    "compile": "Compile time",
    "overhead": "Overhead",
    "memory": "Memory",
    "training": "Training steps",
    "inference": "Inference",
    "products": "Matrix products, float32",
    "narrow": "Matrix products, bfloat16 and int8",
    "narrow-constant": "The same with a constant on the right",
    "convolutions": "Convolutions",
    "attention": "Attention",
    "rows": "Rows",
    "streams": "Streams",
    "kernels": "Kernels by hand",
}
NOTES = {
    "compile": "What the first call takes more than a later one, in a fresh process: time on all "
    "cores (CPU s), or seconds on the clock to the first result.",
    "overhead": "Time of a call that computes almost nothing.",
    "memory": "Peak of the resident memory in a step, above what the process held before the "
    "network was made.",
    "training": "Time of a captured step: forward, backward and Adam.",
    "inference": "Time of a captured call of a whole network, its weights constant.",
    "products": "Time of a captured call.",
    "narrow": "Time of a captured call; bfloat16 gives bfloat16, int8 gives int32.",
    "narrow-constant": "Time of a captured call to which the right operand belongs, so that it can "
    "be laid out once.",
    "convolutions": "Time of a captured call, float32 where nothing else is said.",
    "attention": "Time of a captured call, 8 heads of 64.",
    "rows": "Time of a captured call on rows, short and long; gradients are those by the rows.",
    "streams": "Time of a captured call of what memory bounds.",
    "kernels": "Time of a call; each kernel as the compiler derives it, and written by hand.",
}


SHARE = "of bandwidth"
MOST_SHARE = 0.8


@dataclass(frozen=True)
class Report:
    """All that a run gave.

    Attributes:
        machine: what it ran on.
        versions: by library, what took part.
        libraries: their names, ours first.
        results: in the order of the cases.
        skips: by library, why it could not take part at all.
        peaks: the most floating-point operations and bytes of a second, if they were measured.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    libraries: Sequence[str]
    results: Sequence[Result]
    skips: Mapping[str, str]
    peaks: tuple[float, float] | None = None


def write_json(report: Report, path: Path) -> None:
    """Write everything, samples included."""
    results = [
        {
            "name": result.name,
            "group": result.group,
            "title": result.title,
            "unit": result.unit,
            "work": result.work,
            "medians": {library: result.median(library) for library in result.samples},
            "ratios": {library: result.ratio(library) for library in result.samples},
            "samples": {library: _finite(each) for library, each in result.samples.items()},
            "skips": result.skips,
            "moves": _finite(result.moves),
            "observed": None if result.observed is None else result.observed._asdict(),
        }
        for result in report.results
    ]
    data: dict[str, Any] = {
        "machine": dict(report.machine),
        "versions": {name: dict(each) for name, each in report.versions.items()},
        "skips": dict(report.skips),
        "peaks": report.peaks,
        "results": results,
    }
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _finite(samples: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(sample) else float(f"{sample:.4g}") for sample in samples]


def write_table(report: Report, path: Path) -> None:
    """Write the Markdown table."""
    path.write_text("\n".join(describe(report)) + "\n", encoding="utf-8")


def describe(report: Report) -> Iterator[str]:
    """Yield the lines of the table, with the machine, the versions and what was skipped."""
    yield "# tilegrad beside its rivals"
    yield ""
    yield (
        "Medians of turns in one run; in brackets how many times tilegrad's, paired by turn: more "
        "than 1 is slower or larger than tilegrad. `make bench` writes this page anew. First the "
        "groups: the rival of a row is the one that did best there."
    )
    yield ""
    yield ", ".join(f"{label}: {value}" for label, value in report.machine.items()) + "."
    yield ""
    versions: dict[str, str] = {}
    for each in report.versions.values():
        versions |= each
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."
    if report.peaks is not None:
        operations, moved = report.peaks
        yield ""
        yield (
            f"The machine gives at most {format_rate(operations, 'FLOP')} in registers and "
            f"{format_rate(moved, 'B')} in a copy through memory: see "
            "[where the cases stand](roofline.svg)."
        )
    if any(result.group == "compile" and result.observed for result in report.results):
        yield ""
        yield "What compiling takes, [stage by stage](compiling.svg)."
    notes: dict[str, list[str]] = {
        f"{library} took no part: {reason}": [] for library, reason in report.skips.items()
    }
    yield from _summarise(report)
    for group, heading in HEADINGS.items():
        results = [result for result in report.results if result.group == group]
        if results:
            yield ""
            yield f"## {heading}"
            yield ""
            yield NOTES[group]
            yield ""
            yield from _rows(report, results, notes)
    if notes:
        yield ""
        yield "## Skipped"
        yield ""
        for note, titles in notes.items():
            yield f"- {note}" + (f" ({'; '.join(titles)})" if titles else "")


def _summarise(report: Report) -> Iterator[str]:
    """Yield the lines that say of each group how it stands against the best rival of each row."""
    yield ""
    yield "| group | rows | geometric mean | worst | which |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for group, heading in HEADINGS.items():
        found = [
            (ratio, result.title)
            for result in report.results
            if result.group == group and (ratio := result.best_ratio())
        ]
        if found:
            mean = math.exp(math.fsum(math.log(ratio) for ratio, _ in found) / len(found))
            ratio, title = min(found)
            numbers = f"{len(found)} | {format_ratio(mean)} | {format_ratio(ratio)}"
            yield f"| {heading} | {numbers} | {title} |"


def _rows(report: Report, results: Sequence[Result], notes: dict[str, list[str]]) -> Iterator[str]:
    libraries = [each for each in report.libraries if each not in report.skips]
    shares = {result.name: result.share_of_bandwidth() for result in results}
    columns = [*libraries, SHARE] if any(shares.values()) else libraries
    yield "| case | " + " | ".join(columns) + " |"
    yield "| --- |" + " ---: |" * len(columns)
    for result in results:
        cells = []
        for library in libraries:
            if library in result.skips:
                titles = notes.setdefault(f"{library}: {result.skips[library]}", [])
                if result.title not in titles:
                    titles.append(result.title)
            cells.append(_cell(result, library))
        if columns is not libraries:
            share = shares[result.name]
            cells.append("–" if share is None else f"{share:.0%}")
        yield f"| {result.title} | " + " | ".join(cells) + " |"
    found = [share for share in shares.values() if share is not None]
    if found:
        most = sum(share >= MOST_SHARE for share in found)
        yield ""
        yield (
            f"{most} of the {len(found)} cases that are larger than the caches reach "
            f"{MOST_SHARE:.0%} of the rate at which loops that do nothing else read and write as "
            "many bytes, in turns with them."
        )


def _cell(result: Result, library: str) -> str:
    median = result.median(library)
    if median is None:
        return "–"
    text = format_value(median, result.unit)
    if result.work is not None:
        text += f", {format_rate(result.work[0] / median, result.work[1])}"
    ratio = None if library == OURS else result.ratio(library)
    return text if ratio is None else f"{text} ({format_ratio(ratio)})"


def format_value(value: float, unit: str) -> str:
    """Return a sample with its unit, three digits."""
    if unit == "bytes":
        return f"{_three_digits(value / (1 << 20))} MiB"
    if unit.startswith("CPU"):
        return f"{_three_digits(value)} CPU s"
    for name, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{_three_digits(value / size)} {name}"
    return f"{_three_digits(value * 1e6)} µs"


def format_rate(rate: float, unit: str) -> str:
    """Return work per second."""
    return f"{_three_digits(rate / 1e9)} G{unit}/s"


def format_ratio(ratio: float) -> str:
    """Return a ratio with two or three digits."""
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:.0f}×"


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"

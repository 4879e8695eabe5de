"""Draw the path of one expression through the compiler: ``docs/images/stages.svg``.

Usage: ``python -m tools.draw_stages`` (part of ``make docs``). Everything in the picture is what
the compiler gives for the expression, for a processor with 256-bit vectors, whatever the machine
that draws; long lines are cut and long stretches left out. The lines are coloured by the op of the
tensor graph that they come from.
"""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy

from tilegrad import Tensor
from tilegrad.base.errors import DeviceError
from tilegrad.base.trace import Trace
from tilegrad.codegen.lower import lower
from tilegrad.engine import Session
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.cpu import code_target, tile_target
from tilegrad.engine.explain import Explanation, explain_nodes
from tilegrad.engine.library import Library
from tilegrad.engine.programs import Programs
from tilegrad.ir.node import Node
from tilegrad.render import llvm
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import foreign_target

PICTURE = Path("docs/images/stages.svg")
EXPRESSION = "x.softmax()"
FEATURES = ("avx", "avx2", "f16c", "fma", "sse4.1", "sse4.2")

COLOURS = {
    "load": "#e8edf3",
    "reduce_maximum": "#cfe3fb",
    "subtract": "#fbe3c4",
    "exp": "#fbd0cd",
    "reduce_sum": "#d2efd0",
    "divide": "#e2d6f7",
    "multiply": "#cdeeea",
    "store": "#e8edf3",
}
"""The background of what belongs to each op, in the order in which they are computed."""

Steps = Sequence[tuple[str, str]]
KERNEL: Steps = (
    ("load", r"load\("),
    ("reduce_maximum", r'kind="maximum"'),
    ("subtract", r"subtract\("),
    ("exp", r"exp\("),
    ("reduce_sum", r'kind="add"'),
    ("divide", r"divide\("),
    ("multiply", r"multiply\("),
    ("store", r"store\("),
)
TILE: Steps = (
    *KERNEL,
    ("reduce_maximum", r"maximum\(|float32\(-inf\)"),
    ("reduce_sum", r"reduce_sum\(|add\(|float32\(-0\.0\)"),
)
"""Which op a line of these two forms belongs to: by what stands in it."""
LLVM: Steps = (
    ("load", "mul nsw"),
    ("reduce_maximum", "maximum"),
    ("subtract", "fsub"),
    ("exp", ""),
    ("reduce_sum", "fadd .*0x8000000000000000"),
    ("divide", "fdiv"),
    ("multiply", "fmul"),
    ("store", "mul nsw"),
)
ASSEMBLY: Steps = (
    ("load", "vmovup"),
    ("reduce_maximum", "vmax"),
    ("subtract", "vsubps"),
    ("exp", ""),
    ("reduce_sum", "vinsertf128|vperm2f128"),
    ("divide", "vdivps"),
    ("multiply", "vmulps"),
    ("store", "vmovups"),
)
"""Which op a line of code belongs to: each op's code begins at the next line that matches."""

SHOWN = 6
"""So many lines of one op's code are shown."""
COLUMNS = 78
WIDTH, GAP, MARGIN = 620, 24, 16
LINE, STEP = 16.0, 58.0
"""From one line to the next, and from one node of the graph to the next."""


class Line(NamedTuple):
    """A line of a panel and the op that it belongs to, if any."""

    text: str
    op: str | None = None


class Panel(NamedTuple):
    """One stage."""

    title: str
    about: str
    lines: list[Line]


def explain_expression() -> Explanation:
    """Return what the compiler makes of the expression for the processor in the picture."""
    target = foreign_target("x86_64-unknown-linux-gnu", features=FEATURES)
    with Session(trace=Trace()).entered() as session:
        node = Tensor(numpy.zeros((4096, 8), numpy.float32)).softmax().node
        host = session.compiled("cpu")
        if host is None:
            raise DeviceError("the picture needs the cpu device")
        compiler = CpuCompiler(target)
        device = dataclasses.replace(host.device, compiler=compiler)

        def write(program: Node, name: str) -> str:
            return llvm.render(lower(program, code_target(target)), name)

        library = Library(compiler, write, None, session.trace, 1)
        programs = Programs(tile_target(target))
        executor = CompiledExecutor(
            device, programs, library, host.simplify, 1, session.trace, session.moves
        )
        return explain_nodes([node], executor)


def describe_stages(explanation: Explanation) -> list[Panel]:
    """Return the panels, in the order of the stages."""
    (kernel,) = explanation.kernels
    graph, index_form = explanation.simplified, kernel.kernel or ""
    return [
        Panel("tensor graph", EXPRESSION, [Line(text) for text in graph.splitlines()]),
        Panel("fusion", "what is computed where, and why", list(_describe_fusion(explanation))),
        Panel("kernel", "scalars over named axes", _find_ops(index_form, KERNEL)),
        Panel("tile program", "instances, loops, tiles", _find_ops(kernel.program, TILE)),
        Panel("LLVM IR", "the body of the loop", _follow_ops(_loop_body(kernel.llvm), LLVM)),
        Panel(
            "x86-64 assembly",
            "what LLVM makes of that",
            _follow_ops(_longest_block(kernel.assembly), ASSEMBLY),
        ),
    ]


def _describe_fusion(explanation: Explanation) -> Iterator[Line]:
    for one in reversed(explanation.decisions):
        op = re.findall(r"<(\w+) ", one.producer)[0]
        verb = "computed in" if one.is_fused else "stored for"
        yield Line(one.producer, op)
        yield Line(f"  {verb} {one.consumer}:", op)
        yield Line(f"  {one.reason}", op)
    kernels, moved = explanation.plan.kernels, explanation.plan.moved_bytes
    yield Line("")
    yield Line(f"{kernels} kernel, which moves {moved:,} bytes:")
    yield Line("x is read once and the result written once")


def _find_ops(text: str, steps: Steps) -> list[Line]:
    found = []
    for line in text.splitlines():
        ops = [op for op, pattern in steps if re.search(pattern, line)]
        found.append(Line(line, ops[-1] if ops else None))
    return found


def _follow_ops(lines: Sequence[str], steps: Steps) -> list[Line]:
    """Assign lines to ops in turn, and leave out the middle of long stretches."""
    rest = list(steps)
    stretches: list[tuple[str | None, list[str]]] = [(None, [])]
    for line in lines:
        if rest and re.search(rest[0][1], line):
            stretches.append((rest.pop(0)[0], []))
        stretches[-1][1].append(line)
    found: list[Line] = []
    for op, texts in stretches:
        left_out = len(texts) - SHOWN
        shown = texts
        if left_out > 1:
            shown = [*texts[: SHOWN - 1], f"    … {left_out + 1} more of {op}"]
        found += [Line(text, op) for text in shown]
    return found


def _loop_body(source: str) -> list[str]:
    """Return the longest block of a function in LLVM IR, without its label and its jump."""
    blocks = re.split(r"^\S+:$", source.partition("\n}")[0], flags=re.MULTILINE)
    longest = max(blocks, key=lambda block: block.count("\n"))
    return [line.strip() for line in longest.strip().splitlines() if " phi " not in line][:-1]


def _longest_block(assembly: str) -> list[str]:
    """Return the instructions of the longest stretch between two labels."""
    blocks = re.split(r"^\S+:$", assembly, flags=re.MULTILINE)
    code = [re.findall(r"^\t([a-z].*)$", block, flags=re.MULTILINE) for block in blocks]
    return [line.expandtabs(14) for line in max(code, key=len)]


def draw(panels: Sequence[Panel]) -> str:
    """Return the picture: two panels a row, the tensor graph as boxes and arrows."""
    parts: list[str] = []
    top = float(MARGIN)
    for number in range(0, len(panels), 2):
        row = panels[number : number + 2]
        height = 58 + LINE * max(len(panel.lines) for panel in row)
        if number == 0:
            height = max(height, 44 + STEP * (len(row[0].lines) - 1))  # the last line returns
        for place, panel in enumerate(row):
            left = MARGIN + place * (WIDTH + GAP)
            parts += _draw_frame(panel, number + place + 1, left, top, height)
            body = _draw_graph if number + place == 0 else _draw_lines
            parts += body(panel, left, top + 52)
        top += height + GAP
    width = 2 * (MARGIN + WIDTH) + GAP
    body = "\n".join(parts)
    return f"""\
<!-- Generated by tools/draw_stages.py (`make docs`). Do not edit. -->
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top:.0f}" \
font-family="DejaVu Sans, Verdana, sans-serif">
<title>A softmax on its way through the compiler</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" \
orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#57606a"/></marker></defs>
<rect width="{width}" height="{top:.0f}" rx="8" fill="#ffffff"/>
{body}
</svg>
"""


def _draw_frame(panel: Panel, number: int, left: float, top: float, height: float) -> Iterator[str]:
    yield (
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{height}" rx="6" fill="#fafbfc" '
        'stroke="#d0d7de"/>'
    )
    yield (
        f'<text x="{left + 14}" y="{top + 27}" font-size="17" font-weight="bold" fill="#1f2328">'
        f"{number}. {html.escape(panel.title)}</text>"
    )
    yield (
        f'<text x="{left + WIDTH - 14}" y="{top + 27}" font-size="13.5" text-anchor="end" '
        f'fill="#57606a">{html.escape(panel.about)}</text>'
    )


def _draw_lines(panel: Panel, left: float, top: float) -> Iterator[str]:
    for number, (text, op) in enumerate(panel.lines):
        y = top + number * LINE
        if op is not None:
            yield (
                f'<rect x="{left + 8}" y="{y - 1:.1f}" width="{WIDTH - 16}" height="{LINE}" '
                f'fill="{COLOURS[op]}"/>'
            )
        shown = text if len(text) <= COLUMNS else text[: COLUMNS - 1] + "…"
        yield (
            f'<text x="{left + 14}" y="{y + 11.5:.1f}" font-size="12.4" xml:space="preserve" '
            f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" fill="#1f2328">'
            f"{html.escape(shown)}</text>"
        )


def _draw_graph(panel: Panel, left: float, top: float) -> Iterator[str]:
    """Draw the nodes of a graph below each other; arrows past others go around them."""
    matches = [re.match(r"(\w+) = (\w+)(.*) : (.+)", line.text) for line in panel.lines]
    nodes = [match.groups() for match in matches if match]
    place = {name: number for number, (name, *_) in enumerate(nodes)}
    height, width = 34.0, 270.0
    x = left + (WIDTH - width) / 2
    for number, (_, op, rest, kind) in enumerate(nodes):
        y = top + number * STEP
        sources = [place[source] for source in re.findall(r"\b[bv]\d+\b", rest) if source in place]
        for side, source in enumerate(sorted(set(sources))):
            start, end = top + source * STEP + height, y
            if source == number - 1:
                line = f"M{x + width / 2},{start} V{end}"
            else:
                edge = x if side % 2 else x + width
                bend = edge + (-90 if side % 2 else 90)
                line = f"M{edge},{start - height / 2} C{bend},{start - 8} {bend},{end + 8} "
                line += f"{edge},{y + height / 2}"
            yield f'<path d="{line}" fill="none" stroke="#57606a" marker-end="url(#tip)"/>'
        colour = COLOURS.get(op, "#ffffff")
        yield (
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{colour}" '
            'stroke="#8c959f"/>'
        )
        shown = "x" if op == "buffer" else op
        yield (
            f'<text x="{x + 12}" y="{y + 22}" font-size="14" fill="#1f2328">{shown}</text>'
            f'<text x="{x + width - 12}" y="{y + 22}" font-size="12.5" text-anchor="end" '
            f'fill="#57606a">{html.escape(kind)}</text>'
        )


def main() -> None:
    """Write the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(describe_stages(explain_expression())), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The stages of a kernel, each as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tilegrad.apps.explain.record import Ran
from tilegrad.render.assembly import clean_assembly, find_loops


def _kernel(ran: Ran) -> str:
    return ran.kernel.kernel or "written by hand, or by an op that brings its own program\n"


def _assembly(ran: Ran) -> str:
    text = clean_assembly(ran.kernel.assembly, ran.kernel.name)
    loops = "".join(f"# {loop}\n" for loop in find_loops(text))
    return f"# innermost loops:\n{loops}{text}" if loops else text


STAGES: Mapping[str, tuple[str, Callable[[Ran], str]]] = {
    "graph": ("the tensor graph that it is a part of", lambda ran: ran.explanation.graph),
    "simplified": ("the graph after the rules", lambda ran: ran.explanation.simplified),
    "fusion": ("what was fused, and why", lambda ran: ran.explanation.describe_decisions()),
    "kernel": ("the kernel, for every value of its axes", _kernel),
    "tile": ("the tile program: how it is computed", lambda ran: ran.kernel.program),
    "linear": ("instructions on vectors, in order", lambda ran: ran.kernel.linear),
    "llvm": ("LLVM IR", lambda ran: ran.kernel.llvm),
    "assembly": ("this processor's instructions", _assembly),
}
"""By name: what it is, and its text; in the order of the compiler."""

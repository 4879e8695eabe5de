"""The stages of a kernel, each as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tilegrad.apps.explain.record import Ran
from tilegrad.render.assembly import clean_assembly, find_loops


def _graph(ran: Ran) -> str:
    return ran.explanation.graph


def _simplified(ran: Ran) -> str:
    return ran.explanation.simplified


def _fusion(ran: Ran) -> str:
    return ran.explanation.describe_decisions()


def _kernel(ran: Ran) -> str:
    return ran.kernel.kernel or "written by hand, or by an op that brings its own program\n"


def _tile(ran: Ran) -> str:
    return ran.kernel.program


def _linear(ran: Ran) -> str:
    return ran.kernel.linear


def _llvm(ran: Ran) -> str:
    return ran.kernel.llvm


def _assembly(ran: Ran) -> str:
    text = clean_assembly(ran.kernel.assembly, ran.kernel.name)
    loops = "".join(f"# {loop}\n" for loop in find_loops(text))
    return f"# innermost loops:\n{loops}{text}" if loops else text


STAGES: Mapping[str, tuple[str, Callable[[Ran], str]]] = {
    "graph": ("the tensor graph that it is a part of", _graph),
    "simplified": ("the graph after the rules", _simplified),
    "fusion": ("what was fused, and why", _fusion),
    "kernel": ("the kernel, for every value of its axes", _kernel),
    "tile": ("the tile program: how it is computed", _tile),
    "linear": ("instructions on vectors, in order", _linear),
    "llvm": ("LLVM IR", _llvm),
    "assembly": ("this processor's instructions", _assembly),
}
"""By name: what it is, and its text; in the order of the compiler."""

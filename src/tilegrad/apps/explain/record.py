"""The kernels that a script ran: what the compiler made of them, and what they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilegrad.base.events import KernelLaunched
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.explain import ExplainedKernel, Explanation, explain_nodes
from tilegrad.ir.node import Node


@dataclass(frozen=True)
class Ran:
    """A kernel and its launches.

    Attributes:
        number: counted from 1, in the order in which the kernels were first planned.
        kernel: what the compiler made.
        explanation: of the graph that it was first made for.
        launches: as the trace tells of them; at least one.
    """

    number: int
    kernel: ExplainedKernel
    explanation: Explanation
    launches: Sequence[KernelLaunched]

    @property
    def seconds(self) -> float:
        """How long all launches took together."""
        return sum(launch.seconds for launch in self.launches)

    @property
    def best(self) -> KernelLaunched:
        """The launch that moved its bytes fastest: the one that other programs disturbed least."""
        return max(self.launches, key=lambda launch: launch.moved_bytes / launch.seconds)


def collect(
    graphs: Sequence[Sequence[Node]], events: Sequence[KernelLaunched], executor: CompiledExecutor
) -> list[Ran]:
    """Return the kernels of graphs that were launched.

    Args:
        graphs: what was planned (``watch_plans``).
        events: the launches.
        executor: what planned and ran them.
    """
    launches: dict[str, list[KernelLaunched]] = {}
    for event in events:
        launches.setdefault(event.kernel, []).append(event)
    found: list[Ran] = []
    for nodes in graphs:
        explanation = explain_nodes(nodes, executor)
        for kernel in explanation.kernels:
            name = executor.library.get(kernel.step.program.program.root).name
            if name in launches:
                found.append(Ran(len(found) + 1, kernel, explanation, launches.pop(name)))
    return found

"""What the compiler makes of tensors, stage by stage, without running it.

``print(explain(x.softmax()))`` shows the kernels and why there are so many. The texts of each stage
are attributes: tensor graph, simplified graph, and for every kernel its expression over named axes,
its tile program, instructions, LLVM IR and assembly. ``watch_plans`` notes what a program plans,
for ``explain_nodes``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from tilegrad.base.errors import DeviceError
from tilegrad.base.events import FusionDecided
from tilegrad.codegen.lower import lower
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.cpu import code_target
from tilegrad.engine.plan import Plan, Step
from tilegrad.engine.session import current_session
from tilegrad.ir.node import Node, intern
from tilegrad.ir.text import print_program
from tilegrad.ops import graph
from tilegrad.ops.markers import remove_markers
from tilegrad.runtime.cpu.device import CpuDevice


class Explainable(Protocol):
    """A tensor: an expression, and the contents that it is to overwrite or None."""

    node: Node
    device: str
    target: Node | None


@dataclass(frozen=True)
class ExplainedKernel:
    """One kernel of a plan. Its texts are made when they are asked for.

    Attributes:
        step: the launch; the first one, where several buffers go through one kernel.
        launches: how many launches are done by it at once.
        moved_bytes: bytes behind the pointers of all these launches, symbolic sizes left out.
        executor: what would compile it.
    """

    step: Step
    launches: int
    moved_bytes: int
    executor: CompiledExecutor = field(repr=False)

    @property
    def name(self) -> str:
        """The name of the native function."""
        return self.step.program.program.name

    @property
    def kernel(self) -> str | None:
        """The scalar expression over named axes; None where an op brings its own tile program."""
        root = self.step.program.kernel
        return None if root is None else print_program([root])

    @property
    def program(self) -> str:
        """The tile program, with what its slots are."""
        return str(self.step.program.program)

    @cached_property
    def linear(self) -> str:
        """The instructions, on vectors and in order, that the code generator chose.

        Raises:
            DeviceError: the device has no such stage.
        """
        device = self.executor.device
        if not isinstance(device, CpuDevice):
            raise DeviceError("only a processor's instructions can be shown", got=device.name)
        return str(lower(self.step.program.program.root, code_target(device.target)))

    @cached_property
    def llvm(self) -> str:
        """The LLVM IR that the code generator wrote."""
        return self.executor.library.write(self.step.program.program.root, self.name)

    @cached_property
    def assembly(self) -> str:
        """The assembly that LLVM makes of it for this processor."""
        return self.executor.device.compiler.assembly(self.llvm)

    def __str__(self) -> str:
        times = f", {self.launches} launches at once" if self.launches > 1 else ""
        kernel = self.kernel
        return (
            f"kernel {self.name}: {self.moved_bytes:,} bytes{times}\n"
            + ("" if kernel is None else _indent(kernel))
            + f"as tile program\n{_indent(self.program)}"
        )


@dataclass(frozen=True)
class Explanation:
    """What would be launched to compute some tensors, and why.

    Attributes:
        graph: text of the tensor graph as it was built.
        simplified: text of the graph after the rules.
        decisions: for every producer and consumer, whether they were fused, and why.
        kernels: in the order of their launch.
        plan: the plan, with its memory.
    """

    graph: str
    simplified: str
    decisions: tuple[FusionDecided, ...]
    kernels: tuple[ExplainedKernel, ...]
    plan: Plan

    def __str__(self) -> str:
        count = len(self.kernels)
        head = (
            f"{count} kernel{'s' * (count != 1)}, {self.plan.moved_bytes:,} bytes moved, "
            f"{self.plan.arena.nbytes:,} bytes of temporaries\n"
        )
        return "\n".join([head + self.describe_decisions(), *map(str, self.kernels)])

    def describe_decisions(self) -> str:
        """Return a line for each decision."""
        lines = Counter(
            f"  {one.producer} {'in' if one.is_fused else 'apart from'} {one.consumer}: "
            f"{one.reason}"
            for one in self.decisions
        )
        return "".join(
            f"{line}\n" if times == 1 else f"{line} ({times} times)\n"
            for line, times in lines.items()
        )


def explain(*tensors: Explainable) -> Explanation:
    """Return what the compiler would do to compute tensors together; nothing is run.

    Args:
        tensors: lazy tensors of one device; realised ones need no kernel.

    Raises:
        DeviceError: their device compiles nothing, or they are on different ones.
    """
    session = current_session()
    devices = {tensor.device for tensor in tensors} or {session.default_device}
    executor = session.compiled(next(iter(devices))) if len(devices) == 1 else None
    if executor is None:
        raise DeviceError(
            "only what one compiling device does can be explained",
            got=", ".join(sorted(devices)),
            expected="tensors on cpu",
            mend='move them: tensor.to("cpu")',
        )
    return explain_nodes([_wanted(tensor) for tensor in tensors], executor)


def explain_nodes(nodes: Sequence[Node], executor: CompiledExecutor) -> Explanation:
    """Return what an executor would do to compute nodes of the tensor graph."""
    nodes = remove_markers(nodes)
    with executor.trace.record() as recording:
        plan = executor.plan(nodes)
    return Explanation(
        graph=print_program(nodes),
        simplified=print_program(executor.simplify(nodes)),
        decisions=tuple(recording.find(FusionDecided)),
        kernels=tuple(_kernels(plan, executor)),
        plan=plan,
    )


@contextmanager
def watch_plans(executor: CompiledExecutor) -> Iterator[list[Sequence[Node]]]:
    """Note in a ``with`` statement what an executor plans, each graph once; see ``explain_nodes``.

    The graphs keep the memory of their buffers as long as they are kept.
    """
    planned: list[Sequence[Node]] = []
    executor.planned = planned
    try:
        yield planned
    finally:
        executor.planned = None


def _wanted(tensor: Explainable) -> Node:
    """Return what realising a tensor computes: its value, or the assignment of it."""
    if tensor.target is None:
        return tensor.node
    return intern(graph.assign, (tensor.target, tensor.node))


def _kernels(plan: Plan, executor: CompiledExecutor) -> list[ExplainedKernel]:
    """Return the kernels, launches of one kernel in one group put together."""
    found: list[ExplainedKernel] = []
    for group in plan.groups:
        alike: dict[Node, list[Step]] = {}
        for step in group:
            alike.setdefault(step.program.program.root, []).append(step)
        found += [_kernel(steps, executor) for steps in alike.values()]
    return found


def _kernel(steps: Sequence[Step], executor: CompiledExecutor) -> ExplainedKernel:
    moved = sum(step.moved_bytes for step in steps)
    return ExplainedKernel(steps[0], len(steps), moved, executor)


def _indent(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())

"""Run a script and explain the kernels that it ran."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tilegrad.apps.explain.peaks import measure_peaks
from tilegrad.apps.explain.record import Ran, collect
from tilegrad.apps.explain.report import print_kernels, print_stages
from tilegrad.apps.script import run_script
from tilegrad.base.errors import ArgumentError, DeviceError
from tilegrad.base.events import KernelLaunched
from tilegrad.engine import Session
from tilegrad.engine.explain import watch_plans
from tilegrad.runtime.cpu.device import CpuDevice


def explain_script(
    session: Session,
    script: Path,
    arguments: list[str],
    *,
    number: int | None = None,
    stages: Sequence[str] = (),
) -> bool:
    """Run a script, then print its kernels, or the stages of one of them.

    Args:
        session: the one in force.
        script: a Python file.
        arguments: what it finds in ``sys.argv`` after its name.
        number: which kernel to show stage by stage; None for the table of all.
        stages: the names of the stages to show, of ``STAGES``.

    Returns:
        Whether the script was interrupted; what it ran until then is explained all the same.

    Raises:
        ArgumentError: there is no kernel of that number.
        DeviceError: the session's device compiles nothing.
    """
    executor = session.compiled(session.default_device)
    if executor is None or not isinstance(executor.device, CpuDevice):
        raise DeviceError(
            "only what is compiled can be explained", got=session.default_device, expected="cpu"
        )
    with watch_plans(executor) as graphs, session.trace.record() as recording:
        is_interrupted = run_script(script, arguments)
    kernels = collect(graphs, recording.find(KernelLaunched), executor)
    console = Console()
    if not kernels:
        console.print(f"{script.name} ran no kernels")
    elif number is None:
        target = executor.device.target
        print_kernels(kernels, measure_peaks(session, target.vector_bits, target.threads), console)
    else:
        print_stages(_pick(kernels, number), stages, console)
    return is_interrupted


def _pick(kernels: Sequence[Ran], number: int) -> Ran:
    if not 1 <= number <= len(kernels):
        raise ArgumentError(
            "the script ran no such kernel", got=number, expected=f"1 to {len(kernels)}"
        )
    return kernels[number - 1]

"""What was compiled to train a network, and what it took."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.apps.training.trainer import Trainer
from tilegrad.apps.units import format_bytes, format_seconds
from tilegrad.engine import Session


@dataclass(frozen=True, slots=True)
class Compilation:
    """What the engine did, as its statistics tell it.

    Attributes:
        kernels: kernels made, of all steps and evaluations.
        cached: how many of them the cache on disk had.
        code_bytes: size of their native code.
        seconds: that making them took.
        step_kernels: kernels that a training step launches, or None if none was captured.
        step_bytes: memory that the captured step keeps for itself.
        peak_bytes: the most memory in use at once on the device.
    """

    kernels: int
    cached: int
    code_bytes: int
    seconds: float
    step_kernels: int | None
    step_bytes: int
    peak_bytes: int


def describe_compilation(session: Session, trainer: Trainer) -> Compilation | None:
    """Return what was compiled, or None for a device that compiles nothing."""
    executor = session.compiled(session.default_device)
    if executor is None:
        return None
    statistics = executor.library.statistics
    steps = trainer.learn.captured
    return Compilation(
        kernels=statistics.compiled + statistics.found,
        cached=statistics.found,
        code_bytes=statistics.binary_bytes,
        seconds=statistics.seconds,
        step_kernels=steps[0].kernels if steps else None,
        step_bytes=steps[0].arena_bytes if steps else 0,
        peak_bytes=executor.device.allocator.statistics().peak,
    )


def summarise(compilation: Compilation | None, first_step: float | None) -> list[str]:
    """Return the lines of a summary.

    Args:
        compilation: what was compiled.
        first_step: seconds from the start to the end of the first step, if it came to that.
    """
    lines = []
    if compilation is not None:
        cached = f" ({compilation.cached} from the cache)" if compilation.cached else ""
        lines.append(
            f"compiled: {compilation.kernels} kernels{cached}, "
            f"{format_bytes(compilation.code_bytes)} of native code, "
            f"in {format_seconds(compilation.seconds)}"
        )
        if compilation.step_kernels is not None:
            lines.append(
                f"training step: {compilation.step_kernels} kernels, replayed as one call; "
                f"it keeps {format_bytes(compilation.step_bytes)}"
            )
        lines.append(f"peak memory: {format_bytes(compilation.peak_bytes)}")
    if first_step is not None:
        lines.append(f"time to the first step: {format_seconds(first_step)}")
    return lines

"""The CPU as a device."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.base.errors import ArgumentError
from tilegrad.base.trace import Trace
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.host import request_amx
from tilegrad.runtime.cpu.memory import CpuAllocator
from tilegrad.runtime.cpu.queue import CpuQueue
from tilegrad.runtime.cpu.recording import CpuRecording
from tilegrad.runtime.cpu.target import CpuTarget, Optimisation, host_target
from tilegrad.runtime.device import BinaryCache, Device


@dataclass(frozen=True, slots=True)
class CpuDevice(Device[CpuRecording]):
    """This machine's processor.

    Attributes:
        target: what code is generated for.
    """

    target: CpuTarget


def cpu_device(
    threads: int | None = None,
    features: str | None = None,
    optimisation: Optimisation = Optimisation.SHORT,
    trace: Trace | None = None,
    cache: BinaryCache | None = None,
) -> CpuDevice:
    """Return this machine's processor as a device.

    Args:
        threads: how many threads run kernels; by default as many as there are cores to use.
        features: the newest instruction set to use: avx512, avx2, sse4.2, ...; by default all.
        optimisation: what LLVM does with the kernels.
        trace: is told of buffers given and taken back.
        cache: keeps what is known of the machine and the runtime's own code, or None.

    Raises:
        ArgumentError: `threads` is below 1 or `features` names no instruction set.
    """
    if threads is not None and threads < 1:
        raise ArgumentError("A CPU needs a thread to run on", got=threads, expected="1 or more")
    target = host_target(threads, cache)
    if features is not None:
        target = target.limited(features)
    if target.has("amx-tile") and not request_amx():
        target = target.limited("avx512")
    allocator, compiler = CpuAllocator(trace=trace), CpuCompiler(target, optimisation)
    return CpuDevice("cpu", allocator, compiler, CpuQueue(target, cache), target)

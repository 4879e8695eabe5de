"""The ``cpu`` device put together: tile programs through LLVM to worker threads."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.base.settings import Settings
from tilegrad.base.trace import Trace
from tilegrad.codegen.matrix.units import list_matrix_facts
from tilegrad.codegen.target import CodegenTarget
from tilegrad.engine.cache import DiskCache
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.generator import digest_generator
from tilegrad.engine.library import Library
from tilegrad.engine.programs import Programs
from tilegrad.engine.storage import Moves
from tilegrad.engine.winners import Winners
from tilegrad.ir.node import Node
from tilegrad.ops import tensor
from tilegrad.rewrite.driver import rewrite
from tilegrad.runtime.cpu import host
from tilegrad.runtime.cpu.device import CpuDevice, cpu_device
from tilegrad.runtime.cpu.target import CpuTarget
from tilegrad.simplify.passes import simplify_tensor_graph
from tilegrad.tile.target import TileTarget


def start_cpu(settings: Settings, trace: Trace, moves: Moves) -> CompiledExecutor:
    """Return the executor of this machine's processor."""
    cache = DiskCache(settings.cache_directory / "kernels", trace) if settings.cache else None
    device = cpu_device(settings.threads, settings.instruction_set, trace=trace, cache=cache)
    target = code_target(device.target)

    def write(program: Node, name: str) -> str:
        # Where all kernels are in the cache, nothing is written, and the writers are not loaded.
        from tilegrad.codegen.lower import lower
        from tilegrad.render import llvm

        return llvm.render(lower(program, target), name)

    def simplify(nodes: Sequence[Node]) -> list[Node]:
        simplified = rewrite(nodes, simplify_tensor_graph, trace)
        if settings.verify:
            tensor.verify(simplified)
        return simplified

    generator = digest_generator() if settings.cache else ""
    threads = device.target.threads
    library = Library(device.compiler, write, cache, trace, threads, generator)
    programs = Programs(
        tile_target(device.target),
        open_winners(device, generator, settings, trace),
        verifies=settings.verify,
    )
    return CompiledExecutor(device, programs, library, simplify, threads, trace, moves)


def open_winners(device: CpuDevice, generator: str, settings: Settings, trace: Trace) -> Winners:
    """Return the schedules that searches found on this machine, with this code generator."""
    target = device.target
    caches = f"{target.l1} {target.l2} {target.l3}"
    machine = f"{generator} {device.compiler.key} {caches} {target.threads} {host.model_name()}"
    directory = settings.cache_directory / "schedules"
    return Winners(machine, DiskCache(directory, trace) if settings.cache else None)


def code_target(target: CpuTarget) -> CodegenTarget:
    """Return what code generation needs to know of a processor."""
    return CodegenTarget(target.architecture, target.vector_bits, target.features)


_USUAL_CACHE = 512 << 10


def tile_target(target: CpuTarget) -> TileTarget:
    """Return what choosing tiles needs to know of a processor."""
    has_many = target.architecture == "aarch64" or target.has("avx512f")
    registers = 32 if has_many else 16
    units = list_matrix_facts(code_target(target))
    cache = target.l2 or _USUAL_CACHE
    return TileTarget(target.vector_bits // 8, registers, cache, units, target.threads)

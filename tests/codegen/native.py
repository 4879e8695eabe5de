"""Runs tile programs natively for the tests of code generation."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence

import numpy

from tilegrad.codegen.lower import lower
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ops.linear_program import LinearProgram
from tilegrad.render.llvm import render
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import CpuTarget, host_target

LEVELS = ("native", "avx2", "sse2")


@functools.cache
def target(level: str = "native") -> CpuTarget:
    """Return this machine's processor, restricted to a level."""
    host = host_target()
    return host if level == "native" else host.limited(level)


@functools.cache
def compiler(level: str = "native") -> CpuCompiler:
    return CpuCompiler(target(level))


def codegen_target(cpu: CpuTarget) -> CodegenTarget:
    return CodegenTarget(cpu.architecture, cpu.vector_bits, cpu.features)


def lower_for(program: Node, level: str = "native") -> LinearProgram:
    linear = lower(program, codegen_target(target(level)))
    linear.verify()
    return linear


def compile_native(program: Node, level: str = "native") -> bytes:
    return compiler(level).compile(render(lower_for(program, level), "k"))


def run(
    program: Node,
    arguments: Sequence[numpy.ndarray | int],
    instances: int,
    level: str = "native",
    *,
    has_finish: bool = False,
) -> None:
    """Run all instances of a program, in two calls; arrays are written in place."""
    loaded = compiler(level).load(compile_native(program, level))
    slots = [a if isinstance(a, int) else a.ctypes.data for a in arguments]
    words = (ctypes.c_int64 * max(len(slots), 1))(*slots)
    start = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    middle = instances // 2
    for begin, end in ((middle, instances), (0, middle)):
        start(loaded.address("k"))(ctypes.addressof(words), begin, end)
    if has_finish:
        finish = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        finish(loaded.address("k_finish"))(ctypes.addressof(words))

"""Compiles tile programs for this processor and calls them over NumPy arrays."""

from __future__ import annotations

import functools
import math

import numpy

from tilegrad.codegen.lower import lower
from tilegrad.engine.cpu import code_target
from tilegrad.engine.sizes import evaluate_index
from tilegrad.ir.node import Node
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.ops.program import Program
from tilegrad.render import llvm
from tilegrad.runtime.cpu.device import CpuDevice, cpu_device
from tilegrad.runtime.device import Launch


@functools.cache
def device(features: str | None = None) -> CpuDevice:
    return cpu_device(threads=1, features=features)


@functools.cache
def compiled(root: Node, features: str | None = None):
    on = device(features)
    source = llvm.render(lower(root, code_target(on.target)), "kernel")
    return on.compiler.load(on.compiler.compile(source))


def prepare(program: Program, inputs: list[numpy.ndarray], features: str | None = None):
    """Return a function that runs the program, and the arrays that it writes its outputs to."""
    binary = compiled(program.root, features)
    waiting = list(inputs)
    arrays, values, outputs = [], [], []
    for role, dtype, size in program.slots:
        if role == "scalar":
            values.append(size)
            continue
        array = _allocate(size, dtype.numpy)
        if role == "input":
            array = numpy.ascontiguousarray(waiting.pop(0))
            assert array.size == size
        arrays.append(array)
        values.append(array.ctypes.data)
        if role == "output":
            outputs.append(array)
    scalars = dict(enumerate(values))
    blocks = math.prod(evaluate_index(size, {}, scalars) for size in program.grid)
    finish = binary.address("kernel_finish") if program.root.attributes.has_finish else 0
    launch = Launch(binary.address("kernel"), tuple(values), blocks, max(1, blocks), finish)
    queue = device(features).queue
    recording = queue.record([[launch]], keep=[binary, *arrays])
    return functools.partial(queue.run, recording), outputs


def _allocate(size: int, dtype) -> numpy.ndarray:
    """Return zeros that begin within a line of the caches, as memory that others gave may."""
    nbytes = size * numpy.dtype(dtype).itemsize
    spare = numpy.zeros(nbytes + LINE_BYTES, numpy.uint8)
    first = (16 - spare.ctypes.data) % LINE_BYTES
    return spare[first : first + nbytes].view(dtype)


def launch_natively(program: Program, inputs: list[numpy.ndarray]) -> list[numpy.ndarray]:
    """Return the outputs; sizes in the slots must be integers."""
    run, outputs = prepare(program, inputs)
    run()
    return outputs

"""Runs hand-built programs on the interpreter with every check on."""

from __future__ import annotations

import numpy

from tilegrad.ops.program import Program
from tilegrad.runtime.reference.interpreter import interpret


def launch(program: Program, inputs: list[numpy.ndarray]) -> list[numpy.ndarray]:
    """Return the outputs; sizes in the slots must be integers."""
    waiting = list(inputs)
    arguments: list[numpy.ndarray | int] = []
    for role, dtype, size in program.slots:
        if role == "scalar":
            arguments.append(size)
        elif role == "input":
            array = numpy.ascontiguousarray(waiting.pop(0))
            assert array.size == size
            arguments.append(array)
        else:
            arguments.append(numpy.zeros(size, dtype.numpy))
    roles = [slot.role for slot in program.slots]
    undefined = [slot for slot, role in enumerate(roles) if role in ("output", "workspace")]
    interpret(program.root, arguments, undefined=undefined, finds_races=True)
    assert not waiting
    return [array for array, role in zip(arguments, roles, strict=True) if role == "output"]

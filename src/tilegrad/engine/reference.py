"""The ``reference`` device: the tensor graph op by op, by the definitions' NumPy references."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from tilegrad.base.errors import CompileError
from tilegrad.engine.sizes import evaluate_index
from tilegrad.engine.storage import (
    Contents,
    concrete_shape,
    storage_of,
    view_storage,
    wrap_memory,
)
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.graph import CallAttributes, assign
from tilegrad.ops.program import Program
from tilegrad.runtime.reference.interpreter import interpret


class ReferenceExecutor:
    """Realises nodes slowly and obviously; what all else is checked against."""

    name = "reference"

    def realize(
        self, nodes: Sequence[Node], symbols: Mapping[str, int], order: Sequence[Node] | None = None
    ) -> list[Contents]:
        """Return the contents of each node; sizes of symbols are given by name."""
        del order
        arrays = evaluate(nodes, self._read, symbols, functools.partial(_call, symbols))
        results: list[Contents] = []
        for node, array in zip(nodes, arrays, strict=True):
            owned = numpy.array(array, node.dtype.numpy, order="C", copy=True)
            if node.op is assign:
                results.append(self._write(node.sources[0], owned))
            else:
                results.append((wrap_memory(owned, self.name), owned.shape))
        return results

    def _write(self, target: Node, value: numpy.ndarray) -> Contents:
        storage, shape = storage_of(target), concrete_shape(target)
        view_storage(storage, shape)[...] = value
        storage.version += 1
        return storage, shape

    def _read(self, node: Node) -> numpy.ndarray:
        return view_storage(storage_of(node), concrete_shape(node))


def _call(
    symbols: Mapping[str, int], node: Node, sources: Sequence[numpy.ndarray]
) -> list[numpy.ndarray]:
    """Interpret the tile program of a hand-written kernel; instances that meet are an error."""
    call = attributes_of(node, CallAttributes)
    if not isinstance(call.program, Program):
        raise CompileError("a call has a tile program", got=call.program)
    waiting = iter(sources)
    arguments: list[numpy.ndarray[Any, Any] | int] = []
    for role, dtype, size in call.program.slots:
        count = evaluate_index(size, symbols)
        if role == "scalar":
            arguments.append(count)
        elif role == "input":
            arguments.append(numpy.ascontiguousarray(next(waiting)))
        elif role == "update":
            arguments.append(numpy.array(next(waiting), order="C", copy=True))
        else:
            arguments.append(numpy.zeros(count, dtype.numpy))
    roles = [slot.role for slot in call.program.slots]
    undefined = [slot for slot, role in enumerate(roles) if role in ("output", "workspace")]
    interpret(call.program.root, arguments, undefined=undefined, finds_races=True)
    outputs = [arguments[slot] for slot, role in enumerate(roles) if role in ("update", "output")]
    return [
        array.reshape([evaluate_index(size, symbols) for size in shape])
        for array, (_, shape) in zip(outputs, call.results, strict=True)
        if not isinstance(array, int)
    ]

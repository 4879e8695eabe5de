"""The ``reference`` device: the tensor graph op by op, by the definitions' NumPy references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from tilegrad.engine.storage import (
    concrete_shape,
    make_buffer_node,
    storage_of,
    view_storage,
    wrap_array,
)
from tilegrad.ir.node import Node
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.graph import assign


class ReferenceExecutor:
    """Realises nodes slowly and obviously; what all else is checked against."""

    name = "reference"

    def realize(self, nodes: Sequence[Node], symbols: Mapping[str, int]) -> list[Node]:
        """Return one buffer node per node; sizes of symbols are given by name."""
        arrays = evaluate(nodes, self._read, symbols)
        results = []
        for node, array in zip(nodes, arrays, strict=True):
            owned = numpy.array(array, node.dtype.numpy, order="C", copy=True)
            if node.op is assign:
                results.append(self._write(node.sources[0], owned))
            else:
                results.append(wrap_array(owned, self.name))
        return results

    def _write(self, target: Node, value: numpy.ndarray) -> Node:
        storage, shape = storage_of(target), concrete_shape(target)
        view_storage(storage, shape)[...] = value
        storage.version += 1
        return make_buffer_node(storage, shape)

    def _read(self, node: Node) -> numpy.ndarray:
        return view_storage(storage_of(node), concrete_shape(node))

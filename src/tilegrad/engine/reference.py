"""The ``reference`` device: the tensor graph op by op, by the definitions' NumPy references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from tilegrad.engine.storage import concrete_shape, storage_of, view_storage, wrap_array
from tilegrad.ir.node import Node
from tilegrad.ops.evaluate import evaluate


class ReferenceExecutor:
    """Realises nodes slowly and obviously; what all else is checked against."""

    name = "reference"

    def realize(self, nodes: Sequence[Node], symbols: Mapping[str, int]) -> list[Node]:
        """Return one buffer node per node; sizes of symbols are given by name."""
        arrays = evaluate(nodes, self._read, symbols)
        results = []
        for node, array in zip(nodes, arrays, strict=True):
            owned = numpy.array(array, node.dtype.numpy, order="C", copy=True)
            results.append(wrap_array(owned, self.name))
        return results

    def _read(self, node: Node) -> numpy.ndarray:
        return view_storage(storage_of(node), concrete_shape(node))

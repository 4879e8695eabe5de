"""Small graphs for the tests of ops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from tilegrad.ir.dtype import from_numpy
from tilegrad.ir.node import Node
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.leaves import BufferAttributes, Storage, SymbolAttributes, buffer, symbol


class Arrays:
    """Arrays as buffer nodes, and the values of graphs over them."""

    def __init__(self) -> None:
        self.contents: dict[Node, numpy.ndarray] = {}

    def leaf(self, values: object, shape: Sequence[int | Node] | None = None) -> Node:
        """Return a buffer node with these contents."""
        array = numpy.asarray(values)
        storage = Storage("reference", from_numpy(array.dtype), array.size)
        node = buffer(attributes=BufferAttributes(storage, tuple(shape or array.shape), 0))
        self.contents[node] = array
        return node

    def value(self, node: Node, **symbols: int) -> numpy.ndarray:
        """Return the value of a node."""
        return evaluate([node], self.contents.__getitem__, symbols)[0]


def size(name: str, minimum: int = 1, maximum: int = 100) -> Node:
    """Return a symbolic size."""
    return symbol(attributes=SymbolAttributes(name, minimum, maximum))

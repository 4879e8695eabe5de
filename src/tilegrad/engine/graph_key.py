"""What makes two graphs the same plan: their structure, with the buffers numbered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops.leaves import BufferAttributes, buffer


class GraphKey(NamedTuple):
    """The structure of a graph and its buffers in the order in which it names them.

    Attributes:
        structure: equal for graphs that differ only in which buffers they read and write.
        buffers: the buffer nodes.
    """

    structure: tuple[object, ...]
    buffers: tuple[Node, ...]


def key_of(nodes: Sequence[Node], order: Iterable[Node] | None = None) -> GraphKey:
    """Return the key of the graph that computes some nodes; linear in its size.

    Args:
        nodes: what the graph computes.
        order: all its nodes as ``sort_topologically`` gives them, where that is known.
    """
    numbers: dict[Node, int] = {}
    buffers: list[Node] = []
    storages: dict[object, int] = {}
    structure: list[object] = []
    for node in sort_topologically(nodes) if order is None else order:
        numbers[node] = len(numbers)
        if node.op is buffer:
            storage, shape, version = attributes_of(node, BufferAttributes)
            place = storages.setdefault(storage, len(buffers))
            buffers.append(node)
            structure.append((place, storage.dtype, shape, storage.version - version))
        else:
            sources = tuple([numbers[source] for source in node.sources])
            structure.append((node.op, node.attributes, sources))
    structure.append(tuple([numbers[node] for node in nodes]))
    return GraphKey(tuple(structure), tuple(buffers))

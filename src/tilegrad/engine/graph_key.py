"""What makes two graphs the same plan: their structure, with the buffers numbered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops.leaves import BufferAttributes, Storage


class GraphKey(NamedTuple):
    """The structure of a graph and its buffers in the order in which it names them.

    Attributes:
        structure: equal for graphs that differ only in which buffers they read and write.
        buffers: the buffer nodes.
        storages: of each of them.
    """

    structure: tuple[object, ...]
    buffers: list[Node]
    storages: list[Storage]


def key_of(nodes: Sequence[Node], order: Iterable[Node] | None = None) -> GraphKey:
    """Return the key of the graph that computes some nodes; linear in its size.

    Args:
        nodes: what the graph computes.
        order: all its nodes as ``sort_topologically`` gives them, where that is known.
    """
    numbers: dict[Node, int] = {}
    buffers: list[Node] = []
    storages: list[Storage] = []
    places: dict[Storage, int] = {}
    structure: list[object] = []
    for node in sort_topologically(nodes) if order is None else order:
        numbers[node] = len(numbers)
        attributes = node.attributes
        if type(attributes) is BufferAttributes:
            storage, shape, version = attributes
            place = places.setdefault(storage, len(buffers))
            buffers.append(node)
            storages.append(storage)
            structure.append((place, storage.dtype, shape, storage.version - version))
        else:
            sources = tuple([numbers[source] for source in node.sources])
            structure.append((node.op, attributes, sources))
    structure.append(tuple([numbers[node] for node in nodes]))
    return GraphKey(tuple(structure), buffers, storages)

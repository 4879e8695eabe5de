"""Copies between devices: what is to be copied is computed where it is, then moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy

from tilegrad.engine.storage import Contents, view_storage, wrap_array
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops import graph
from tilegrad.ops.graph import CopyAttributes
from tilegrad.ops.infer import known_sizes
from tilegrad.rewrite.graph import substitute

Realize = Callable[[Sequence[Node], str], list[Contents]]


def move_copies(nodes: Sequence[Node], realize: Realize, default_device: str) -> list[Node]:
    """Return the nodes with every ``copy`` replaced by a buffer on the device it names.

    Args:
        nodes: what is wanted.
        realize: computes nodes on a device.
        default_device: where to compute what depends on no realised tensor.
    """
    current = list(nodes)
    while True:
        copied = next((n for n in sort_topologically(current) if n.op is graph.copy), None)
        if copied is None:
            return current
        (source,) = copied.sources
        target = attributes_of(copied, CopyAttributes).device
        origin = graph.find_device(source) or default_device
        moved = source
        if origin != target:
            ((storage, shape),) = realize([source], origin)
            array = numpy.array(view_storage(storage, known_sizes(shape)))
            moved = wrap_array(array, target)
        current = substitute(current, {copied: moved})

"""Which element of what a tile is a rearrangement of each of its elements is."""

from __future__ import annotations

import math

import numpy

from tilegrad.codegen.index import Array
from tilegrad.codegen.layout import static_shape
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import movement


def trace_movement(node: Node) -> tuple[Node, Array]:
    """Return what a tile is reshaped and permuted from, and where its elements come from.

    The places are numbers of elements in row-major order, in an array of the tile's shape.
    """
    chain = []
    root = node
    while root.op is movement.reshape or root.op is movement.permute:
        chain.append(root)
        root = root.sources[0]
    shape = static_shape(root)
    places = numpy.arange(math.prod(shape)).reshape(shape)
    for step in reversed(chain):
        if step.op is movement.permute:
            places = places.transpose(attributes_of(step, movement.PermuteAttributes).order)
        else:
            places = places.reshape(static_shape(step))
    return root, places

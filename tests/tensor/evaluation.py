"""Leaves bound to arrays, and graphs evaluated by the definitions' NumPy references."""

import numpy

from tilegrad.ir.dtype import from_numpy
from tilegrad.ir.node import sort_topologically
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer


def leaf(array):
    """Return a node that stands for an array."""
    array = numpy.asarray(array)
    storage = Storage("cpu", from_numpy(array.dtype), array.size, memory=array)
    return buffer(attributes=BufferAttributes(storage, array.shape, 0))


def evaluate(*roots):
    """Return the values of nodes over leaves made by ``leaf``."""
    values = {}
    for node in sort_topologically(roots):
        if node.op is buffer:
            values[node] = node.attributes.storage.memory
            continue
        sources = [values[source] for source in node.sources]
        extra = () if node.attributes is None else (node.attributes,)
        values[node] = node.op.reference(*sources, *extra)
        assert values[node].shape == node.shape, node
        assert values[node].dtype == node.dtype.numpy, node
    return [values[root] for root in roots]

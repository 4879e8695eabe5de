"""Leaves bound to arrays, and graphs evaluated by the definitions' NumPy references."""

import numpy

from tilegrad.ir.dtype import from_numpy
from tilegrad.ops.evaluate import evaluate as evaluate_nodes
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer
from tilegrad.ops.movement import ReshapeAttributes, reshape
from tilegrad.ops.reduction import sum_over


def leaf(array):
    """Return a node that stands for an array."""
    array = numpy.asarray(array)
    storage = Storage("cpu", from_numpy(array.dtype), array.size, memory=array)
    return buffer(attributes=BufferAttributes(storage, array.shape, 0))


def evaluate(*roots):
    """Return the values of nodes over leaves made by ``leaf``."""
    return evaluate_nodes(roots, lambda node: node.attributes.storage.memory, {})


RANDOM = numpy.random.default_rng(7)


def normal(*shape):
    """Return normally distributed numbers."""
    return RANDOM.standard_normal(shape)


def total(node):
    """Return the sum of all elements as a scalar node."""
    return reshape(sum_over(node, tuple(range(len(node.shape)))), attributes=ReshapeAttributes(()))

"""How many floating-point operations a kernel does, read off its expressions."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property
from tilegrad.ops import kernel, symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.indexing import ScatterAttributes
from tilegrad.ops.scan import ScanAttributes
from tilegrad.tile.facts import Axes, Facts

_NO_ARITHMETIC = frozenset(("cast", "bitcast", "where", "copy_sign", "absolute", "negate"))


def count_operations(facts: Facts) -> Index:
    """Return how many floating-point operations a kernel does.

    Each function of a float counts as one, whatever it costs, a fused multiply-add as two, and a
    reduction as one for each value that it combines; what is computed from fewer axes than others
    is computed once for each of their values. Comparisons, casts and selections do not count.
    """
    counts: dict[Axes, int] = {}
    for node, axes in facts.free.items():
        if not node.dtype.is_float:
            continue
        if node.op is kernel.reduce_over:
            walked = axes | frozenset(node.sources[1:])
            counts[walked] = counts.get(walked, 0) + 1
        elif node.op.has(Property.ELEMENTWISE) and node.op.name not in _NO_ARITHMETIC:
            number = 2 if node.op.name == "fused_multiply_add" else 1
            counts[axes] = counts.get(axes, 0) + number
    terms = (
        symbolic.multiply(symbolic.multiply_all([kernel.extent_of(axis) for axis in axes]), count)
        for axes, count in counts.items()
    )
    return symbolic.add(0, *terms)


def count_own_operations(node: Node) -> Index:
    """Return the same for an op that brings its own kernel: one for each value combined."""
    source, attributes = node.sources[0], node.attributes
    if not source.dtype.is_float:
        return 0
    if isinstance(attributes, ScanAttributes):
        return symbolic.multiply_all(source.shape)
    if isinstance(attributes, ScatterAttributes) and attributes.mode != "set":
        return symbolic.multiply_all(node.sources[1].shape)
    return 0

"""Sums of products of four bytes, where both operands lie along the lanes of vectors.

The sum of cast(a)·cast(b) along an axis of four, int32, is one instruction for a vector of words if
the processor multiplies bytes within lanes. Elsewhere it stays what it is: conversions, products
and sums.
"""

from __future__ import annotations

import numpy

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.lanes import join, shuffle
from tilegrad.codegen.layout import Piece, cut_axis, pieces_of, static_shape
from tilegrad.codegen.matrix.dot_products import find_byte_product
from tilegrad.codegen.matrix.words import Words
from tilegrad.codegen.movement import trace_movement
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import attributes_of
from tilegrad.ops import arithmetic, conversion, matrix, movement, reduction
from tilegrad.ops.leaves import constant_op, value_of
from tilegrad.ops.matrix import WORD_BYTES, GroupAttributes, InstructionAttributes
from tilegrad.ops.reduction import ReduceAttributes

_LEAST_COLUMNS = 4
"""The narrowest vectors of words that instructions take."""

_Found = tuple[Node, Node, GroupAttributes]


def find_group_product(target: CodegenTarget, node: Node) -> _Found | None:
    """Return the operands of the instruction that computes a sum, None if there is none."""
    if node.op is not reduction.reduce_sum or node.dtype is not dtypes.int32:
        return None
    (source,) = node.sources
    axes = attributes_of(node, ReduceAttributes).axes
    shape = static_shape(source)
    if len(axes) != 1 or axes[0] == len(shape) - 1 or shape[axes[0]] != WORD_BYTES:
        return None
    if source.op is not arithmetic.multiply or shape[-1] % _LEAST_COLUMNS:
        return None
    if any(factor.op is not conversion.cast for factor in source.sources):
        return None
    a, b = (factor.sources[0] for factor in source.sources)
    found = find_byte_product(target, a.dtype, b.dtype)
    if found is None or a.shape != shape or b.shape != shape:
        return None
    name, is_swapped = found
    return *((b, a) if is_swapped else (a, b)), GroupAttributes(name, axes[0])


def multiply_groups(target: CodegenTarget, node: Node) -> Node | None:
    """Return a sum as one instruction, None if there is none for it."""
    found = find_group_product(target, node)
    if found is None:
        return None
    zeros = movement.filled(0, node.dtype, static_shape(node))
    return intern(matrix.multiply_groups, (zeros, *found[:2]), found[2])


def add_to_groups(x: Node, y: Node) -> Node | None:
    """Return x + y as one instruction if either is such a sum that begins with zeros."""
    for product, total in ((x, y), (y, x)):
        if product.op is matrix.multiply_groups and product.shape == total.shape:
            first, *operands = product.sources
            if _is_zero(first):
                return intern(product.op, (total, *operands), product.attributes)
    return None


def _is_zero(node: Node) -> bool:
    while node.op is movement.expand or node.op is movement.reshape:
        (node,) = node.sources
    return node.op is constant_op and not value_of(node)


def lower_groups(context: Context, node: Node) -> Vectors:
    """Lower a sum of products of bytes: an instruction for each vector of words."""
    total, *operands = node.sources
    name, axis = attributes_of(node, GroupAttributes)
    left, right = (_words(context, operand, axis) for operand in operands)
    shape, widest = static_shape(node), context.target.lanes(dtypes.int32)
    totals = iter(context.broadcast(total, shape))
    results: Vectors = []
    for row in range(left.rows):
        for piece in pieces_of(shape, context.lanes):
            whole = next(totals)
            parts = []
            for start, width in cut_axis(piece.width, widest):
                place = Piece(piece.start + start, width)
                words = left.vector(row, place), right.vector(row, place)
                sources = (
                    shuffle(context, whole, whole, list(range(start, start + width))),
                    *words,
                )
                attributes = InstructionAttributes(name)
                parts.append(context.emitter.put(matrix.multiply_words, sources, attributes))
            results.append(join(context, parts))
    return results


def _words(context: Context, node: Node, axis: int) -> Words:
    """Return bytes, four of them along an axis, as words."""
    root, places = trace_movement(node)
    groups = numpy.moveaxis(places, axis, -1)
    return Words(context, root, groups.reshape(-1, *groups.shape[-2:]))

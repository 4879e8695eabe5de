"""The axis of a product of matrices that a factor reads in pieces becomes two: k = i·n + j.

The heads of attention, joined by the product after them, are read at k // n and k % n. As two axes
they are read as they lie: in rows, by steps that are known. Blocks of which only the scale is read
at k // n stay: their elements are neighbours along k.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, kernel, symbolic
from tilegrad.ops.affine import as_index, as_node
from tilegrad.rewrite.graph import rebuild

LEAST_PIECE = 16
"""Pieces of fewer terms are shorter loops than they are worth."""


def divide_sums(program: Node) -> Node:
    """Return a kernel whose product of matrices, if it is one, is over pieces of such an axis."""
    order = sort_topologically([program])
    sums = [node for node in order if node.op is kernel.reduce_over]
    if len(sums) != 1 or not _is_product(sums[0]):
        return program
    for axis in sums[0].sources[1:]:
        size = _find_piece(axis, order)
        if size:
            return divide_sums(_divide(axis, size, order))
    return program


def _is_product(total: Node) -> bool:
    """Whether a reduction is a sum of products of which each factor has axes of its own."""
    body = total.sources[0]
    if not kernel.is_sum(total) or body.op is not arithmetic.multiply:
        return False
    free = kernel.find_free(body)
    first, second = (free[factor] for factor in body.sources)
    return bool(first - second and second - first)


def _find_piece(axis: Node, order: Sequence[Node]) -> int:
    """Return the length of the pieces in which an axis is read; 0 if it is not."""
    extent = kernel.extent_of(axis)
    pieces = {
        (node.op, as_index(node.sources[1]))
        for node in order
        if node.op in (arithmetic.floor_divide, arithmetic.modulo) and node.sources[0] is axis
    }
    sizes = {size for _, size in pieces}
    if len(pieces) != 2 or len(sizes) != 1 or not isinstance(extent, int):
        return 0
    (size,) = sizes
    is_whole = isinstance(size, int) and size >= LEAST_PIECE and extent % size == 0
    return size if isinstance(size, int) and is_whole else 0


def _divide(axis: Node, size: int, order: Sequence[Node]) -> Node:
    """Return a kernel with one of its summed axes in pieces."""
    number = kernel.next_number(node for node in order if node.op is kernel.axis)
    extent = kernel.extent_of(axis)
    outer = kernel.make_axis(f"r{number}", symbolic.floor_divide(extent, size))
    inner = kernel.make_axis(f"r{number + 1}", size)
    done = {axis: as_node(symbolic.add(symbolic.multiply(outer, size), inner))}
    for node in order:
        if node is axis:
            continue
        if node.op is kernel.reduce_over:
            body, *bound = node.sources
            place = bound.index(axis)
            bound[place : place + 1] = [outer, inner]
            done[node] = kernel.reduce_over(done[body], *bound, attributes=node.attributes)
        else:
            done[node] = rebuild(node, tuple(done[source] for source in node.sources))
    return done[order[-1]]

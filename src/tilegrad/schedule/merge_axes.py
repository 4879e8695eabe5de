"""Neighbouring axes that are walked as one become one: the law i·n + j = k for 0 ≤ j < n.

Two axes of extents m and n, the outer always multiplied by n times what the inner is multiplied by,
are the same as one axis of extent m·n. Contiguous tensors of any rank become one-dimensional so,
and one kernel serves them all.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, symbolic
from tilegrad.ops.affine import Index, affine, as_node, split_terms
from tilegrad.rewrite.graph import rebuild


def merge_axes(program: Node) -> Node:
    """Return an equal kernel with as few axes as possible."""
    while True:
        order = sort_topologically([program])
        pair = _find_pair(order)
        if pair is None:
            return program
        outer, inner = pair
        extent = symbolic.multiply(kernel.extent_of(outer), kernel.extent_of(inner))
        merged = kernel.make_axis(kernel.name_of(outer), extent)
        program = substitute_axes(program, {inner: merged, outer: 0}, {inner: merged})


def _find_pair(order: list[Node]) -> tuple[Node, Node] | None:
    used_alone = {
        source
        for node in order
        if node.op is not affine
        for source in (node.sources[:1] if node.op is kernel.reduce_over else node.sources)
        if source.op is kernel.axis
    }
    sums = [dict(split_terms(node)[0]) for node in order if node.op is affine]
    for outer, inner in _neighbours(order):
        if outer in used_alone or inner in used_alone:
            continue
        size = kernel.extent_of(inner)
        if isinstance(size, int) and all(
            terms.get(outer, 0) == size * terms.get(inner, 0) for terms in sums
        ):
            return outer, inner
    return None


def _neighbours(order: list[Node]) -> list[tuple[Node, Node]]:
    """Return pairs of axes of one kind, next to each other by name or in one reduction."""
    outputs = sorted(
        (node for node in order if node.op is kernel.axis and kernel.name_of(node)[0] == "i"),
        key=kernel.number_of,
    )
    pairs = list(itertools.pairwise(outputs))
    bound: dict[Node, set[tuple[Node, ...]]] = {}
    for node in order:
        if node.op is kernel.reduce_over:
            for axis in node.sources[1:]:
                bound.setdefault(axis, set()).add(node.sources[1:])
    for groups in bound.values():
        if len(groups) == 1:  # the same axes are bound together wherever they are bound
            (axes,) = groups
            pairs += itertools.pairwise(axes)
    return [pair for pair in pairs if _are_bound_alike(pair, bound)]


def _are_bound_alike(pair: tuple[Node, Node], bound: dict[Node, set[tuple[Node, ...]]]) -> bool:
    return bound.get(pair[0]) == bound.get(pair[1])


def substitute_axes(
    program: Node, mapping: Mapping[Node, Index], binders: Mapping[Node, Node]
) -> Node:
    """Return a kernel with axes replaced by indices, in normal form again.

    Args:
        program: any expression of the kernel dialect.
        mapping: what to put for an axis where its value is used.
        binders: what a reduction binds instead; an axis in ``mapping`` but not here is dropped.
    """
    done: dict[Node, Node] = {}
    for node in sort_topologically([program]):
        if node in mapping:
            done[node] = as_node(mapping[node])
        elif node.op is kernel.reduce_over:
            done[node] = _rebind(node, done, mapping, binders)
        else:
            done[node] = rebuild(node, tuple(done[source] for source in node.sources))
    return done[program]


def _rebind(
    node: Node,
    done: Mapping[Node, Node],
    mapping: Mapping[Node, Index],
    binders: Mapping[Node, Node],
) -> Node:
    body, *axes = node.sources
    kept = [binders.get(axis, axis) for axis in axes if axis not in mapping or axis in binders]
    return kernel.reduce_over(done[body], *kept, attributes=node.attributes)

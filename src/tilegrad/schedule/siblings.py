"""Kernels that walk the same axes over the same data become one, with several results.

Reductions along the same axes of tensors of one shape, and elementwise kernels over one shape (the
moments and the parameter of an optimiser's step), share what they load.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property, attributes_of
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.graph import assign
from tilegrad.ops.kernel import axis as axis_op
from tilegrad.ops.kernel import extent_of
from tilegrad.ops.leaves import buffer
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.schedule.axes import identity_indices
from tilegrad.schedule.cost import Summaries, count_elements, estimate
from tilegrad.schedule.report import Reporter
from tilegrad.schedule.roots import (
    OPAQUE,
    Fusion,
    Root,
    depends_on,
    find_dependents,
    find_needed,
)
from tilegrad.schedule.streams import Streams

MOST_OUTPUTS = 8
"""A kernel stores no more tensors than this."""
LEAST_MATRICES = 8
"""If an instance walks a whole matrix, there must be so many of them ..."""
MOST_BYTES = 1 << 20
"""... and the result of one that is summed along the rows must be no larger than this."""


def find_sibling(
    fusion: Fusion, node: Node, loaders: Collection[Root], summaries: Summaries
) -> Root | None:
    """Return an elementwise root that can compute and store an elementwise node as well.

    Not one whose results are read only after what is made of the node: they would wait in memory,
    as what gradients need would through the forward pass.

    Args:
        fusion: the roots so far.
        node: what is to be stored.
        loaders: the roots that read it from memory.
        summaries: what nodes cost.
    """
    if node.op.has(Property.REDUCTION) or node.op in OPAQUE:
        return None
    large = _find_large_leaves(node, summaries)
    alike = [
        root
        for root in fusion.roots
        if root.node.shape == node.shape
        and not root.node.op.has(Property.REDUCTION)
        and not root.is_opaque
        and len(root.outputs) < MOST_OUTPUTS
        and not summaries.of(root.node).leaves.isdisjoint(large)
    ]
    later = find_dependents(loaders) if alike else set()
    return next((root for root in alike if later.isdisjoint((root, *root.readers))), None)


def _find_large_leaves(node: Node, summaries: Summaries) -> list[Node]:
    """Return what a node loads that is as large as it is: who loads it too had better join."""
    size = count_elements(node)
    return [leaf for leaf in summaries.of(node).leaves if count_elements(leaf) >= size]


def join_reductions(fusion: Fusion, summaries: Summaries, reporter: Reporter) -> None:
    """Join roots that reduce tensors of one shape along the same axes and load something alike.

    They must not depend on each other, and none may have the tiles of a contraction.
    """
    hosts: dict[object, list[Root]] = {}
    for root in list(fusion.roots):
        node = root.node
        if not node.op.has(Property.REDUCTION) or summaries.is_contraction(node):
            continue
        axes = attributes_of(node, ReduceAttributes).axes
        candidates = hosts.setdefault((node.shape, node.sources[0].shape, axes), [])
        large = _find_large_leaves(node, summaries)
        alike = [
            one
            for one in candidates
            if len(one.outputs) + len(root.outputs) <= MOST_OUTPUTS
            and one.rows == root.rows
            and not summaries.of(one.node).leaves.isdisjoint(large)
        ]
        related = find_dependents([root]) | find_needed(fusion.roots, root) if alike else set()
        host = next((one for one in alike if one not in related), None)
        if host is None:
            candidates.append(root)
        else:
            _join(fusion, host, root)
            reporter.report_sibling(host.node, node)


def join_streams(fusion: Fusion, streams: Streams, reporter: Reporter) -> None:
    """Join roots that reduce the same virtual matrix: along the same of its axes, then along both.

    The gradients of keys and values share the scores so, and that of the queries too, if there are
    enough matrices to share among cores and the results of one fit an instance's memory.
    """
    for is_same in (True, False):
        hosts: list[Root] = []
        for root in list(fusion.roots):
            if len(root.totals) != 1 or (not is_same and not _is_small(root, streams)):
                continue
            for host in hosts:
                names = _match_axes(host, root, streams, is_same=is_same)
                if names is None or depends_on(root, host) or depends_on(host, root):
                    continue
                _place_in(host, root, names)
                _join(fusion, host, root)
                reporter.report_sibling(host.node, root.node)
                break
            else:
                hosts.append(root)


def _is_small(root: Root, streams: Streams) -> bool:
    """Whether an instance may walk whole matrices: there are many, and it can hold the result."""
    (total,) = root.totals
    side = streams.sides[total][0]
    count = math.prod(estimate(total.shape[axis]) for axis in side.batch)
    nbytes = count_elements(total) / count * total.dtype.itemsize
    is_known = all(isinstance(size, int) for size in total.shape)
    return is_known and bool(side.others) and count >= LEAST_MATRICES and nbytes <= MOST_BYTES


def _match_axes(
    host: Root, root: Root, streams: Streams, *, is_same: bool
) -> dict[Node, Node] | None:
    """Return which axis of a host each of a root's is, if both reduce the same matrix.

    Args:
        host: a root with one total.
        root: another one.
        streams: what totals leave of the matrix.
        is_same: whether they must reduce the same of its axes, or the other ones.
    """
    ((known, places),) = host.totals.items()
    ((total, own_places),) = root.totals.items()
    for side in streams.sides[known]:
        for own in streams.sides[total]:
            is_alike = (side.is_row == own.is_row) == is_same
            if side.start is not own.start or not is_alike or len(side.kept) != len(own.kept):
                continue
            if len(side.others) != len(own.others):
                continue
            axes = [
                *zip(side.kept, own.kept, strict=True),
                *zip(side.batch, own.batch, strict=True),
            ]
            axes += zip(side.others, own.others, strict=True)
            names: dict[Node, Node] = {}
            for axis, own_axis in axes:
                place, own_place = places[axis], own_places[own_axis]
                if not _are_alike(place, own_place):
                    break
                names[as_node(own_place)] = as_node(place)
            else:
                is_whole = len(names) == len(_long_axes(root.node)) == len(_long_axes(host.node))
                return names if is_whole else None
    return None


def _are_alike(first: Index, second: Index) -> bool:
    """Whether two indices are axes of the same extent."""
    pair = [index for index in (first, second) if isinstance(index, Node) and index.op is axis_op]
    return len(pair) == 2 and extent_of(pair[0]) == extent_of(pair[1])


def _long_axes(node: Node) -> list[Index]:
    return [size for size in node.shape if size != 1]


def _place_in(host: Root, root: Root, names: Mapping[Node, Node]) -> None:
    """Let a host know at which of its indices it computes the outputs of a root."""
    for node in root.outputs:
        indices = root.places.get(node) or identity_indices(node.shape)
        host.places[node] = tuple(
            names[index] if isinstance(index, Node) else index for index in indices
        )


def join_scalars(fusion: Fusion, summaries: Summaries, reporter: Reporter) -> None:
    """Let the one elementwise kernel that reads a scalar also store what it is assigned.

    So a count of steps is advanced by the kernel that uses it. The value must follow from scalars
    in memory alone.
    """
    scalars = [root for root in fusion.roots if _updates_scalar(root, summaries)]
    readers: dict[Node, set[Root]] = {root.node.sources[0]: set() for root in scalars}
    for root in fusion.roots:
        for output in root.outputs:
            for target in readers.keys() & summaries.of(output).leaves:
                readers[target].add(root)
    for root in scalars:
        others = readers[root.node.sources[0]] - {root}
        if len(others) != 1 or len(root.outputs) > 1:
            continue
        (host,) = others
        if not _can_take(host, root):
            continue
        _join(fusion, host, root)
        for found in readers.values():
            if root in found:
                found.remove(root)
                found.add(host)
        reporter.report_sibling(host.node, root.node)


def _updates_scalar(root: Root, summaries: Summaries) -> bool:
    """Whether a root assigns one value that follows from what is in memory."""
    node = root.node
    if node.op is not assign or len(root.outputs) > 1 or count_elements(node) != 1:
        return False
    return all(leaf.op is buffer for leaf in summaries.of(node).leaves)


def _can_take(host: Root, root: Root) -> bool:
    if host.is_opaque or host.node.op.has(Property.REDUCTION):
        return False
    return len(host.outputs) < MOST_OUTPUTS and not depends_on(host, root)


def _join(fusion: Fusion, host: Root, root: Root) -> None:
    host.outputs += root.outputs
    host.readers |= root.readers
    for node in root.outputs:
        fusion.root_of[node] = host
    for other in fusion.roots:
        if root in other.readers:
            other.readers.discard(root)
            other.readers.add(host)
    computed = {node for reader, node in fusion.inlined if reader is root}
    fusion.inlined.update((host, node) for node in computed)
    fusion.roots.remove(root)

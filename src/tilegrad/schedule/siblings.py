"""Kernels that walk the same axes over the same data become one, with several results.

Reductions along the same axes of tensors of one shape, and elementwise kernels over one shape (the
moments and the parameter of an optimiser's step), share what they load.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property, attributes_of
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.schedule.cost import Summaries, count_elements
from tilegrad.schedule.roots import Fusion, Root, reads

MOST_OUTPUTS = 8
"""A kernel stores no more tensors than this."""


def join_siblings(fusion: Fusion, summaries: Summaries) -> None:
    """Join roots that walk the same axes and load something alike.

    They must not depend on each other, and none may have the tiles of a contraction.
    """
    hosts: dict[object, list[Root]] = {}
    for root in list(fusion.roots):
        if root.is_opaque or root.contractions or summaries.is_contraction(root.node):
            continue
        candidates = hosts.setdefault(_shape_of(root.node), [])
        host = next((one for one in candidates if _can_join(one, root, summaries)), None)
        if host is None:
            candidates.append(root)
        else:
            _join(fusion, host, root)


def _shape_of(node: Node) -> object:
    """Return what the kernels of two nodes must have in common to be one."""
    if not node.op.has(Property.REDUCTION):
        return node.shape
    return node.shape, node.sources[0].shape, attributes_of(node, ReduceAttributes).axes


def _can_join(host: Root, root: Root, summaries: Summaries) -> bool:
    if len(host.outputs) + len(root.outputs) > MOST_OUTPUTS or host.rows != root.rows:
        return False
    shared = summaries.of(host.node).leaves & summaries.of(root.node).leaves
    size = count_elements(root.node)
    if not any(count_elements(leaf) >= size for leaf in shared):
        return False
    return not reads(host, root) and not reads(root, host)


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

"""Reductions over the same axes of the same data share a kernel: one pass gives several results."""

from __future__ import annotations

from tilegrad.ir.op import Property, attributes_of
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.schedule.cost import Summaries
from tilegrad.schedule.roots import Fusion, Root, reads


def join_siblings(fusion: Fusion, summaries: Summaries) -> None:
    """Join roots that reduce tensors of one shape along the same axes and load something alike."""
    hosts: dict[object, list[Root]] = {}
    for root in list(fusion.roots):
        node = root.node
        if not node.op.has(Property.REDUCTION) or summaries.is_contraction(node):
            continue
        axes = attributes_of(node, ReduceAttributes).axes
        candidates = hosts.setdefault((node.shape, node.sources[0].shape, axes), [])
        leaves = summaries.of(node).leaves
        for host in candidates:
            is_alike = bool(leaves & summaries.of(host.node).leaves)
            if is_alike and not reads(host, root) and not reads(root, host):
                _join(fusion, host, root)
                break
        else:
            candidates.append(root)


def _join(fusion: Fusion, host: Root, root: Root) -> None:
    host.outputs += root.outputs
    host.readers |= root.readers
    host.rows += root.rows
    for node in root.outputs:
        fusion.root_of[node] = host
    for other in fusion.roots:
        if root in other.readers:
            other.readers.discard(root)
            other.readers.add(host)
    stored_in = {node for reader, node in fusion.inlined if reader is root}
    fusion.inlined.update((host, node) for node in stored_in)
    fusion.roots.remove(root)

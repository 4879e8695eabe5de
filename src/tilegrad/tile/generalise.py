"""One kernel for every length: the extent of a one-dimensional kernel becomes a scalar."""

from __future__ import annotations

from collections.abc import Mapping

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel
from tilegrad.ops.affine import Index
from tilegrad.ops.leaves import SymbolAttributes, symbol
from tilegrad.rewrite.graph import rebuild

LENGTH = symbol(attributes=SymbolAttributes("length", 1, 1 << 48))


def generalise(root: Node) -> tuple[Node, Mapping[Node, Index]]:
    """Return a kernel that serves every extent, and what its symbol stands for here.

    Only elementwise kernels over one axis are changed; others depend on their sizes in more ways.
    """
    order = sort_topologically([root])
    axes = [node for node in order if node.op is kernel.axis]
    has_reduction = any(node.op is kernel.reduce_over for node in order)
    if len(axes) != 1 or has_reduction or not isinstance(kernel.extent_of(axes[0]), int):
        return root, {}
    extent = kernel.extent_of(axes[0])
    done: dict[Node, Node] = {axes[0]: kernel.make_axis(kernel.name_of(axes[0]), LENGTH)}
    for node in order:
        if node not in done:
            done[node] = rebuild(node, tuple(done[source] for source in node.sources))
    return done[root], {LENGTH: extent}

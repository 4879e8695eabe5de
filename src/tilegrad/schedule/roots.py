"""The result of fusion: kernels to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tilegrad.ir.node import Node
from tilegrad.ops.graph import call, contiguous, copy, detach, result
from tilegrad.ops.indexing import scatter
from tilegrad.ops.kernel import Axes
from tilegrad.ops.leaves import buffer, constant_op, iota, symbol
from tilegrad.ops.markers import barrier
from tilegrad.ops.movement import reshape
from tilegrad.ops.scan import scan
from tilegrad.ops.sorting import argsort, sort
from tilegrad.schedule.access import Indices, Movements

ALIASES = frozenset((reshape, contiguous, detach, barrier))
"""Ops whose result, once stored, is the memory of their source."""
OPAQUE = frozenset((scan, sort, argsort, scatter, call, result, copy))
"""Ops with kernels of their own that read and write whole buffers."""
LEAVES = frozenset((buffer, constant_op, symbol, iota))


@dataclass(eq=False, slots=True)
class Root:
    """A kernel to be.

    Attributes:
        node: what it is made for; its axes are the kernel's.
        outputs: everything it stores, ``node`` first.
        readers: the roots that read its outputs from memory.
        rows: for each reduction computed inside, the axes it is free in; they nest.
        contractions: how many contractions it computes.
        operations: about how long its formula is, in simple operations.
        places: at which indices it computes an output, where these are not the output's own.
        totals: the reductions of virtual matrices that it computes, and at which indices.
    """

    node: Node
    outputs: list[Node] = field(default_factory=list)
    readers: set[Root] = field(default_factory=set)
    rows: list[Axes] = field(default_factory=list)
    contractions: int = 0
    operations: int = 0
    places: dict[Node, Indices] = field(default_factory=dict)
    totals: dict[Node, Indices] = field(default_factory=dict)

    @property
    def is_opaque(self) -> bool:
        """Whether the node brings its own kernel."""
        return self.node.op in OPAQUE


@dataclass(eq=False, slots=True)
class Fusion:
    """Which kernels there are and what is computed where.

    Attributes:
        roots: the kernels to be, users before sources.
        root_of: the root that stores a node.
        inlined: pairs (root, node): a stored node that this root computes by itself.
        wanted: the stored nodes that are results, whose memory outlives the kernels.
        movements: where movement ops read their sources.
    """

    roots: list[Root]
    root_of: dict[Node, Root]
    inlined: set[tuple[Root, Node]]
    wanted: frozenset[Node]
    movements: Movements = field(default_factory=Movements)

    def is_loaded(self, root: Root, node: Node) -> bool:
        """Whether a root reads this node from memory."""
        if node.op is buffer:
            return True
        home = self.root_of.get(node)
        return home is not None and home is not root and (root, node) not in self.inlined


def resolve_alias(node: Node) -> Node:
    """Return the node whose memory a stored node shares."""
    while node.op in ALIASES:
        node = node.sources[0]
    return node


def depends_on(root: Root, other: Root) -> bool:
    """Whether a root needs, directly or not, what another one stores; true of itself."""
    return root in find_dependents([other])


def find_dependents(roots: Iterable[Root]) -> set[Root]:
    """Return roots and all that need, directly or not, what these store."""
    found: set[Root] = set()
    stack = [*roots]
    while stack:
        root = stack.pop()
        if root not in found:
            found.add(root)
            stack.extend(root.readers)
    return found


def find_needed(roots: Iterable[Root], user: Root) -> set[Root]:
    """Return those of all roots that one needs, directly or not."""
    sources: dict[Root, list[Root]] = {}
    for root in roots:
        for reader in root.readers:
            sources.setdefault(reader, []).append(root)
    found: set[Root] = set()
    stack = [user]
    while stack:
        for source in sources.get(stack.pop(), ()):
            if source not in found:
                found.add(source)
                stack.append(source)
    return found

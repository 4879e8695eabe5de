"""The decisions of the fuser for elementwise nodes: compute one inside its users, or store it.

* A node that one kernel reads once per element is computed there.
* Read more often, it is computed again wherever that costs less (``cost``) than storing it.
* What little memory or few operations give a large operand of products is computed where these are.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property
from tilegrad.schedule import cost
from tilegrad.schedule.axes import identity_indices
from tilegrad.schedule.roots import Root
from tilegrad.schedule.uses import Decision, Use, Uses

OPERAND_BYTES = 4
"""What a product's operand takes, whatever smaller elements it is computed from."""
MOST_DECODING = 100.0
"""Operands are decoded for every block of rows anew if it takes no more operations than this ..."""
MOST_GENERATING = 4.0
"""... or than this if nothing is read for them."""
MOST_COPIES = 512.0
"""What a kernel reads at several indices stands in it several times, in so many operations at most:
x ← f(x, x shifted), again and again, would double the kernel's length each time."""


def _is_used_up(use: Use) -> bool:
    """Whether reductions read a value for one result each, or for as many as they have tiles of."""
    return all(one.is_contraction or one.around <= use.rows for one in use.context)


def _depends(node: Node, other: Node) -> bool:
    """Whether a node is computed from another that is near above it."""
    seen: set[Node] = set()
    stack = [node]
    while stack and len(seen) < cost.MOST_NODES:
        current = stack.pop()
        if current is other:
            return True
        if current not in seen:
            seen.add(current)
            stack.extend(current.sources)
    return False


class ElementwiseChooser:
    """Makes the decisions for the elementwise nodes of one graph.

    Args:
        summaries: what nodes cost.
        stored: by node that is in memory so far, its root; it grows as decisions are made.
    """

    def __init__(self, summaries: cost.Summaries, stored: Mapping[Node, Root]) -> None:
        self.summaries = summaries
        self.stored = stored

    def choose(self, node: Node, uses: Uses, is_stored: bool) -> Decision:
        """Decide for a node that is cheap to compute and is read at the given indices."""
        if not is_stored and len(uses) == 1:
            (reads,) = uses.values()
            if len(reads) == 1 and next(iter(reads.values())).waste <= 1.0:
                return Decision(frozenset(uses), "it is read once")
        again = {root: self._cost_again(node, reads.values()) for root, reads in uses.items()}
        load = {root: self._cost_load(node, reads.values()) for root, reads in uses.items()}
        host = self._find_aligned(node, uses)
        is_epilogue = self._find_contraction(node) is not None
        if not is_stored and self._is_decoded(node, uses):
            return Decision(frozenset(uses), "it is decoded where products are computed")
        if not is_stored:
            inline = sum(again.values()) + self._cost_of_blocked_contraction(node, uses)
            store = self._cost_store(node) + sum(load.values())
            if inline <= store or inline - self._cost_shared(node, uses) <= store:
                reason = "computing it again costs less than storing it"
                return Decision(frozenset(uses), reason)
        roots = {root for root in uses if again[root] <= load[root] and not is_epilogue}
        reason = "it is stored in any case" if is_stored else "storing it costs less"
        return Decision(frozenset(roots) - {host}, reason, () if host is None else (host,))

    def _is_decoded(self, node: Node, uses: Uses) -> bool:
        """Whether a node, a term of sums, is larger than what little it is computed from.

        It is then computed where it is multiplied, or while it is copied for the innermost loops:
        what is stored is all that memory ever holds. One that nothing is read for is such, too.
        """
        summary, elements = self.summaries.of(node), cost.count_elements(node)
        trunks = self.summaries.trunks
        if any(leaf.op.has(Property.REDUCTION) or leaf in trunks for leaf in summary.leaves):
            return False
        reads = [use for found in uses.values() for use in found.values()]
        if not summary.leaves:
            return summary.operations <= MOST_GENERATING and all(use.context for use in reads)
        nbytes = elements * max(OPERAND_BYTES, node.dtype.itemsize)
        if summary.operations > MOST_DECODING or summary.footprint(elements) >= nbytes:
            return False
        return all(use.context and _is_used_up(use) for use in reads)

    def _find_aligned(self, node: Node, uses: Uses) -> Root | None:
        """Return a root that computes each element of the node once, at its own index.

        Either the shapes agree, or the node is one value per row of a row-wise reduction.
        """
        identity = identity_indices(node.shape)
        for root, reads in uses.items():
            if list(reads) != [identity] or reads[identity].context or root.is_opaque:
                continue
            if root.node.shape == node.shape or self._is_per_row(node):
                return root
        return None

    def _is_per_row(self, node: Node) -> bool:
        elements = cost.count_elements(node)
        return any(
            leaf.op.has(Property.REDUCTION)
            and cost.count_elements(leaf) == elements
            and not self.summaries.is_contraction(leaf)
            for leaf in self.summaries.of(node).leaves
        )

    def _cost_again(self, node: Node, reads: Collection[Use]) -> float:
        summary = self.summaries.of(node)
        if len(reads) > 1 and len(reads) * summary.operations > MOST_COPIES:
            return math.inf
        elements = cost.count_elements(node)
        evaluations = sum(use.evaluations for use in reads)
        read = evaluations * summary.bytes_in_rows(node)
        first = min(read, summary.footprint(elements)) * cost.MEMORY_NS_PER_BYTE
        rest = max(0.0, read - first) * cost.CACHE_NS_PER_BYTE
        return evaluations * summary.operations * cost.ARITHMETIC_NS + first + rest

    def _cost_shared(self, node: Node, uses: Uses) -> float:
        """Return what of computing a node again is spent on trunks that its users read anyway."""
        leaves = self.summaries.of(node).leaves & self.summaries.trunks
        shared = 0.0
        for root, reads in uses.items():
            evaluations = sum(use.evaluations for use in reads.values())
            for leaf in leaves:
                if self._reads_besides(root.node, leaf, node):
                    first = min(evaluations, cost.count_elements(leaf)) * leaf.dtype.itemsize
                    shared += first * cost.MEMORY_NS_PER_BYTE
        return shared

    def _reads_besides(self, node: Node, leaf: Node, without: Node) -> bool:
        """Whether a node is computed from a leaf of its kernel also by ways around another."""
        seen: set[Node] = {without}
        stack = list(node.sources)
        while stack and len(seen) < cost.MOST_NODES:
            current = stack.pop()
            if current is leaf:
                return True
            is_end = current in seen or current in self.stored or cost.is_leaf(current)
            if not is_end and current not in self.summaries.trunks:
                stack.extend(current.sources)
            seen.add(current)
        return False

    def _cost_load(self, node: Node, reads: Iterable[Use]) -> float:
        elements = cost.count_elements(node)
        evaluations = sum(use.evaluations for use in reads)
        first = min(elements, evaluations) * cost.MEMORY_NS_PER_BYTE
        rest = max(0.0, evaluations - elements) * cost.CACHE_NS_PER_BYTE
        return (first + rest) * node.dtype.itemsize

    def _cost_store(self, node: Node) -> float:
        summary = self.summaries.of(node)
        elements = cost.count_elements(node)
        total = elements * summary.operations * cost.ARITHMETIC_NS
        moved = summary.footprint(elements) + elements * node.dtype.itemsize
        contraction = self._find_contraction(node)
        if contraction is not None:  # it becomes an epilogue: no pass of its own
            moved -= elements * contraction.dtype.itemsize
            return total + moved * cost.MEMORY_NS_PER_BYTE
        return total + moved * cost.MEMORY_NS_PER_BYTE + cost.LAUNCH_NS

    def _find_contraction(self, node: Node) -> Node | None:
        """Return the contraction whose epilogue the node would be, if there is one."""
        leaves = self.summaries.of(node).leaves
        for leaf in leaves:
            if not leaf.op.has(Property.REDUCTION) or leaf in self.summaries.trunks:
                continue
            is_same_size = cost.count_elements(leaf) == cost.count_elements(node)
            if is_same_size and self.summaries.is_contraction(leaf):
                needs_all_of_it = any(
                    other is not leaf and _depends(other, leaf) for other in leaves
                )
                return None if needs_all_of_it else leaf
        return None

    def _cost_of_blocked_contraction(self, node: Node, uses: Uses) -> float:
        """Return what storing a contraction below the node costs if the node is not stored."""
        contraction = self._find_contraction(node)
        if contraction is None:
            return 0.0
        is_single = len(uses) == 1 and sum(len(reads) for reads in uses.values()) == 1
        if is_single and not next(iter(next(iter(uses.values())).values())).context:
            return 0.0
        nbytes = cost.count_elements(contraction) * contraction.dtype.itemsize
        return nbytes * cost.MEMORY_NS_PER_BYTE

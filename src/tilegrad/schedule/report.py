"""What the trace is told of the decisions of fusion, with what each of them saves and repeats."""

from __future__ import annotations

from tilegrad.base.events import FusionDecided
from tilegrad.base.trace import Trace
from tilegrad.ir.node import Node
from tilegrad.schedule.access import is_movement
from tilegrad.schedule.cost import Summaries, count_elements
from tilegrad.schedule.roots import Fusion, Root
from tilegrad.schedule.uses import Decision, Uses


class Reporter:
    """Tells a trace of the decisions for one graph.

    Args:
        fusion: what has been decided so far.
        summaries: what nodes cost.
        trace: receives a ``FusionDecided`` for each decision.
    """

    def __init__(self, fusion: Fusion, summaries: Summaries, trace: Trace) -> None:
        self.fusion = fusion
        self.summaries = summaries
        self.trace = trace
        self._names: dict[Node, str] = {}

    def report(
        self,
        node: Node,
        decision: Decision,
        uses: Uses,
        roots: frozenset[Root],
        *,
        is_stored: bool,
    ) -> None:
        """Tell what became of a node, for each root that uses it.

        Args:
            node: what was decided on.
            decision: the decision.
            uses: who reads the node, and where.
            roots: those that compute it themselves.
            is_stored: whether it is needed in memory besides.
        """
        if not self.trace.enabled or is_movement(node):
            return
        elements = count_elements(node)
        home = self.fusion.root_of.get(node)
        first = home or next((root for root in uses if root in roots), None)
        is_single = len(uses) == 1 and not is_stored
        producer, operations = self._name(node), self.summaries.count_operations(node)
        for root, found in uses.items():
            is_fused = root in roots
            # What is computed here is needed in any case, and here alone it need not be stored.
            is_needed = root is first if is_fused else is_single
            is_store_saved = is_needed and (home is None or not is_fused)
            evaluations = sum(use.evaluations for use in found.values())
            moved = min(elements, evaluations) + elements * is_store_saved
            repeated = max(0.0, evaluations - elements * is_needed)
            self.trace.emit(
                FusionDecided(
                    producer=producer,
                    consumer=self._name(root.node),
                    is_fused=is_fused,
                    reason=decision.reason,
                    saved_bytes=int(moved * node.dtype.itemsize),
                    repeated_operations=int(repeated * operations),
                )
            )

    def report_sibling(self, host: Node, node: Node) -> None:
        """Tell that the kernel made for one node computes another as well."""
        if not self.trace.enabled:
            return
        shared = self.summaries.of(host).leaves & self.summaries.of(node).leaves
        self.trace.emit(
            FusionDecided(
                producer=self._name(node),
                consumer=self._name(host),
                is_fused=True,
                reason="both walk the same axes and share what they load",
                saved_bytes=int(sum(count_elements(leaf) * leaf.dtype.itemsize for leaf in shared)),
            )
        )

    def _name(self, node: Node) -> str:
        name = self._names.get(node)
        if name is None:
            name = self._names[node] = repr(node)
        return name

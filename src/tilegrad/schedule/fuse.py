"""Fusion: which nodes get a buffer, and in whose kernel each of the others is computed.

Users are visited before their sources. A *root* is a kernel to be: the node it is made for and the
other nodes that it stores as well. Every node learns at which indices each root reads it; then it
is either computed inside those roots (its own sources are then read at the indices that follow) or
stored, and read from memory. Every decision and its reason go to the trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tilegrad.base.trace import Trace
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Property
from tilegrad.ops.graph import assign, call, contiguous, result
from tilegrad.ops.indexing import gather
from tilegrad.ops.leaves import buffer
from tilegrad.ops.movement import concatenate
from tilegrad.ops.reduction import reduce_sum
from tilegrad.ops.scatter_sources import stored_sources
from tilegrad.ops.weights import weight_of
from tilegrad.schedule import cost
from tilegrad.schedule.access import Indices, is_movement, list_parts, read_broadcast
from tilegrad.schedule.assignments import is_update
from tilegrad.schedule.axes import (
    FreeAxes,
    axes_of_reduction,
    identity_indices,
    is_in_order,
    is_one_to_one,
)
from tilegrad.schedule.choose_elementwise import ElementwiseChooser
from tilegrad.schedule.choose_reductions import ReductionChooser
from tilegrad.schedule.compared import find_compared
from tilegrad.schedule.report import Reporter
from tilegrad.schedule.roots import (
    ALIASES,
    LEAVES,
    OPAQUE,
    Fusion,
    Root,
    find_dependents,
    resolve_alias,
)
from tilegrad.schedule.siblings import (
    find_sibling,
    join_reductions,
    join_scalars,
    join_streams,
)
from tilegrad.schedule.streams import find_streams
from tilegrad.schedule.trunks import find_trunks
from tilegrad.schedule.uses import Context, Decision, Enclosing, Measures, Uses, note_rows

MOST_OPERATIONS = 1024
"""A kernel whose formula is this long reads what else it needs from memory. That costs next to
nothing beside its arithmetic; without an end, compilers take more than twice as long for twice as
long a formula, and reductions that nest ever deeper exhaust the stack."""
REDUCTION_WEIGHT = 32
"""How long a reduction makes a formula: it is a nest of loops."""


def fuse(sinks: Sequence[Node], trace: Trace) -> Fusion:
    """Decide what is computed where, so that every sink ends up in memory.

    Args:
        sinks: nodes of the tensor graph that are wanted.
        trace: receives a ``FusionDecided`` for every node read by others.
    """
    return _Fuser(sort_topologically(sinks), sinks, trace).run()


@dataclass(eq=False, slots=True)
class _Pending:
    """What is known of a node before it is visited.

    Attributes:
        uses: at which indices roots read it that may compute it themselves.
        readers: the roots that read it from memory in any case.
        is_forced: whether it is wanted in memory.
        is_barrier: whether all that use it read it from memory.
    """

    uses: Uses = field(default_factory=dict)
    readers: set[Root] = field(default_factory=set)
    is_forced: bool = False
    is_barrier: bool = False

    @property
    def is_stored(self) -> bool:
        """Whether it will be in memory, whatever is decided."""
        return self.is_forced or bool(self.readers)


class _Fuser:
    def __init__(self, order: list[Node], sinks: Sequence[Node], trace: Trace) -> None:
        self.order = order
        self.free = FreeAxes()
        self.summaries = cost.Summaries(find_trunks(order, sinks))
        self.compared = find_compared(order)
        self.streams = find_streams(order, list(sinks), self.summaries, self.compared)
        self.pending: dict[Node, _Pending] = {}
        self.fusion = Fusion([], {}, set(), frozenset(map(resolve_alias, sinks)))
        self.reporter = Reporter(self.fusion, self.summaries, trace)
        self.measures = Measures(self.free)
        self.elementwise = ElementwiseChooser(self.summaries, self.fusion.root_of)
        self.reductions = ReductionChooser(self.summaries, self.free)
        self.calls: dict[Node, Root] = {}
        for sink in sinks:
            self._pending(sink).is_forced = True

    def _pending(self, node: Node) -> _Pending:
        found = self.pending.get(node)
        if found is None:
            found = self.pending[node] = _Pending()
        return found

    def run(self) -> Fusion:
        for node in reversed(self.order):
            pending = self.pending.pop(node, None)
            if pending is not None:
                self._visit(node, pending)
        join_streams(self.fusion, self.streams, self.reporter)
        join_reductions(self.fusion, self.summaries, self.reporter)
        join_scalars(self.fusion, self.summaries, self.reporter)
        return self.fusion

    def _visit(self, node: Node, pending: _Pending) -> None:
        op = node.op
        if op is buffer or (op in LEAVES and not pending.is_forced):
            return
        if op in ALIASES:
            self._pass_through(node, pending)
            return
        if op is result or is_update(node):
            self._visit_result(node, pending)
            return
        if op is call:
            self.fusion.roots.append(self.calls[node])
            self._descend_all(self.calls[node], node)
            return
        decision = self._decide(node, pending)
        roots = decision.roots | self._find_hosts(node, pending, decision)
        if node in self.compared:
            roots = self._compute_once(node, pending, roots)
        loaders = pending.readers | (pending.uses.keys() - roots)
        if pending.is_forced or loaders or op in OPAQUE:
            self._store(node, pending.uses, roots, loaders)
        self.reporter.report(node, decision, pending.uses, roots, is_stored=pending.is_stored)
        for root in roots:
            root.operations += len(pending.uses[root]) * _length_of(node)
            for indices, use in pending.uses[root].items():
                self._descend(root, node, indices, use.context)

    def _pass_through(self, node: Node, pending: _Pending) -> None:
        """An alias has no memory of its own: what is asked of it is asked of its source."""
        source = self._pending(node.sources[0])
        is_barrier = pending.is_barrier or node.op is contiguous
        source.is_forced |= pending.is_forced or is_barrier
        source.is_barrier |= is_barrier
        source.readers |= pending.readers
        for root, uses in pending.uses.items():
            for indices, use in uses.items():
                self._descend(root, node, indices, use.context)

    def _visit_result(self, node: Node, pending: _Pending) -> None:
        """A result of a hand-written kernel is stored by the kernel; its call comes later."""
        (called,) = node.sources if node.op is result else node.sources[1].sources
        root = self.calls.setdefault(called, Root(called))
        root.outputs.append(node)
        root.readers |= pending.readers | pending.uses.keys()
        self.fusion.root_of[node] = root
        self._pending(called)
        decision = Decision(frozenset(), "a hand-written kernel stores it")
        self.reporter.report(node, decision, pending.uses, frozenset(), is_stored=pending.is_stored)

    def _decide(self, node: Node, pending: _Pending) -> Decision:
        if node.op in OPAQUE:
            return Decision(frozenset(), "it has a kernel of its own")
        if pending.is_barrier:
            return Decision(frozenset(), "the user asked for it in memory")
        if node.op in LEAVES or is_movement(node):
            return Decision(frozenset(pending.uses), "it only changes the index")
        if node in self.streams.virtual:
            return Decision(frozenset(pending.uses), "a tile of it at a time: it is never stored")
        uses = {
            root: reads for root, reads in pending.uses.items() if root.operations < MOST_OPERATIONS
        }
        if pending.uses and not uses:
            return Decision(frozenset(), "the kernels that read it are long enough")
        is_stored = pending.is_stored or len(uses) < len(pending.uses)
        if node in self.streams.totals and not self.summaries.is_contraction(node):
            return self.reductions.choose_total(node, uses, self.streams)
        if node.op.has(Property.REDUCTION):
            return self.reductions.choose(node, uses, is_stored)
        return self.elementwise.choose(node, uses, is_stored)

    def _find_hosts(self, node: Node, pending: _Pending, decision: Decision) -> frozenset[Root]:
        """Return the roots that compute a node for all, or each for itself."""
        everyone = pending.readers | (pending.uses.keys() - decision.roots)
        hosts: tuple[Root, ...] = decision.hosts if decision.repeats else ()
        for candidate in decision.hosts:
            if self._is_host(candidate, node, pending.uses, everyone - {candidate}):
                hosts = (candidate,)
                break
        if self.summaries.is_contraction(node):
            for root in hosts:
                root.contractions += 1
        elif node.op.has(Property.REDUCTION):
            for root in hosts:
                note_rows(root, pending.uses[root])
        return frozenset(hosts)

    def _compute_once(
        self, node: Node, pending: _Pending, roots: frozenset[Root]
    ) -> frozenset[Root]:
        """Return one of the roots, which computes a node for itself alone or stores it for others.

        If there is none, nothing: the node gets a kernel of its own.
        """
        if not pending.is_stored and len(roots) == 1 and roots == pending.uses.keys():
            return roots
        for root in roots:
            loaders = pending.readers | (pending.uses.keys() - {root})
            if self._is_host(root, node, pending.uses, loaders):
                return frozenset((root,))
        return frozenset()

    def _store(self, node: Node, uses: Uses, roots: frozenset[Root], loaders: set[Root]) -> None:
        """Give a node memory, in a kernel that computes it anyway if there is one."""
        ordered = [one for one in self.fusion.roots if one in roots]
        host = next((one for one in ordered if self._is_host(one, node, uses, loaders)), None)
        sibling = None if host else find_sibling(self.fusion, node, loaders, self.summaries)
        if sibling is not None:
            self.reporter.report_sibling(sibling.node, node)
        root = host or sibling or Root(node)
        root.outputs.append(node)
        place = None if host is None else self._find_place(host, node, uses)
        if place is not None:
            root.places[node] = place
        root.readers |= loaders
        self.fusion.root_of[node] = root
        self.fusion.inlined.update((other, node) for other in roots)
        if host is None:
            if sibling is None:
                self.fusion.roots.append(root)
            self._descend_all(root, node)

    def _is_host(self, root: Root, node: Node, uses: Uses, loaders: set[Root]) -> bool:
        """Whether a root that computes every element of the node can store it too."""
        if root.is_opaque or self._find_place(root, node, uses) is None:
            return False
        return root not in find_dependents(loaders)

    def _find_place(self, root: Root, node: Node, uses: Uses) -> Indices | None:
        """Return the indices at which a root computes every element of a node once, if it does."""
        identity = identity_indices(node.shape)
        if identity in uses[root] and not uses[root][identity].context:
            return identity
        if len(uses[root]) == 1:
            (indices,) = uses[root]
            is_whole = is_one_to_one(indices, node.shape, root.node.shape)
            if is_whole and self.streams.can_run(node, root.totals):
                return indices
            if is_whole and self.summaries.is_contraction(node) and is_in_order(indices):
                return indices
        return None

    def _descend_all(self, root: Root, node: Node) -> None:
        """Let a new root read the sources of the node that it is made for."""
        if root.is_opaque:
            for source in stored_sources(node):
                pending = self._pending(source)
                pending.is_forced = True
                pending.readers.add(root)
            return
        self._descend(root, node, identity_indices(node.shape), ())

    def _descend(self, root: Root, node: Node, indices: Indices, context: Context) -> None:
        """Record at which indices a node that is computed inside a root reads its sources."""
        if is_movement(node):
            below = self.fusion.movements.read(node, indices).indices
            self._use(root, node.sources[0], below, context)
        elif node.op.has(Property.REDUCTION):
            if node in self.streams.totals:
                root.totals[node] = indices
            around = self.free.of_all(indices)
            below, own = axes_of_reduction(node, indices, around)
            is_contraction = self.summaries.is_contraction(node)
            is_sum = node.op is reduce_sum
            enclosing = Enclosing(around, frozenset(own), is_contraction, is_sum)
            self._use(root, node.sources[0], below, (*context, enclosing))
        elif node.op is assign:
            self._use(root, node.sources[1], indices, context)
        else:
            context = tuple(enclosing._replace(is_direct_sum=False) for enclosing in context)
            if node.op is gather:
                self._descend_gather(root, node, indices, context)
                return
            if node.op is concatenate:
                for source, moved, _ in list_parts(node, indices):
                    self._use(root, source, moved, context)
                return
            for source in node.sources:
                self._use(root, source, read_broadcast(source, indices), context)

    def _descend_gather(self, root: Root, node: Node, indices: Indices, context: Context) -> None:
        data, *positions = node.sources
        rank = len(positions[0].shape)
        for source in positions:
            self._use(root, source, read_broadcast(source, indices[:rank]), context)
        pending = self._pending(data)
        pending.is_forced = True
        pending.is_barrier = True
        pending.readers.add(root)

    def _use(self, root: Root, node: Node, indices: Indices, context: Context) -> None:
        if node.op in LEAVES:
            return
        use = self.measures.of(indices, context)
        uses = self._pending(node).uses.setdefault(root, {})
        known = uses.get(indices)
        if known is None or known.evaluations < use.evaluations:
            uses[indices] = use


def _length_of(node: Node) -> int:
    """Return by how much a node makes the formula of a kernel longer that computes it."""
    if is_movement(node):
        return 0
    return REDUCTION_WEIGHT if node.op.has(Property.REDUCTION) else weight_of(node)

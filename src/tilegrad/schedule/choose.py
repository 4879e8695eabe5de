"""The decisions of the fuser: compute a node inside its users' kernels, or store it.

The rules, in words:

* An elementwise node read once per element by one kernel is computed there.
* Read more often, it is computed again wherever that costs less (``cost``) than storing it.
* A contraction (a reduction that uses its inputs many times) is computed inside a kernel that
  reads each of its elements exactly once and over the same axes (an epilogue), else by itself. If
  several kernels read it, the first such kernel stores it, too.
* Any other reduction is computed inside a kernel that is organised by its rows: all reductions in a
  kernel must nest (each is free in a subset of the axes of the next), the rows must be enough to be
  spread over cores, and no element may be computed twice. If several kernels read it, the first of
  them computes it for all.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Property
from tilegrad.ops.affine import Index
from tilegrad.ops.arithmetic import floor_divide, modulo
from tilegrad.ops.kernel import extent_of
from tilegrad.schedule import cost
from tilegrad.schedule.access import Indices
from tilegrad.schedule.axes import (
    Axes,
    FreeAxes,
    identity_indices,
    is_in_order,
    is_one_to_one,
)
from tilegrad.schedule.roots import Root
from tilegrad.schedule.streams import Streams

LEAST_PARALLEL = 8
"""A reduction is spread over at least so many rows, or it gets a kernel of its own ..."""
SMALL_WORK = 65536.0
"""... unless it combines no more elements than this."""
REGISTER_REUSE = 16.0
"""How often a register tile of a contraction uses an operand once it has been computed."""
SHORT_ROW = 16384.0
"""A reduction over no more elements than this may be repeated in several kernels."""
SHORT_REDUCTION = 256.0
"""A reduction to few values over no more elements than this may be repeated by every instance."""
OPERAND_BYTES = 4
"""What a product's operand takes, whatever smaller elements it is computed from."""
MOST_DECODING = 100.0
"""Operands are decoded for every block of rows anew if it takes no more operations than this ..."""
MOST_GENERATING = 4.0
"""... or than this if nothing is read for them."""
MOST_COPIES = 512.0
"""What a kernel reads at several indices stands in it several times, in so many operations at most:
x ← f(x, x shifted), again and again, would double the kernel's length each time."""
MOST_REPEATED_TERMS = 20.0
"""Terms of a sum may be read so many times more often than there are, as most are guarded off."""


class Enclosing(NamedTuple):
    """A reduction that encloses a read.

    Attributes:
        around: the axes that it is free in.
        own: the axes that it binds.
        is_contraction: whether it has register tiles.
        is_direct_sum: whether it is a sum, and what is read is a term of it, but for movement.
    """

    around: Axes
    own: Axes
    is_contraction: bool
    is_direct_sum: bool = False


Context = tuple[Enclosing, ...]


class Use(NamedTuple):
    """How one index of a node is read by a root.

    Attributes:
        evaluations: how many values would be computed there.
        waste: how many times each distinct value would be computed (1: once).
        rows: the axes that the index depends on.
        context: the reductions around it, outermost first.
    """

    evaluations: float
    waste: float
    rows: Axes
    context: Context


Uses = dict[Root, dict[Indices, Use]]


class Decision(NamedTuple):
    """The roots that compute the node themselves, and why these.

    Attributes:
        roots: they compute it where they use it.
        reason: why, in words.
        hosts: roots that might compute and store it for others, if nothing they need depends on
            that; the first that can does, the others read the node from memory.
        repeats: whether all of ``hosts`` compute it for themselves if none can for others.
    """

    roots: frozenset[Root]
    reason: str
    hosts: tuple[Root, ...] = ()
    repeats: bool = False


def note_rows(root: Root, reads: dict[Indices, Use]) -> None:
    """Remember the rows of a reduction that a root computes outside of all others."""
    root.rows.extend(use.rows for use in reads.values() if not use.context)


def _is_constant_inside(reads: Iterable[Use]) -> bool:
    """Whether a node is only read inside reductions, and none of these walks along its rows."""
    return all(
        use.context and not any(use.rows & enclosing.own for enclosing in use.context)
        for use in reads
    )


def _is_used_up(use: Use) -> bool:
    """Whether reductions read a value for one result each, or for as many as they have tiles of."""
    return all(one.is_contraction or one.around <= use.rows for one in use.context)


def depends(node: Node, other: Node) -> bool:
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


def _has_quotient(index: Index) -> bool:
    """Whether an index is made of quotients or remainders."""
    if not isinstance(index, Node):
        return False
    return any(node.op in (floor_divide, modulo) for node in sort_topologically([index]))


def _find_epilogue_problem(root: Root, axes: Axes) -> str | None:
    """Return why a kernel over these axes cannot be the epilogue of a contraction."""
    if root.contractions or any(rows != axes for rows in root.rows):
        return "the kernel already has another shape"
    if root.node.op.name == "assign" and len(root.outputs) > 1:
        return "an update of several tensors is walked from end to end"
    return None


def count_values(axes: Axes) -> float:
    """Return how many combinations of values the axes have."""
    return math.prod(cost.estimate(extent_of(axis)) for axis in axes)


class Chooser:
    """Makes the decisions for one graph.

    Args:
        summaries: what nodes cost.
        free: the axes of indices.
        stored: by node that is in memory so far, its root; it grows as decisions are made.
    """

    def __init__(
        self, summaries: cost.Summaries, free: FreeAxes, stored: Mapping[Node, Root]
    ) -> None:
        self.summaries = summaries
        self.free = free
        self.stored = stored
        self._counts: dict[Axes, float] = {}

    def measure(self, indices: Indices, context: Context) -> Use:
        """Return how a read at these indices inside these reductions is evaluated.

        A value is computed in the innermost loop that its index depends on; loops of a reduction
        around it that are not among its axes repeat it.
        """
        rows = self.free.of_all(indices)
        distinct = self._count(rows)
        evaluations = distinct
        for enclosing in reversed(context):
            if rows & enclosing.own:
                loops = self._count(enclosing.around | enclosing.own | rows)
                reuse = REGISTER_REUSE if enclosing.is_contraction else 1.0
                evaluations = max(distinct, loops / reuse)
                break
        return Use(evaluations, evaluations / distinct, rows, context)

    def _count(self, axes: Axes) -> float:
        count = self._counts.get(axes)
        if count is None:
            count = self._counts[axes] = count_values(axes)
        return count

    def choose_elementwise(self, node: Node, uses: Uses, is_stored: bool) -> Decision:
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
                    other is not leaf and depends(other, leaf) for other in leaves
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

    def choose_reduction(self, node: Node, uses: Uses, is_stored: bool) -> Decision:
        """Decide for a reduction that is read at the given indices."""
        if self.summaries.is_contraction(node):
            return self._choose_contraction(node, uses, is_stored)
        elements = cost.count_elements(node)
        length = cost.count_elements(node.sources[0]) / max(1.0, elements)
        fitting: list[Root] = []
        reason = "no kernel reads it"
        for root, reads in uses.items():
            problem = self._find_row_problem(node, root, reads, length)
            if problem is None:
                fitting.append(root)
            reason = problem or "its rows fit the kernel"
        if len(fitting) == 1:
            note_rows(fitting[0], uses[fitting[0]])
            return Decision(frozenset(fitting), reason)
        # The kernel that runs first computes it for the others.
        hosts, repeats = tuple(reversed(fitting)), length <= SHORT_ROW
        return Decision(frozenset(), "one kernel computes it for all", hosts, repeats)

    def choose_total(self, node: Node, uses: Uses, streams: Streams) -> Decision:
        """Decide for a reduction of a virtual matrix to one value a row."""
        length = cost.count_elements(node.sources[0]) / max(1.0, cost.count_elements(node))
        fitting = []
        for root, reads in uses.items():
            if any(use.context for use in reads.values()):
                is_inside = _is_constant_inside(reads.values())
                fits = is_inside and streams.can_run(node, root.totals)
            else:
                fits = self._find_row_problem(node, root, reads, length) is None
            if fits:
                fitting.append(root)
        reason = "it runs along with the other totals of its rows"
        if not fitting:
            reason = "its matrix is walked in a kernel organised by its rows"
        return Decision(frozenset(), reason, tuple(reversed(fitting)), repeats=True)

    def _find_row_problem(
        self, node: Node, root: Root, reads: dict[Indices, Use], length: float
    ) -> str | None:
        if root.is_opaque:
            return "the kernel is not derived"
        axes = self.free.of_all(identity_indices(root.node.shape))
        for use in reads.values():
            if use.waste > 1.0:
                return "it would be computed more than once per element"
            if any(enclosing.is_contraction for enclosing in use.context):
                return "it is an operand of a contraction"
            is_nested = all(use.rows <= other or other <= use.rows for other in root.rows)
            if not use.context and not is_nested:
                return "its rows do not nest with those of the kernel's other reductions"
            if use.rows < axes and self._has_few_rows(use, axes, length):
                return "too few rows to spread over cores"
        if sum(use.evaluations for use in reads.values()) > cost.count_elements(node):
            return "it is read at several indices"
        if root.contractions and any(use.rows != axes for use in reads.values()):
            return "the kernel is organised by the tiles of a contraction"
        return None

    def _has_few_rows(self, use: Use, axes: Axes, length: float) -> bool:
        rows = count_values(use.rows)
        if rows >= LEAST_PARALLEL or count_values(axes) + rows * length <= SMALL_WORK:
            return False
        # A short reduction may be repeated by every instance instead of shaping the kernel.
        return length > SHORT_REDUCTION

    def _choose_contraction(self, node: Node, uses: Uses, is_stored: bool) -> Decision:
        stored = Decision(frozenset(), "a contraction read by several kernels is stored")
        if len(uses) != 1:
            hosts = tuple(root for root in uses if self._is_epilogue_of(root, node, uses[root]))
            return stored._replace(hosts=hosts)
        ((root, reads),) = uses.items()
        if len(reads) != 1 or root.is_opaque:
            return stored
        ((indices, use),) = reads.items()
        elements = cost.count_elements(node)
        axes = self.free.of_all(identity_indices(root.node.shape))
        if use.context:
            is_term = all(enclosing.is_direct_sum for enclosing in use.context)
            if not is_term or node.op.name != "reduce_sum" or is_stored:
                return Decision(frozenset(), "a contraction is no part of another reduction")
            if use.evaluations > MOST_REPEATED_TERMS * elements:
                return Decision(frozenset(), "its elements would be computed several times")
            return Decision(frozenset((root,)), "a sum of sums is one sum")
        problem = _find_epilogue_problem(root, axes)
        if problem is not None:
            return Decision(frozenset(), problem)
        if use.rows != axes or use.evaluations > elements:
            return Decision(frozenset(), "a contraction is fused only over the same axes")
        if is_stored and indices != identity_indices(node.shape):
            return Decision(frozenset(), "it is stored in another order")
        if any(_has_quotient(index) for index in indices):
            return Decision(frozenset(), "its tiles would be torn by quotients of the index")
        root.contractions += 1
        return Decision(frozenset((root,)), "an epilogue: the kernel reads each element once")

    def _is_epilogue_of(self, root: Root, node: Node, reads: dict[Indices, Use]) -> bool:
        """Whether a kernel can compute a contraction that others read as well."""
        if root.is_opaque or root.contractions or len(reads) != 1:
            return False
        ((indices, use),) = reads.items()
        axes = self.free.of_all(identity_indices(root.node.shape))
        is_whole = use.rows == axes and use.evaluations <= cost.count_elements(node)
        is_alike = is_one_to_one(indices, node.shape, root.node.shape) and is_in_order(indices)
        return is_whole and is_alike and not use.context and not root.rows

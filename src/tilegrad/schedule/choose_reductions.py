"""The decisions of the fuser for reductions: in which kernel each is computed.

* A contraction (a reduction that uses its inputs many times) is computed inside a kernel that
  reads each of its elements exactly once and over the same axes (an epilogue), else by itself. If
  several kernels read it, the first such kernel stores it, too.
* Any other reduction is computed inside a kernel that is organised by its rows: all reductions in a
  kernel must nest (each is free in a subset of the axes of the next), the rows must be enough to be
  spread over cores, and no element may be computed twice. If several kernels read it, the first of
  them computes it for all.
"""

from __future__ import annotations

from collections.abc import Iterable

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops.affine import Index
from tilegrad.ops.arithmetic import floor_divide, modulo
from tilegrad.ops.graph import assign
from tilegrad.ops.kernel import Axes
from tilegrad.ops.reduction import reduce_sum
from tilegrad.schedule import cost
from tilegrad.schedule.access import Indices
from tilegrad.schedule.axes import FreeAxes, identity_indices, is_in_order, is_one_to_one
from tilegrad.schedule.roots import Root
from tilegrad.schedule.streams import Streams
from tilegrad.schedule.uses import Decision, Use, Uses, count_values, note_rows

LEAST_PARALLEL = 8
"""A reduction is spread over at least so many rows, or it gets a kernel of its own ..."""
SMALL_WORK = 65536.0
"""... unless it combines no more elements than this."""
SHORT_ROW = 16384.0
"""A reduction over no more elements than this may be repeated in several kernels."""
SHORT_REDUCTION = 256.0
"""A reduction to few values over no more elements than this may be repeated by every instance."""
MOST_REPEATED_TERMS = 20.0
"""Terms of a sum may be read so many times more often than there are, as most are guarded off."""


class ReductionChooser:
    """Makes the decisions for the reductions of one graph.

    Args:
        summaries: what nodes cost.
        free: the axes of indices.
    """

    def __init__(self, summaries: cost.Summaries, free: FreeAxes) -> None:
        self.summaries = summaries
        self.free = free

    def choose(self, node: Node, uses: Uses, is_stored: bool) -> Decision:
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
            if not is_term or node.op is not reduce_sum or is_stored:
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


def _is_constant_inside(reads: Iterable[Use]) -> bool:
    """Whether a node is only read inside reductions, and none of these walks along its rows."""
    return all(
        use.context and not any(use.rows & enclosing.own for enclosing in use.context)
        for use in reads
    )


def _has_quotient(index: Index) -> bool:
    """Whether an index is made of quotients or remainders."""
    if not isinstance(index, Node):
        return False
    return any(node.op in (floor_divide, modulo) for node in sort_topologically([index]))


def _find_epilogue_problem(root: Root, axes: Axes) -> str | None:
    """Return why a kernel over these axes cannot be the epilogue of a contraction."""
    if root.contractions or any(rows != axes for rows in root.rows):
        return "the kernel already has another shape"
    if root.node.op is assign and len(root.outputs) > 1:
        return "an update of several tensors is walked from end to end"
    return None

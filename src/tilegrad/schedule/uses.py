"""How nodes are read by the kernels to be, and what is decided of them.

A read is an index and the reductions around it. How often it evaluates a value follows from the
loops that these reductions will be.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad.ops.kernel import Axes, extent_of
from tilegrad.schedule import cost
from tilegrad.schedule.access import Indices
from tilegrad.schedule.axes import FreeAxes
from tilegrad.schedule.roots import Root

REGISTER_REUSE = 16.0
"""How often a register tile of a contraction uses an operand once it has been computed."""


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


def count_values(axes: Axes) -> float:
    """Return how many combinations of values the axes have."""
    return math.prod(cost.estimate(extent_of(axis)) for axis in axes)


class Measures:
    """Measures the reads of one graph.

    Args:
        free: the axes of indices.
    """

    def __init__(self, free: FreeAxes) -> None:
        self.free = free
        self._counts: dict[Axes, float] = {}

    def of(self, indices: Indices, context: Context) -> Use:
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

"""Contractions: sums of products whose two factors share some axes and have others of their own.

Every such kernel is a batch of matrix products: one factor gives the rows, the other the columns,
and the bound axes are what is summed over. Convolutions and their gradients are contractions too,
with factors that read windows.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, kernel
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.tile.facts import Facts, constant_extent


class Factor(NamedTuple):
    """One factor of a contraction.

    Attributes:
        value: the expression, over the axes below, the batch's and the bound ones.
        axes: the axes of the results that only this factor depends on, outermost first.
    """

    value: Node
    axes: tuple[Node, ...]


class Contraction(NamedTuple):
    """A kernel that is one sum of products.

    Attributes:
        reduction: the ``reduce_over`` node.
        bound: the axes that are summed over, outermost first.
        batch: the axes of the results that both factors depend on.
        factors: the two factors.
        units: the matrix units that may multiply them; the factors are then of their dtypes. None
            of them if the factors are of the sum's dtype.
    """

    reduction: Node
    bound: tuple[Node, ...]
    batch: tuple[Node, ...]
    factors: tuple[Factor, Factor]
    units: tuple[MatrixFacts, ...] = ()


def find_contraction(facts: Facts) -> Contraction | None:
    """Return the contraction that a kernel is, None if it is none, or of symbolic sizes."""
    reductions = [node for node in facts.regions if node is not None]
    if len(reductions) != 1 or _is_in_place(facts):
        return None
    (reduction,) = reductions
    body, *bound = reduction.sources
    outputs = frozenset(facts.outputs)
    if (
        not kernel.is_sum(reduction)
        or reduction.dtype not in (dtypes.float32, dtypes.float64, dtypes.int32)
        or body.op is not arithmetic.multiply
        or facts.free[reduction] != outputs
        or any(facts.free[store] != outputs for store in facts.stores)
        or any(constant_extent(axis) is None for axis in (*outputs, *bound))
    ):
        return None
    free = [facts.free[source] for source in body.sources]
    shared = frozenset(bound)
    if not all(shared <= one and one & outputs for one in free):
        return None
    batch = free[0] & free[1] & outputs
    first, second = (
        Factor(source, tuple(axis for axis in facts.outputs if axis in one - batch))
        for source, one in zip(body.sources, free, strict=True)
    )
    if not first.axes or not second.axes:
        return None
    ordered = tuple(axis for axis in facts.outputs if axis in batch)
    return Contraction(reduction, tuple(bound), ordered, (first, second))


def _is_in_place(facts: Facts) -> bool:
    return any(
        load.sources[0] in facts.stored_slots
        for region in facts.regions.values()
        for load in region.loads
    )

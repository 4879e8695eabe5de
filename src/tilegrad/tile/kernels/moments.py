"""Means, and what is summed around them, in one walk along a row.

With m = Σf / n over a row of n, any point K, d = f − K and δ = m − K:

    δ = Σd / n,   Σ (f − m)² = Σd² − n δ²,   Σ g (f − m) = Σ g d − δ Σg

so no sum waits for the mean. It is a law of real numbers: in floats the difference of the squares
loses as many bits as 1 + δ² / σ² has, σ² being the variance. K is the mean of the first sixteenth
of the row. As these are elements of the row, δ² ≤ σ² (n / k − 1) for k of them, whatever they are:
at most four bits are lost, and none where the sample is like the row. (Sums about a guess of the
mean: T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for Computing the Sample Variance", 1983.)

It pays where each walk reads the row from a cache that is not the nearest.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, kernel, memory
from tilegrad.ops.leaves import constant, constant_op
from tilegrad.rewrite.graph import rebuild, substitute
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import constant_extent
from tilegrad.tile.streams.running import multiply_all, split_factors

SAMPLE = 16
"""The guess is made of so large a part of a row: a 16th."""
LEAST_BYTES = 1 << 16
"""Shorter rows are asked for, and read from the nearest cache (``tile/choices/ahead.py``)."""
MOST_DEVIATIONS = 2
"""So many differences from the mean a term may be a product of."""


class _Mean(NamedTuple):
    """A mean along a row.

    Attributes:
        node: Σf · 1/n.
        total: Σf.
        extent: n.
    """

    node: Node
    total: Node
    extent: int

    @property
    def term(self) -> Node:
        """What is summed: f."""
        return self.total.sources[0]

    @property
    def axis(self) -> Node:
        """The axis of the row."""
        return self.total.sources[1]


def join_moments(root: Node, decider: Decider) -> Node:
    """Return a kernel whose sums around a mean do not wait for it.

    Args:
        root: a kernel; without such sums along long rows it is returned as it is.
        decider: decides ``moments``.
    """
    order = sort_topologically([root])
    for mean in filter(None, map(_find_mean, order)):
        joined = _Joining(mean, order).result()
        if joined is not None:
            taken = decider.take("moments", ("joined", "in turn"))
            return joined if taken == "joined" else root
    return root


def _find_mean(node: Node) -> _Mean | None:
    """Return the mean that a node is of what is read along a long row, or None."""
    if node.op not in (arithmetic.multiply, arithmetic.divide) or not node.dtype.is_float:
        return None
    totals = [one for one in node.sources if kernel.is_sum(one)]
    others = [one for one in node.sources if one.op is constant_op]
    if not totals or not others or len(totals[0].sources) != 2:
        return None
    term, axis = totals[0].sources
    extent = constant_extent(axis) or 0
    inside = sort_topologically([term])
    widths = [one.dtype.itemsize for one in inside if one.op is memory.load]
    is_long = extent * max(widths, default=0) > LEAST_BYTES
    if not is_long or any(one.op is kernel.reduce_over for one in inside):
        return None
    if node.op is arithmetic.divide:
        is_mean = node.sources == (totals[0], constant(extent, node.dtype))
    else:
        is_mean = others[0] is constant(1 / extent, node.dtype)
    return _Mean(node, totals[0], extent) if is_mean else None


class _Joining:
    """Takes the sums of a kernel around one of its means apart.

    Args:
        mean: the mean.
        order: the nodes of the kernel, sources first.
    """

    def __init__(self, mean: _Mean, order: Sequence[Node]) -> None:
        self.mean, self.order = mean, order
        names = {kernel.name_of(node) for node in order if node.op is kernel.axis}
        free = (f"r{number}" for number in itertools.count())
        count = max(1, mean.extent // SAMPLE)
        sample = kernel.make_axis(next(name for name in free if name not in names), count)
        (term,) = substitute([mean.term], {mean.axis: sample})
        total = kernel.make_sum(term, sample)
        self.guess = total * constant(1 / count, term.dtype)
        self.delta = self._sum([mean.term - self.guess]) * constant(1 / mean.extent, term.dtype)

    def result(self) -> Node | None:
        """Return the kernel; None if there is no sum around the mean, or one that resists."""
        mean = self.mean.node
        done: dict[Node, Node] = {}
        around = 0
        for node in self.order:
            if node is mean:
                done[node] = self.guess + self.delta
            elif node.op is kernel.reduce_over and mean in sort_topologically([node]):
                taken = self._take_apart(node)
                if taken is None:
                    return None
                done[node] = taken
                around += 1
            elif self.mean.total in node.sources:
                return None  # which would be summed besides
            else:
                done[node] = rebuild(node, tuple(done[source] for source in node.sources))
        return done[self.order[-1]] if around else None

    def _take_apart(self, total: Node) -> Node | None:
        """Return a sum around the mean by sums around the guess."""
        body, *axes = total.sources
        if not kernel.is_sum(total) or axes != [self.mean.axis]:
            return None
        deviations: list[Node] = []
        others: list[Node] = []
        for factor in split_factors(body):
            value = factor.value
            if value.op is arithmetic.subtract and value.sources[1] is self.mean.node:
                deviations.append(value.sources[0] - self.guess)
                value = value.sources[0]
            else:
                others.append(value)
            inside = sort_topologically([value])
            if factor.is_divisor or any(one.op is kernel.reduce_over for one in inside):
                return None
        if not 1 <= len(deviations) <= MOST_DEVIATIONS:
            return None
        result = self._sum([*others, *deviations])
        if len(deviations) == 1:
            return result - self.delta * self._sum(others)
        first, second = (self._sum([*others, one]) for one in deviations)
        result -= self.delta * (first + second - self.delta * self._sum(others))
        if others or deviations[0] is not deviations[1]:
            return result
        # What is lost to rounding must not make a variance negative.
        return arithmetic.maximum(result, constant(0.0, result.dtype))

    def _sum(self, factors: list[Node]) -> Node:
        """Return the sum of a product along the row."""
        if not factors:
            return constant(float(self.mean.extent), self.mean.term.dtype)
        product = multiply_all(factors, factors[0])
        return kernel.make_sum(product, self.mean.axis)

"""A sum of sums is one sum: Σᵢ Σⱼ f(i, j) = Σᵢⱼ f(i, j), also where the inner sum is guarded.

Σᵢ (c(i) ? Σⱼ f(i, j) : 0) = Σᵢⱼ (c(i) ? f(i, j) : 0). A relaxed law for floats: the order of the
terms changes, which no reduction promises. The gradient of a convolution by its input becomes a
single contraction so.
"""

from __future__ import annotations

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import (
    arithmetic,
    comparison,
    conversion,
    exponential,
    kernel,
    memory,
    special,
    symbolic,
    trigonometry,
)
from tilegrad.ops.comparison import guard_by, split_guards
from tilegrad.rewrite.graph import transform


def flatten_sums(program: Node) -> Node:
    """Return a kernel in which no sum is a term of another."""
    return transform([program], _flatten)[0]


def _flatten(_: Node, node: Node) -> Node:
    if not kernel.is_sum(node):
        return node
    body, *axes = node.sources
    guards, inner = split_guards(body)
    if not kernel.is_sum(inner):
        return node
    term, *bound = inner.sources
    if set(bound) & set(axes):
        return node
    term = guard_by([guard for guard in guards if not _is_zero_without(guard, term)], term)
    return kernel.make_sum(term, *bound, *axes)


def _is_zero_without(guard: Node, term: Node) -> bool:
    """Whether a term is a product with a factor that is loaded as 0 where the guard fails.

    The other factor must be finite there. What is loaded is taken to be, as every convolution with
    padding takes it; what is computed from other zeros there may be 0 / 0.
    """
    if term.op is not arithmetic.multiply:
        return False
    wanted = set(symbolic.split_conjunction(guard))
    first, second = term.sources
    return any(
        _is_loaded_as_zero(zero, wanted) and _is_finite(other, wanted)
        for zero, other in ((first, second), (second, first))
    )


def _is_loaded_as_zero(node: Node, guards: set[Node]) -> bool:
    """Whether a node is a load that gives 0 where one of the guards fails."""
    is_masked = node.op is memory.load and len(node.sources) > 2
    return is_masked and guards <= set(symbolic.split_conjunction(node.sources[2]))


_WITHOUT_POLES = frozenset(
    (
        *(arithmetic.add, arithmetic.subtract, arithmetic.multiply, arithmetic.negate),
        *(arithmetic.absolute, arithmetic.maximum, arithmetic.minimum, arithmetic.sign),
        *(exponential.exp, exponential.exp2, exponential.expm1, trigonometry.tanh, special.erf),
        *(trigonometry.sin, trigonometry.cos),
        *(comparison.where, comparison.relu, conversion.cast, memory.load),
    )
)
"""Ops whose result is finite where their sources are 0 or finite."""


def _is_finite(value: Node, guards: set[Node]) -> bool:
    """Whether a value is finite where the guards fail and what is loaded under them is 0."""
    order = sort_topologically([value], is_leaf=lambda node: node.op is memory.load)
    zeroed: set[Node] = set()  # what depends on such a load
    for node in order:
        if node.op is memory.load:
            if _is_loaded_as_zero(node, guards):
                zeroed.add(node)
            continue
        if not zeroed.isdisjoint(node.sources):
            is_pole = node.dtype.is_float and node.op not in _WITHOUT_POLES
            if is_pole and not (node.op is arithmetic.divide and node.sources[1] not in zeroed):
                return False
            zeroed.add(node)
    return True

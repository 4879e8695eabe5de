"""A sum of sums is one sum: Σᵢ Σⱼ f(i, j) = Σᵢⱼ f(i, j), also where the inner sum is guarded.

Σᵢ (c(i) ? Σⱼ f(i, j) : 0) = Σᵢⱼ (c(i) ? f(i, j) : 0). A relaxed law for floats: the order of the
terms changes, which no reduction promises. The gradient of a convolution by its input becomes a
single contraction so.
"""

from __future__ import annotations

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, kernel, memory, symbolic
from tilegrad.ops.comparison import guard_by, split_guards
from tilegrad.rewrite.graph import rebuild

ADD = kernel.ReduceOverAttributes("add")


def flatten_sums(program: Node) -> Node:
    """Return a kernel in which no sum is a term of another."""
    done: dict[Node, Node] = {}
    for node in sort_topologically([program]):
        new = rebuild(node, tuple(done[source] for source in node.sources))
        if new.op is kernel.reduce_over and new.attributes == ADD:
            new = _flatten(new)
        done[node] = new
    return done[program]


def _flatten(node: Node) -> Node:
    body, *axes = node.sources
    guards, inner = split_guards(body)
    if inner.op is not kernel.reduce_over or inner.attributes != ADD:
        return node
    term, *bound = inner.sources
    if set(bound) & set(axes):
        return node
    term = guard_by([guard for guard in guards if not _is_zero_without(guard, term)], term)
    return kernel.reduce_over(term, *bound, *axes, attributes=ADD)


def _is_zero_without(guard: Node, term: Node) -> bool:
    """Whether a term is a product with a factor that is loaded as 0 where the guard fails.

    The other factor is taken to be finite there, as every convolution with padding takes it.
    """
    if term.op is not arithmetic.multiply:
        return False
    wanted = set(symbolic.split_conjunction(guard))
    return any(
        source.op is memory.load
        and len(source.sources) > 2
        and wanted <= set(symbolic.split_conjunction(source.sources[2]))
        for source in term.sources
    )

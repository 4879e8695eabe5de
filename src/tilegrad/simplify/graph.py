"""Laws of the ops that shape a graph, once gradients have been taken."""

from __future__ import annotations

from tilegrad.ops import graph
from tilegrad.ops.leaves import buffer
from tilegrad.rewrite.pattern import lift, variables
from tilegrad.rewrite.rule import Match, Rule

(x,) = variables("x")
contiguous, detach = lift(graph.contiguous, graph.detach)


def _is_realised(match: Match) -> bool:
    return match[x].op is buffer


GRAPH = (
    Rule("detach_value", detach(x), x),
    Rule("contiguous_of_contiguous", contiguous(contiguous(x)), contiguous(x)),
    Rule(
        "contiguous_of_buffer",
        contiguous(x),
        x,
        "contiguous(x) = x where x is a buffer",
        guard=_is_realised,
    ),
)

"""Laws of tensors that repeat one value: expansions go after what is computed elementwise.

Elementwise ops broadcast by themselves, so an expansion before one of them only hides that its
source is small (or even a constant). It is dropped there, and made after the op if it is needed.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ops import ELEMENTWISE_OPS, MOVEMENT_OPS
from tilegrad.ops.leaves import constant_op, value_of
from tilegrad.ops.movement import expand, pad, reshape
from tilegrad.ops.windows import unslide
from tilegrad.rewrite.graph import broadcast_to, make
from tilegrad.rewrite.pattern import Family
from tilegrad.rewrite.rule import Match, Rule


def find_uniform(node: Node) -> Node | None:
    """Return the constant that every element of a tensor is, as its ops tell, or None.

    Looks through an expansion and a reshape, which is all that there is once a node is simplified.
    """
    for op in (expand, reshape):
        if node.op is op:
            node = node.sources[0]
    return node if node.op is constant_op else None


def _strip(node: Node) -> Node:
    """Return what a source of an elementwise op can be replaced by, thanks to broadcasting."""
    if node.op is expand:
        node = node.sources[0]
    if node.op is reshape and not node.sources[0].shape:
        node = node.sources[0]
    return node


def _expand_later(match: Match) -> Node | None:
    node = match.node
    sources = tuple([_strip(source) for source in node.sources])
    if sources == node.sources:
        return None
    return broadcast_to(make(node.op, sources, node.attributes), node.shape)


def _move_uniform(match: Match) -> Node | None:
    node = match.node
    found = {find_uniform(source) for source in node.sources}
    value = found.pop()
    if found or value is None:
        return None
    puts_zeros = node.op in (pad, unslide)
    if puts_zeros and (value_of(value) != 0 or str(value_of(value)).startswith("-")):
        return None
    return broadcast_to(value, node.shape)


BROADCAST = (
    Rule(
        "expand_after_elementwise",
        Family("elementwise", ELEMENTWISE_OPS, some=(expand, reshape)),
        _expand_later,
        "f(.., expand(x), ..) = expand(f(.., x, ..)), and the same for a reshaped scalar",
    ),
    Rule(
        "move_uniform",
        Family("movement", MOVEMENT_OPS, every=(constant_op, expand, reshape)),
        _move_uniform,
        "any movement of a tensor that is c everywhere gives c everywhere (c = 0 if it puts zeros)",
    ),
)

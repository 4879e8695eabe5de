"""From all ops to those that processors have: the first step of code generation.

A tile program is rewritten node by node, sources first. Ops without an instruction become
expressions; floats narrower than 32 bits become integers that hold their bits, and are computed
with in float32, each result rounded once as the op's definition says. The rules are in ``rules``.
"""

from __future__ import annotations

import math

from tilegrad.codegen import narrow
from tilegrad.codegen.decomposition import Decomposition, Sources
from tilegrad.codegen.layout import static_shape
from tilegrad.codegen.mathematics.rounds import Rounds
from tilegrad.codegen.matrix.carry import keep_accumulators
from tilegrad.codegen.rules import NARROW_RULES, RULES, STORED_RULES, apply_op
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node, intern, sort_topologically
from tilegrad.ir.op import Op, Property, Shape, attributes_of
from tilegrad.ops import arithmetic, comparison, leaves, memory, movement, reduction, tile
from tilegrad.ops.leaves import ConstantAttributes
from tilegrad.ops.scan import ScanAttributes, scan
from tilegrad.ops.weights import weight_of

DEAR_WEIGHT = 4
"""Functions of this weight, a division for one, are not computed one number after the other."""

_CARRYING: tuple[Op, ...] = (
    leaves.constant_op,
    memory.parameter,
    memory.scratch,
    memory.table,
    memory.load,
    memory.store,
    memory.fetch,
    comparison.where,
    movement.reshape,
    movement.permute,
    movement.expand,
    tile.carry,
    tile.loop,
    tile.loop_result,
)
"""Ops that move values without computing with them."""

_SELECTING: tuple[Op, ...] = (
    arithmetic.maximum,
    arithmetic.minimum,
    comparison.relu,
    reduction.reduce_maximum,
    reduction.reduce_minimum,
)
"""Ops whose result is one of the elements that they are given; so are running extremes."""


def decompose(program: Node, target: CodegenTarget) -> Node:
    """Return a tile program that uses only ops with an instruction on the target."""
    order = sort_topologically([program])
    numbers = (
        attributes_of(node, tile.LoopAttributes).loop for node in order if node.op is tile.loop
    )
    decomposition = Decomposition(target, Rounds(target, max(numbers, default=-1) + 1))
    done: dict[Node, Node] = {}
    for node in order:
        sources = tuple([done[source] for source in node.sources])
        replace = _replace_column if _is_dear_column(node) else _replace
        done[node] = replace(decomposition, node, sources)
    result = done[program]
    return keep_accumulators(result) if decomposition.has_units else result


def _replace(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    """Return the replacement of a node whose sources have theirs."""
    dtype = node.dtype
    stored = STORED_RULES.get(node.op)
    if stored is not None:
        return stored(decomposition, node, sources)
    rule = RULES.get(node.op)
    if rule is None and (node.op in _CARRYING or not _is_narrow(node)):
        if sources == node.sources and decomposition.storage(dtype) is dtype:
            return node
        return intern(node.op, sources, _replace_attributes(decomposition, node))
    if _is_narrow(node):
        narrow_rule = NARROW_RULES.get(node.op)
        if narrow_rule is not None:
            return narrow_rule(decomposition, node, sources)
        sources = tuple(map(decomposition.widen_source, node.sources, sources))
    result = (rule or apply_op)(decomposition, node, sources)
    if not narrow.is_narrow(dtype):
        return result
    return decomposition.narrow(result, dtype, is_exact=_is_selecting(node))


def _is_dear_column(node: Node) -> bool:
    """Whether it is a function of floats that is computed once for each row of a tile."""
    shape = node.shape
    return (
        len(shape) > 1
        and shape[-1] == 1
        and node.dtype.is_float
        and node.op.has(Property.ELEMENTWISE)
        and math.prod(static_shape(node)) > 1
        and weight_of(node) >= DEAR_WEIGHT
    )


def _replace_column(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    """Return the replacement of a function of a column: its rows lie along the lanes for it."""
    originals = tuple(_lay_along_lanes(source, node.shape) for source in node.sources)
    laid = tuple(_lay_along_lanes(source, node.shape) for source in sources)
    result = _replace(decomposition, intern(node.op, originals, node.attributes), laid)
    return movement.reshape_to(result, node.shape)


def _lay_along_lanes(source: Node, shape: Shape) -> Node:
    if not source.shape:
        return source
    whole = movement.expand_to(source, shape)
    return movement.reshape_to(whole, (math.prod(static_shape(whole)),))


def _is_selecting(node: Node) -> bool:
    """Whether a result is one of the elements that the op is given."""
    if node.op is scan:
        return attributes_of(node, ScanAttributes).kind in ("maximum", "minimum")
    return node.op in _SELECTING


def _is_narrow(node: Node) -> bool:
    return narrow.is_narrow(node.dtype) or any(
        narrow.is_narrow(source.dtype) for source in node.sources
    )


def _replace_attributes(decomposition: Decomposition, node: Node) -> object:
    """Return the attributes with dtypes as they are stored."""
    attributes = node.attributes
    if node.op is leaves.constant_op:
        bits = attributes_of(node, ConstantAttributes).bits
        return ConstantAttributes(decomposition.storage(node.dtype), bits)
    if isinstance(attributes, memory.ParameterAttributes | memory.ScratchAttributes):
        return attributes._replace(dtype=decomposition.storage(attributes.dtype))
    return attributes


def decomposed_ops() -> tuple[Op, ...]:
    """Return the ops that are replaced on some target or for some dtype."""
    return (*RULES, *STORED_RULES)

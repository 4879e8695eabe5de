"""Laws of reductions and scans."""

from __future__ import annotations

import math

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import REDUCTION_OPS, reduction
from tilegrad.ops.bounds import bounds
from tilegrad.ops.leaves import constant, value_of
from tilegrad.ops.movement import ExpandAttributes, expand, expand_to, reshape
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.ops.scan import ScanAttributes, scan
from tilegrad.rewrite.graph import broadcast_to
from tilegrad.rewrite.pattern import (
    INTEGER,
    AttributeVariable,
    Family,
    apply,
    constant_variables,
    lift,
    variables,
)
from tilegrad.rewrite.rule import Match, Rule, RuleKind
from tilegrad.simplify.broadcast import find_uniform

x, y = variables("x y")
(i,) = variables("i", INTEGER)
(k,) = constant_variables("k", INTEGER)
A, B = AttributeVariable("A", ReduceAttributes), AttributeVariable("B", ReduceAttributes)
E = AttributeVariable("E", ExpandAttributes)
C = AttributeVariable("C", ScanAttributes)
reduce_sum, expand_term = lift(reduction.reduce_sum, expand)


def reduce_axes(op: Op, node: Node, axes: tuple[int, ...]) -> Node:
    """Return a reduction along axes; the node itself if there are none."""
    return op(node, attributes=ReduceAttributes(axes)) if axes else node


def _skip_single_elements(match: Match) -> Node | None:
    node = match.node
    (source,), axes = node.sources, attributes_of(node, ReduceAttributes).axes
    kept = tuple(axis for axis in axes if source.shape[axis] != 1)
    if kept == axes:
        return None
    if not kept and node.op is reduction.reduce_sum and node.dtype.is_float:
        # A sum begins at +0, so that the sum of a single -0 is +0.
        return source + constant(0, node.dtype)
    return reduce_axes(node.op, source, kept)


def join_axes(op: Op, source: Node, first: ReduceAttributes, second: ReduceAttributes) -> Node:
    """Return the reduction along both sets of axes."""
    return reduce_axes(op, source, tuple(sorted({*first.axes, *second.axes})))


def _merge(op: Op, kind: RuleKind) -> Rule:
    left = apply(op, apply(op, x, attributes=A), attributes=B)
    return Rule(
        f"{op.name}_of_{op.name}",
        left,
        lambda match: join_axes(op, match[x], match[A], match[B]),
        f"{left} = {op.name}(x, A ∪ B)",
        kind,
    )


def _is_never_empty(shape: tuple[int | Node, ...]) -> bool:
    return all(size >= 1 if isinstance(size, int) else bounds(size)[0] >= 1 for size in shape)


def _extreme_of_expand(op: Op) -> Rule:
    def build(match: Match) -> Node | None:
        source, whole, axes = match[x], match[E].shape, match[A].axes
        repeated = [axis for axis in axes if source.shape[axis] == 1 and whole[axis] != 1]
        if not repeated or not _is_never_empty(tuple(whole[axis] for axis in repeated)):
            return None
        sizes = enumerate(whole)
        partly = tuple(1 if axis in repeated else size for axis, size in sizes)
        kept = tuple(axis for axis in axes if axis not in repeated)
        return reduce_axes(op, expand_to(source, partly), kept)

    left = apply(op, expand_term(x, attributes=E), attributes=A)
    return Rule(
        f"{op.name}_of_expand",
        left,
        build,
        f"{left} = {op.name}(x, A) as the extreme of equal elements is each of them",
    )


def _expand_later(match: Match) -> Node | None:
    """Reduce first what the reduction is repeated for."""
    (expanded,), axes = match.node.sources, attributes_of(match.node, ReduceAttributes).axes
    (source,), sizes = expanded.sources, enumerate(expanded.shape)
    partly = tuple(size if axis in axes else source.shape[axis] for axis, size in sizes)
    if partly == expanded.shape:
        return None
    return expand_to(reduce_axes(match.node.op, expand_to(source, partly), axes), match.node.shape)


def _expansion_after(op: Op) -> Rule:
    left = apply(op, expand_term(x, attributes=E), attributes=A)
    return Rule(
        f"expand_after_{op.name}",
        left,
        _expand_later,
        f"{left} = expand({op.name}(x, A)), for axes of E that are not in A",
    )


def sum_of_expand(match: Match) -> Node | None:
    """Return the sum of what is not repeated, times the number of repetitions."""
    source, whole, axes = match[x], match[E].shape, match[A].axes
    repeated = [axis for axis in axes if source.shape[axis] == 1]
    sizes = [size for axis in repeated if isinstance(size := whole[axis], int)]
    if not repeated or len(sizes) != len(repeated):
        return None
    partly = tuple(1 if axis in repeated else size for axis, size in enumerate(whole))
    kept = tuple(axis for axis in axes if axis not in repeated)
    total = reduce_axes(reduction.reduce_sum, expand_to(source, partly), kept)
    return total * constant(math.prod(sizes), source.dtype)


def _sum_of_uniform(match: Match) -> Node | None:
    """Compute the sum of equal constants, where every partial sum is exact in any order.

    A float is m·2ᵉ with a whole m; n of them are exact while |m|·n fits in the significand of the
    dtype that sums are accumulated in (at least float32).
    """
    node = match.node
    (source,), axes = node.sources, attributes_of(node, ReduceAttributes).axes
    value = find_uniform(source)
    sizes = [size for axis in axes if isinstance(size := source.shape[axis], int)]
    if value is None or len(sizes) != len(axes):
        return None
    number, count = value_of(value), math.prod(sizes)
    if node.dtype.is_float and not _is_exact_sum(float(number), count, node.dtype):
        return None
    return broadcast_to(constant(number * count if count else 0, node.dtype), node.shape)


def _is_exact_sum(number: float, count: int, dtype: DType) -> bool:
    if not math.isfinite(number) or (number == 0 and math.copysign(1, number) < 0):
        return False
    significand = abs(number.as_integer_ratio()[0])
    while significand and significand % 2 == 0:
        significand //= 2
    is_small = abs(number) * count < 2.0**100 and (number == 0 or abs(number) > 2.0**-100)
    return is_small and significand * count <= 1 << (max(dtype.mantissa, 23) + 1)


SINGLE = (
    Rule(
        "reduce_single_elements",
        Family("reduction", REDUCTION_OPS),
        _skip_single_elements,
        "reduce(x, A) = reduce(x, A without the axes of size 1); a sum of single floats is x + 0",
    ),
    Rule(
        "scan_single_elements",
        apply(scan, x, attributes=C),
        x,
        "scan(x) = x along an axis of size 1",
        guard=lambda match: match[x].shape[match[C].axis] == 1,
    ),
)
MERGED = (
    _merge(reduction.reduce_maximum, RuleKind.EXACT),
    _merge(reduction.reduce_minimum, RuleKind.EXACT),
    _merge(reduction.reduce_sum, RuleKind.INTEGER),
    _merge(reduction.reduce_product, RuleKind.INTEGER),
)
REPEATED = (
    _extreme_of_expand(reduction.reduce_maximum),
    _extreme_of_expand(reduction.reduce_minimum),
    Rule(
        "sum_of_uniform",
        Family("reduce_sum", (reduction.reduce_sum,), every=(expand, reshape)),
        _sum_of_uniform,
        "the sum of n equal constants c is n·c, where no order of addition would round",
    ),
    _expansion_after(reduction.reduce_maximum),
    _expansion_after(reduction.reduce_minimum),
    _expansion_after(reduction.reduce_sum),
    Rule(
        "sum_of_expand",
        reduce_sum(expand_term(x, attributes=E), attributes=A),
        sum_of_expand,
        "reduce_sum(expand(x, E), A) = n · reduce_sum(x, A), with n repetitions along A",
        RuleKind.INTEGER,
    ),
    Rule(
        "sum_of_product_with_constant",
        reduce_sum(i * k, attributes=A),
        lambda match: reduce_axes(reduction.reduce_sum, match[i], match[A].axes) * match[k],
        "reduce_sum(i · k, A) = reduce_sum(i, A) · k",
        RuleKind.INTEGER,
    ),
)

REDUCTIONS = (*SINGLE, *MERGED, *REPEATED)

"""A sum of sums whose inner half is known: Σₖ p(k)·Σ_d u(d)·v(k, d) = Σ_d u(d)·Σₖ p(k)·v(k, d).

Where the graph has Σₖ p(k)·v(k, d) anyway, the left side need not walk k again. So the gradient of
a softmax, weights times their gradients summed along each row, becomes the product of attention's
output with its gradient (as in FlashAttention-2, Dao, arXiv:2307.08691). Of a softmax over a large
matrix, whose p would be computed anew for the left side (``streams.py``), the right side is cheaper
even if nobody else wants its inner half. Floats are rounded at other places than in the formula.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Shape, attributes_of
from tilegrad.ops import arithmetic
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import reshape, reshape_to
from tilegrad.ops.reduction import ReduceAttributes, reduce_sum, sum_over
from tilegrad.rewrite.graph import rebuild
from tilegrad.schedule.cost import count_elements, estimate
from tilegrad.schedule.streams import LEAST_BYTES, MOST_COLUMNS, is_shifted_exponential


class _Factor(NamedTuple):
    value: Node
    is_divisor: bool


class _Product(NamedTuple):
    """A contraction Σ_d u·v: its axis, and its factors."""

    axis: int
    first: Node
    second: Node


def exchange_sums(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes with sums of sums taken from what else the graph computes."""
    order = sort_topologically(nodes)
    sums = [node for node in order if node.op is reduce_sum]
    users: dict[Node, list[Node]] = {}
    for node in sums:
        if node.sources[0].op is arithmetic.multiply:
            for factor in node.sources[0].sources:
                users.setdefault(factor, []).append(node)
    plain = {(node.sources[0], attributes_of(node, ReduceAttributes).axes): node for node in sums}
    found = {node: new for node in sums if (new := _exchange(node, users, plain)) is not None}
    if not found:
        return list(nodes)
    done: dict[Node, Node] = {}
    # What is new comes first, so that it is made of new sums itself where one depends on another.
    for node in sort_topologically([*found.values(), *nodes]):
        new = done.get(found[node]) if node in found else None
        if new is None:
            new = rebuild(node, tuple(done[one] for one in node.sources))
        done[node] = new
    return [done[node] for node in nodes]


def _exchange(
    total: Node,
    users: Mapping[Node, Sequence[Node]],
    plain: Mapping[tuple[Node, tuple[int, ...]], Node],
) -> Node | None:
    """Return the other side of the law for a sum, if it is cheaper there.

    Args:
        total: the sum.
        users: by node, the sums of products of which it is a factor.
        plain: by node and axes, its sum along them.
    """
    (body,), axes = total.sources, attributes_of(total, ReduceAttributes).axes
    if len(axes) != 1 or body.op not in (arithmetic.multiply, arithmetic.divide, arithmetic.negate):
        return None
    factors, is_negative = _split(body)
    along = [one for one in factors if one.value.shape and one.value.shape[axes[0]] != 1]
    if len(along) != 2 or any(one.is_divisor for one in along):
        return None
    scales = [one for one in factors if one not in along]
    pair = [one.value for one in along]
    for inner, weights in (pair, pair[::-1]):
        for product in _products(inner):
            known = _find_known(product, weights, body.shape, axes[0], users)
            if known is None:
                denominator = plain.get((weights, axes))
                known = _make_known(product, weights, inner, axes[0], denominator)
            if known is not None:
                node, applied = known
                result = reshape_to(sum_over(product.first * node, (product.axis,)), total.shape)
                result = _scale(result, scales, applied)
                return result * constant(-1.0, result.dtype) if is_negative else result
    return None


def _scale(value: Node, wanted: list[_Factor], applied: list[_Factor]) -> Node:
    """Return a value times the wanted factors, of which some have been applied to it."""
    wanted = list(wanted)
    for factor in applied:
        if factor in wanted:
            wanted.remove(factor)
        else:
            wanted.append(_Factor(factor.value, not factor.is_divisor))
    for factor in wanted:
        value = value / factor.value if factor.is_divisor else value * factor.value
    return value


def _split(body: Node) -> tuple[list[_Factor], bool]:
    """Return the factors of a product, and whether it is negated."""
    factors: list[_Factor] = []
    is_negative = False
    stack = [_Factor(body, is_divisor=False)]
    while stack:
        value, is_divisor = stack.pop()
        if value.op is arithmetic.negate:
            is_negative = not is_negative
            stack.append(_Factor(value.sources[0], is_divisor))
        elif value.op is arithmetic.multiply and len(factors) + len(stack) < _MOST_FACTORS:
            stack += [_Factor(source, is_divisor) for source in value.sources]
        elif value.op is arithmetic.divide and value.sources[1].shape != value.shape:
            first, second = value.sources
            stack += [_Factor(first, is_divisor), _Factor(second, not is_divisor)]
        else:
            factors.append(_Factor(value, is_divisor))
    return factors, is_negative


_MOST_FACTORS = 8


def _products(node: Node) -> Iterator[_Product]:
    """Yield a contraction in both readings, if the node is one but for axes of size 1."""
    node = _origin(node)
    if node.op is not reduce_sum or node.sources[0].op is not arithmetic.multiply:
        return
    axes = attributes_of(node, ReduceAttributes).axes
    if len(axes) == 1:
        first, second = node.sources[0].sources
        yield _Product(axes[0], first, second)
        yield _Product(axes[0], second, first)


def _find_known(
    product: _Product,
    weights: Node,
    shape: Shape,
    axis: int,
    users: Mapping[Node, Sequence[Node]],
) -> tuple[Node, list[_Factor]] | None:
    """Return Σₖ p·v of the graph, for the v of a contraction, and by what p differs from weights.

    The latter are factors that do not depend on k.
    """
    for known in users.get(product.second, ()):
        axes = attributes_of(known, ReduceAttributes).axes
        first_factor, second_factor = known.sources[0].sources
        other = second_factor if first_factor is product.second else first_factor
        factors, is_negative = _split(_origin(other))
        along = [one for one in factors if one.value.shape == shape]
        is_same = [(one.value, one.is_divisor) for one in along] == [(weights, False)]
        if len(axes) != 1 or not is_same or is_negative:
            continue
        first = product.first.shape
        is_other_axis = axes[0] != product.axis and (not first or first[axes[0]] == 1)
        place = _count_before(shape, axis)
        is_aligned = _long(other.shape) == _long(weights.shape) == _long(shape)
        if is_other_axis and is_aligned and _count_before(other.shape, axes[0]) == place:
            return known, [one for one in factors if one not in along]
    return None


def _make_known(
    product: _Product, weights: Node, inner: Node, axis: int, total: Node | None
) -> tuple[Node, list[_Factor]] | None:
    """Return Σₖ p·v of a softmax that is worth streaming, and by what p differs from weights.

    It is scaled by the softmax's denominator, ``total``, if the graph has it: their kernel then
    computes that along with it, and all that need it read it.
    """
    is_streamed = count_elements(weights) * weights.dtype.itemsize >= LEAST_BYTES
    if not is_streamed or not is_shifted_exponential(weights, (axis,)):
        return None
    shape, second = _origin(inner).shape, product.second.shape
    place = _count_before(weights.shape, axis)
    steps = next((one for one in range(len(shape)) if _count_before(shape, one) == place), None)
    if steps is None or _long(shape) != _long(weights.shape) or len(second) != len(shape):
        return None
    first = product.first.shape
    is_product = len(first) == len(shape) and first[steps] == 1 and second[steps] == shape[steps]
    if not is_product or estimate(second[product.axis]) > MOST_COLUMNS:
        return None
    applied: list[_Factor] = []
    if total is not None:
        scale = constant(1.0, total.dtype) / total
        weights, applied = weights * scale, [_Factor(scale, is_divisor=False)]
    return sum_over(reshape_to(weights, shape) * product.second, (steps,)), applied


def _origin(node: Node) -> Node:
    """Return what a node is under another shape that differs only in axes of size 1."""
    while node.op is reshape and _long(node.shape) == _long(node.sources[0].shape):
        node = node.sources[0]
    return node


def _long(shape: Shape) -> list[object]:
    return [size for size in shape if size != 1]


def _count_before(shape: Shape, axis: int) -> float:
    """Return which of the axes with many values an axis is; NaN if it is none."""
    return len(_long(shape[:axis])) if shape[axis] != 1 else math.nan

"""Reductions: elements combined along axes, which remain with size 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy

from tilegrad.ir.dtype import DType, from_numpy
from tilegrad.ir.node import Node
from tilegrad.ir.op import Gradient, Infer, Inferred, Op, Property, Reference, attributes_of
from tilegrad.ops import symbolic
from tilegrad.ops.comparison import equal, where
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.infer import DTypeTest, check_axes, is_any, is_number, refuse_dtype
from tilegrad.ops.movement import (
    FlipAttributes,
    expand_to,
    flip,
    invert_order,
    permute_axes,
    reshape_to,
)
from tilegrad.ops.numerics import Array, round_to, silent, widen
from tilegrad.ops.scan import ScanAttributes, exclusive, scan


class ReduceAttributes(NamedTuple):
    """The axes that are combined, in increasing order."""

    axes: tuple[int, ...]


def _reduce_infer(name: str, test: DTypeTest, expected: str) -> Infer:
    def infer(sources: tuple[Node, ...], attributes: ReduceAttributes) -> Inferred:
        (source,) = sources
        check_axes(name, attributes.axes, len(source.shape))
        if not test(source.dtype):
            raise refuse_dtype(name, source, expected)
        sizes = enumerate(source.shape)
        return source.dtype, tuple(1 if i in attributes.axes else size for i, size in sizes)

    return infer


def _accumulate(combine: numpy.ufunc) -> Reference:
    @silent
    def reference(x: Array, attributes: ReduceAttributes) -> Array:
        wide = widen(x)
        total = combine.reduce(wide, attributes.axes, dtype=wide.dtype, keepdims=True)
        return round_to(total, x.dtype) if x.dtype != wide.dtype else total

    return reference


def _select(pick: numpy.ufunc, identity: Callable[[DType], int | float | bool]) -> Reference:
    @silent
    def reference(x: Array, attributes: ReduceAttributes) -> Array:
        least = identity(from_numpy(x.dtype))
        found = pick.reduce(widen(x), attributes.axes, keepdims=True, initial=least)
        return found.astype(x.dtype)

    return reference


def _sum_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    return (expand_to(upstream, node.sources[0].shape),)


def _product_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    """Each element's share is the product of all others, before it and after it."""
    (x,), axes = node.sources, attributes_of(node, ReduceAttributes).axes
    kept = tuple(axis for axis in range(len(x.shape)) if axis not in axes)
    order, last = (*kept, *axes), len(kept)
    moved = permute_axes(x, order)
    size = symbolic.multiply_all(moved.shape[last:])
    row = reshape_to(moved, (*moved.shape[:last], size))
    reverse = FlipAttributes((last,))
    running = ScanAttributes(last, "multiply")
    before = exclusive(scan(row, attributes=running), last)
    backward = scan(flip(row, attributes=reverse), attributes=running)
    after = flip(exclusive(backward, last), attributes=reverse)
    others = permute_axes(reshape_to(before * after, moved.shape), invert_order(order))
    return (upstream * others,)


def _extreme_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    """Beside a NaN nothing equals the result: the count is 0, and all gradients are NaN."""
    wins = equal(node.sources[0], node)
    count = reduce_sum(cast_to(wins, upstream.dtype), attributes=node.attributes)
    share = upstream / count
    return (where(wins, share, share * 0),)


def _define(
    name: str,
    documentation: str,
    infer: Infer,
    reference: Reference,
    gradient: Gradient,
) -> Op:
    return Op(
        name,
        documentation,
        1,
        infer,
        attributes=ReduceAttributes,
        reference=reference,
        gradient=gradient,
        properties=Property.REDUCTION,
    )


reduce_sum = _define(
    "reduce_sum",
    "The sum along axes; 0 of nothing. Floats narrower than 32 bits accumulate in float32 and are "
    "rounded once; the order of addition is not specified.",
    _reduce_infer("reduce_sum", is_number, "a number"),
    _accumulate(numpy.add),
    _sum_gradient,
)
reduce_product = _define(
    "reduce_product",
    "The product along axes; 1 of nothing. Floats narrower than 32 bits accumulate in float32 and "
    "are rounded once; the order of multiplication is not specified.",
    _reduce_infer("reduce_product", is_number, "a number"),
    _accumulate(numpy.multiply),
    _product_gradient,
)
reduce_maximum = _define(
    "reduce_maximum",
    "The greatest element along axes, NaN if there is one, of bools whether any is True; of "
    "nothing, the dtype's least value. Equal elements share the gradient evenly.",
    _reduce_infer("reduce_maximum", is_any, "a dtype with values"),
    _select(numpy.maximum, lambda dtype: dtype.minimum),
    _extreme_gradient,
)
reduce_minimum = _define(
    "reduce_minimum",
    "The least element along axes, NaN if there is one, of bools whether all are True; of "
    "nothing, the dtype's greatest value. Equal elements share the gradient evenly.",
    _reduce_infer("reduce_minimum", is_any, "a dtype with values"),
    _select(numpy.minimum, lambda dtype: dtype.maximum),
    _extreme_gradient,
)

KINDS: dict[Op, str] = {
    reduce_sum: "add",
    reduce_product: "multiply",
    reduce_maximum: "maximum",
    reduce_minimum: "minimum",
}
"""How each reduction combines, as ``reduce_over``, scans and atomics call it."""


def sum_over(node: Node, axes: tuple[int, ...]) -> Node:
    """Return the sum along axes, which remain with size 1; the node itself if there are none."""
    return reduce_sum(node, attributes=ReduceAttributes(axes)) if axes else node

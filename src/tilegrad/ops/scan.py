"""Cumulative sums, products, maxima and minima along an axis."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tilegrad.base.errors import DTypeError
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, attributes_of
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.bits import bitwise_or
from tilegrad.ops.bounds import bounds
from tilegrad.ops.comparison import equal, is_nan, where
from tilegrad.ops.elementwise import zero
from tilegrad.ops.indexing import indices_along, scatter_into
from tilegrad.ops.infer import check_axes, is_number
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    FlipAttributes,
    concatenate,
    filled,
    flip,
    pad_with,
    shrink_to,
)
from tilegrad.ops.numerics import COMBINE, Array, round_to, silent, widen
from tilegrad.ops.positions import position_along

Kind = Literal["add", "multiply", "maximum", "minimum"]


class ScanAttributes(NamedTuple):
    """The axis, and how elements combine."""

    axis: int
    kind: Kind


def _infer_scan(sources: tuple[Node, ...], attributes: ScanAttributes) -> Inferred:
    (source,) = sources
    check_axes("scan", (attributes.axis,), len(source.shape))
    if attributes.kind in ("add", "multiply") and not is_number(source.dtype):
        raise DTypeError(
            f"scan: bools do not {attributes.kind}", got=source.dtype.name, expected="a number"
        )
    return source.dtype, source.shape


@silent
def _scan_reference(x: Array, attributes: ScanAttributes) -> Array:
    wide = widen(x)
    result = COMBINE[attributes.kind].accumulate(wide, attributes.axis, dtype=wide.dtype)
    is_exact = attributes.kind in ("maximum", "minimum")
    return result.astype(x.dtype) if is_exact else round_to(result, x.dtype)


def _scan_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    kind = attributes_of(node, ScanAttributes).kind
    rule = {"add": _scan_add_gradient, "multiply": _scan_multiply_gradient}
    return (rule.get(kind, _scan_extreme_gradient)(node, upstream),)


def _scan_add_gradient(node: Node, upstream: Node) -> Node:
    """The adjoint of a running sum is the running sum from the other end."""
    reverse = FlipAttributes((attributes_of(node, ScanAttributes).axis,))
    summed = scan(flip(upstream, attributes=reverse), attributes=node.attributes)
    return flip(summed, attributes=reverse)


def _scan_multiply_gradient(node: Node, upstream: Node) -> Node:
    """The product of what comes before i, times Sᵢ = uᵢ + xᵢ₊₁ Sᵢ₊₁; it never divides by a zero.

    The recurrence is solved by doubling: after each step Sᵢ = bᵢ + aᵢ Sᵢ₊ₛ with s twice as long.
    """
    axis = attributes_of(node, ScanAttributes).axis
    size = node.shape[axis]
    slope, total, step = _shift_left(node.sources[0], axis, 1), upstream, 1
    while step < bounds(size)[1]:
        total = total + slope * _shift_left(total, axis, step)
        slope = slope * _shift_left(slope, axis, step)
        step *= 2
    return total * exclusive(node, axis)


def _shift_left(node: Node, axis: int, step: int) -> Node:
    """Return node[.., i + step, ..], with zeros from beyond the end."""
    size = node.shape[axis]
    start = symbolic.minimum(step, size)
    kept: list[tuple[Index, Index]] = [(0, extent) for extent in node.shape]
    padding: list[tuple[Index, Index]] = [(0, 0)] * len(node.shape)
    kept[axis], padding[axis] = (start, size), (0, start)
    return pad_with(shrink_to(node, tuple(kept)), tuple(padding))


def exclusive(product: Node, axis: int) -> Node:
    """Return running products moved one place along: each without its own element."""
    size = product.shape[axis]
    if size == 0:
        return product
    kept: list[tuple[Index, Index]] = [(0, extent) for extent in product.shape]
    kept[axis] = (0, symbolic.add(size, -1))
    one = filled(1, product.dtype, (*product.shape[:axis], 1, *product.shape[axis + 1 :]))
    rest = shrink_to(product, tuple(kept))
    return concatenate(one, rest, attributes=ConcatenateAttributes(axis))


def _scan_extreme_gradient(node: Node, upstream: Node) -> Node:
    """Each result's gradient goes to the last element up to there that attains it."""
    (x,), axis = node.sources, attributes_of(node, ScanAttributes).axis
    here = position_along(node.shape, axis)
    attains = bitwise_or(equal(x, node), is_nan(x))
    holder = scan(
        where(attains, here, zero(here.dtype)), attributes=ScanAttributes(axis, "maximum")
    )
    base, every = filled(0, upstream.dtype, node.shape), tuple(range(len(node.shape)))
    return scatter_into(base, upstream, indices_along(holder, axis), every, "add")


scan = Op(
    "scan",
    "result[.., i at axis, ..] combines x[.., 0 to i, ..] by add, multiply, maximum or minimum. "
    "Floats narrower than 32 bits accumulate in float32.",
    1,
    _infer_scan,
    attributes=ScanAttributes,
    reference=_scan_reference,
    gradient=_scan_gradient,
)

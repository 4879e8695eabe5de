"""The kernel dialect: what the scheduler makes, scalar expressions over named axes.

A kernel is a set of stores. Every value in it is a scalar (shape ``()``) that depends on the axes
free in it; a reduction binds its axes as a lambda binds its variables. Loads name a flat,
contiguous buffer and an offset. Nothing says yet in which order or on which unit anything runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Inferred, Property, attributes_of
from tilegrad.ops import memory
from tilegrad.ops.affine import Index, as_index
from tilegrad.ops.compiler_ops import compiler_op

Axes = frozenset[Node]
NO_AXES: Axes = frozenset()


class AxisAttributes(NamedTuple):
    """Name, unique among the axes in scope, and extent (None if symbolic: then it is a source).

    What is stored has axes i0, i1, ..., and reductions bind r0, r1, ...
    """

    name: str
    extent: int | None


class ReduceOverAttributes(NamedTuple):
    """How values are combined: add, multiply, maximum or minimum."""

    kind: str


_ADD = ReduceOverAttributes("add")


def _infer_axis(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    del sources, attributes
    return dtypes.index, ()


def _check_axes(name: str, axes: Sequence[Node]) -> None:
    for node in axes:
        if node.op is not axis:
            raise VerifyError(f"{name} binds axes", got=node, expected="axis nodes")


def _infer_reduce_over(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    del attributes
    body, *axes = sources
    _check_axes("reduce_over", axes)
    return body.dtype, ()


def _infer_exponential_sum(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    del attributes
    exponent, weight, *axes = sources
    _check_axes("exponential_sum", axes)
    if exponent.dtype is not weight.dtype:
        raise VerifyError("exponential_sum: the dtypes differ", got=(exponent, weight))
    return exponent.dtype, ()


def _infer_kernel(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    del attributes
    for node in sources:
        if node.op is not memory.store:
            raise VerifyError("a kernel is made of stores", got=node)
    return dtypes.void, ()


axis = compiler_op(
    "axis",
    "An integer that runs from 0 to extent − 1.",
    None,
    _infer_axis,
    AxisAttributes,
)
reduce_over = compiler_op(
    "reduce_over",
    "The combination of the body over all values of the bound axes.",
    None,
    _infer_reduce_over,
    ReduceOverAttributes,
)
exponential_sum = compiler_op(
    "exponential_sum",
    "Σ exp(exponent − max exponent) · weight over all values of the bound axes, in one pass.",
    None,
    _infer_exponential_sum,
)
kernel = compiler_op(
    "kernel",
    "Stores for every value of their free axes; in no order.",
    None,
    _infer_kernel,
    properties=Property.EFFECT,
)


def make_axis(name: str, extent: Index) -> Node:
    """Return the axis called ``name`` with an int or symbolic extent."""
    if isinstance(extent, int):
        return axis(attributes=AxisAttributes(name, extent))
    return axis(extent, attributes=AxisAttributes(name, None))


def make_sum(body: Node, *axes: Node) -> Node:
    """Return the sum of a body over axes."""
    return reduce_over(body, *axes, attributes=_ADD)


def is_sum(node: Node) -> bool:
    """Whether a node is the sum of a body over axes."""
    return node.op is reduce_over and node.attributes == _ADD


def binds(node: Node) -> tuple[Node, ...]:
    """Return the axes that a reduction binds; none for other ops."""
    if node.op is reduce_over:
        return node.sources[1:]
    return node.sources[2:] if node.op is exponential_sum else ()


def free_axes(node: Node, known: Mapping[Node, Axes]) -> Axes:
    """Return the axes that a node depends on, by those that its sources do."""
    if node.op is axis:
        return frozenset((node,))
    return NO_AXES.union(*(known[source] for source in node.sources)).difference(binds(node))


def find_free(root: Node) -> dict[Node, Axes]:
    """Return the axes that each node of an expression or a kernel depends on."""
    free: dict[Node, Axes] = {}
    for node in sort_topologically([root]):
        free[node] = free_axes(node, free)
    return free


def kind_of(node: Node) -> str:
    """Return how a ``reduce_over`` combines."""
    return attributes_of(node, ReduceOverAttributes).kind


def name_of(node: Node) -> str:
    """Return the name of an axis."""
    return attributes_of(node, AxisAttributes).name


def number_of(node: Node) -> int:
    """Return the number in the name of an axis: 2 of ``i2``."""
    return int(name_of(node)[1:])


def next_number(axes: Iterable[Node]) -> int:
    """Return the least number above those of the axes among these that reductions bind."""
    return 1 + max((number_of(one) for one in axes if name_of(one)[0] == "r"), default=-1)


def extent_of(node: Node) -> Index:
    """Return the extent of an axis."""
    extent = attributes_of(node, AxisAttributes).extent
    return as_index(node.sources[0]) if extent is None else extent


def check_shapes(order: Sequence[Node]) -> None:
    """Raise VerifyError if a value is not a scalar."""
    for node in order:
        if node.shape:
            raise VerifyError("values in a kernel are scalars", got=node, expected="shape ()")

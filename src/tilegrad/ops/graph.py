"""Ops that shape the graph rather than compute: materialise, stop gradients, write, copy, call."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from tilegrad.base.errors import ArgumentError, DTypeError, OutOfRangeError, ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, NotDifferentiable, Op, Shape, attributes_of
from tilegrad.ops.elementwise import has_zero_gradient
from tilegrad.ops.infer import infer_same
from tilegrad.ops.leaves import BufferAttributes, buffer
from tilegrad.ops.numerics import Array, unchanged


class CopyAttributes(NamedTuple):
    """Name of the device to copy to."""

    device: str


CallGradient = Callable[[Node, Sequence[Node | None]], Sequence[Node | None]]
"""From a call and the gradients of its results to those of its sources; None stands for zero."""


class CallAttributes(NamedTuple):
    """What is called.

    Attributes:
        program: a tile program whose inputs are the sources and whose outputs are the results.
        results: dtype and shape of each of them.
        gradient: its rule, hashable; None if there is none.
    """

    program: Hashable
    results: tuple[tuple[DType, Shape], ...]
    gradient: CallGradient | None = None


class ResultAttributes(NamedTuple):
    """Which of several results is meant."""

    index: int


contiguous = Op(
    "contiguous",
    "x itself, computed once and laid out in memory row by row.",
    1,
    infer_same,
    reference=unchanged,
    gradient=lambda _, upstream: (upstream,),
)
detach = Op(
    "detach",
    "x itself, with a gradient of zero.",
    1,
    infer_same,
    reference=unchanged,
    gradient=has_zero_gradient,
)


def _infer_assign(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    target, value = sources
    if target.op is not buffer:
        raise ArgumentError("assign: only a realised tensor can be written", got=target)
    if target.dtype is not value.dtype:
        raise DTypeError(
            "assign: the dtypes differ", got=value.dtype.name, expected=target.dtype.name
        )
    if target.shape != value.shape:
        raise ShapeError("assign: the shapes differ", got=value.shape, expected=target.shape)
    return value.dtype, value.shape


def _assign_reference(target: Array, value: Array) -> Array:
    del target
    return value


assign = Op(
    "assign",
    "The value, written into the target's storage in place of what was there.",
    2,
    _infer_assign,
    reference=_assign_reference,
    gradient=lambda _, upstream: (None, upstream),
)


def _copy_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    device = find_device(node.sources[0])
    return (upstream if device is None else copy(upstream, attributes=CopyAttributes(device)),)


copy = Op(
    "copy",
    "x on another device.",
    1,
    infer_same,
    attributes=CopyAttributes,
    reference=unchanged,
    gradient=_copy_gradient,
)


def find_device(node: Node) -> str | None:
    """Return the name of the device that a tensor is computed on, or None if any would do."""
    seen: set[Node] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        if current.op is copy:
            return attributes_of(current, CopyAttributes).device
        if current.op is buffer:
            return attributes_of(current, BufferAttributes).storage.device
        stack.extend(current.sources)
    return None


_OPAQUE = NotDifferentiable("a hand-written kernel brings its own gradient, or has none")


def _infer_call(sources: tuple[Node, ...], attributes: CallAttributes) -> Inferred:
    del sources, attributes
    return dtypes.void, ()


call = Op(
    "call",
    "A hand-written kernel applied to tensors; its results are taken by result.",
    None,
    _infer_call,
    attributes=CallAttributes,
    gradient=_OPAQUE,
)


def _infer_result(sources: tuple[Node, ...], attributes: ResultAttributes) -> Inferred:
    results = attributes_of(sources[0], CallAttributes).results
    if not 0 <= attributes.index < len(results):
        raise OutOfRangeError(
            "result: there is no such result",
            got=attributes.index,
            expected=f"0 to {len(results) - 1}",
        )
    return results[attributes.index]


result = Op(
    "result",
    "One of the results of a call.",
    1,
    _infer_result,
    attributes=ResultAttributes,
    gradient=_OPAQUE,
)

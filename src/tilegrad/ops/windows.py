"""Strided and dilated windows, and their adjoint: what convolution and pooling are made of.

A sliding window is a new axis, expanded to the window's size, and a slide along it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Property, Shape, attributes_of
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.infer import check_axes, known_sizes
from tilegrad.ops.numerics import Array


class SlideAttributes(NamedTuple):
    """Where windows lie.

    Attributes:
        axis: the axis that is sampled.
        along: the axis whose position shifts the samples, or None (then ``dilation`` is 0).
        size: size of the result at ``axis``.
        stride: distance between consecutive samples, 1 or more.
        dilation: shift per position of ``along``, 0 or more.
    """

    axis: int
    along: int | None
    size: Index
    stride: int
    dilation: int


class UnslideAttributes(NamedTuple):
    """As in ``SlideAttributes``; ``size`` is that of the result at ``axis``."""

    axis: int
    along: int | None
    size: Index
    stride: int
    dilation: int


Windows = SlideAttributes | UnslideAttributes


def _check(name: str, source: Node, attributes: Windows, samples: Index, extent: Index) -> None:
    axis, along, size, stride, dilation = attributes
    check_axes(name, (axis,), len(source.shape))
    if along is not None:
        check_axes(name, (along,), len(source.shape))
    is_unfit = along == axis or (along is None and dilation != 0)
    if is_unfit or stride < 1 or dilation < 0 or (isinstance(size, int) and size < 0):
        raise ArgumentError(
            f"{name}: these windows make no sense",
            got=attributes,
            expected="stride ≥ 1, dilation ≥ 0 (0 if there is no other axis), two different axes",
        )
    steps: Index = 1 if along is None else source.shape[along]
    if samples == 0 or steps == 0:
        return
    last = symbolic.add(
        symbolic.multiply(symbolic.add(samples, -1), stride),
        symbolic.multiply(symbolic.add(steps, -1), dilation),
    )
    if symbolic.less(last, extent) is False:
        raise ShapeError(
            f"{name}: the windows reach beyond the tensor",
            got=f"last position {last} of {extent}",
            expected=f"a position below {extent}",
        )


def _replace(shape: Shape, axis: int, size: Index) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _infer_slide(sources: tuple[Node, ...], attributes: SlideAttributes) -> Inferred:
    (source,) = sources
    check_axes("slide", (attributes.axis,), len(source.shape))
    _check("slide", source, attributes, attributes.size, source.shape[attributes.axis])
    return source.dtype, _replace(source.shape, attributes.axis, attributes.size)


def _infer_unslide(sources: tuple[Node, ...], attributes: UnslideAttributes) -> Inferred:
    (source,) = sources
    check_axes("unslide", (attributes.axis,), len(source.shape))
    _check("unslide", source, attributes, source.shape[attributes.axis], attributes.size)
    return source.dtype, _replace(source.shape, attributes.axis, attributes.size)


def _positions(shape: tuple[int, ...], attributes: Windows) -> tuple[Array, ...]:
    """Return index arrays for the sampled tensor, one per axis, broadcasting to ``shape``."""
    grid = list(numpy.ogrid[tuple(slice(size) for size in shape)])
    shift = 0 if attributes.along is None else grid[attributes.along] * attributes.dilation
    grid[attributes.axis] = grid[attributes.axis] * attributes.stride + shift
    return tuple(grid)


def _slide_reference(x: Array, attributes: SlideAttributes) -> Array:
    shape = known_sizes(_replace(x.shape, attributes.axis, attributes.size))
    return x[_positions(shape, attributes)]


def _unslide_reference(x: Array, attributes: UnslideAttributes) -> Array:
    shape = known_sizes(_replace(x.shape, attributes.axis, attributes.size))
    result = numpy.zeros(shape, x.dtype)
    result[_positions(x.shape, attributes)] = x
    return result


def _slide_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    axis, along, _, stride, dilation = attributes_of(node, SlideAttributes)
    size = node.sources[0].shape[axis]
    return (unslide(upstream, attributes=UnslideAttributes(axis, along, size, stride, dilation)),)


def _unslide_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    axis, along, _, stride, dilation = attributes_of(node, UnslideAttributes)
    size = node.sources[0].shape[axis]
    return (slide(upstream, attributes=SlideAttributes(axis, along, size, stride, dilation)),)


slide = Op(
    "slide",
    "result[.., o at axis, .., k at along, ..] = x[.., o·stride + k·dilation, .., k, ..]: windows "
    "of a tensor, or every stride-th element where along is None.",
    1,
    _infer_slide,
    attributes=SlideAttributes,
    reference=_slide_reference,
    gradient=_slide_gradient,
    properties=Property.MOVEMENT,
)
unslide = Op(
    "unslide",
    "The adjoint of slide: result[.., i at axis, .., k at along, ..] = "
    "x[.., (i - k·dilation) / stride, .., k, ..] where that is a position of x, else 0.",
    1,
    _infer_unslide,
    attributes=UnslideAttributes,
    reference=_unslide_reference,
    gradient=_unslide_gradient,
    properties=Property.MOVEMENT,
)

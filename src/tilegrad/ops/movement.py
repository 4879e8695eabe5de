"""Movement ops: the same elements in another order or shape, repeated, dropped or among zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from tilegrad.base.errors import DTypeError, OutOfRangeError, ShapeError
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Property, Shape, attributes_of
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.infer import check_axes, check_rank, known_sizes
from tilegrad.ops.leaves import Number, constant
from tilegrad.ops.numerics import Array


class ReshapeAttributes(NamedTuple):
    """The new shape."""

    shape: Shape


class PermuteAttributes(NamedTuple):
    """Axis ``order[i]`` of the source becomes axis i of the result."""

    order: tuple[int, ...]


class ExpandAttributes(NamedTuple):
    """The new shape, which differs only where the source's size is 1."""

    shape: Shape


class PadAttributes(NamedTuple):
    """How many zeros to put before and after, per axis."""

    padding: tuple[tuple[Index, Index], ...]


class ShrinkAttributes(NamedTuple):
    """First position kept and first position no longer kept, per axis."""

    bounds: tuple[tuple[Index, Index], ...]


class FlipAttributes(NamedTuple):
    """The axes to reverse, in increasing order."""

    axes: tuple[int, ...]


class ConcatenateAttributes(NamedTuple):
    """The axis along which the sources follow each other."""

    axis: int


def _infer_reshape(sources: tuple[Node, ...], attributes: ReshapeAttributes) -> Inferred:
    (source,) = sources
    before, after = symbolic.multiply_all(source.shape), symbolic.multiply_all(attributes.shape)
    is_negative = any(isinstance(size, int) and size < 0 for size in attributes.shape)
    if is_negative or symbolic.equal(before, after) is False:
        raise ShapeError(
            "reshape: the number of elements differs",
            got=f"{source.shape} to {attributes.shape}",
            expected=f"{before} elements",
        )
    return source.dtype, attributes.shape


def _reshape_reference(x: Array, attributes: ReshapeAttributes) -> Array:
    return x.reshape(known_sizes(attributes.shape))


reshape = Op(
    "reshape",
    "The same elements in row-major order under another shape.",
    1,
    _infer_reshape,
    attributes=ReshapeAttributes,
    reference=_reshape_reference,
    gradient=lambda node, upstream: (reshape_to(upstream, node.sources[0].shape),),
    properties=Property.MOVEMENT,
)


def reshape_to(node: Node, shape: Shape) -> Node:
    """Return the node under another shape; itself if it has that shape."""
    return node if node.shape == shape else reshape(node, attributes=ReshapeAttributes(shape))


def _infer_permute(sources: tuple[Node, ...], attributes: PermuteAttributes) -> Inferred:
    (source,) = sources
    if sorted(attributes.order) != list(range(len(source.shape))):
        raise ShapeError(
            "permute: the order must name every axis once",
            got=attributes.order,
            expected=f"a permutation of {tuple(range(len(source.shape)))}",
        )
    return source.dtype, tuple(source.shape[axis] for axis in attributes.order)


def _permute_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    return (permute_axes(upstream, invert_order(attributes_of(node, PermuteAttributes).order)),)


def _permute_reference(x: Array, attributes: PermuteAttributes) -> Array:
    return x.transpose(attributes.order)


permute = Op(
    "permute",
    "The axes in another order.",
    1,
    _infer_permute,
    attributes=PermuteAttributes,
    reference=_permute_reference,
    gradient=_permute_gradient,
    properties=Property.MOVEMENT,
)


def invert_order(order: Sequence[int]) -> tuple[int, ...]:
    """Return the order that undoes a permutation of axes."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def permute_axes(node: Node, order: Sequence[int]) -> Node:
    """Return the node with its axes in another order; itself if the order is the same."""
    if list(order) == list(range(len(order))):
        return node
    return permute(node, attributes=PermuteAttributes(tuple(order)))


def _infer_expand(sources: tuple[Node, ...], attributes: ExpandAttributes) -> Inferred:
    (source,) = sources
    check_rank("expand", len(attributes.shape), source)
    for before, after in zip(source.shape, attributes.shape, strict=True):
        if before != 1 and symbolic.equal(before, after) is False:
            raise ShapeError(
                "expand: only axes of size 1 can grow",
                got=f"{source.shape} to {attributes.shape}",
            )
    return source.dtype, attributes.shape


def _expand_reference(x: Array, attributes: ExpandAttributes) -> Array:
    return numpy.broadcast_to(x, known_sizes(attributes.shape))


expand = Op(
    "expand",
    "Axes of size 1 repeated.",
    1,
    _infer_expand,
    attributes=ExpandAttributes,
    reference=_expand_reference,
    gradient=lambda _, upstream: (upstream,),
    properties=Property.MOVEMENT,
)


def expand_to(node: Node, shape: Shape) -> Node:
    """Return the node with axes of size 1 grown to ``shape``; itself if nothing grows."""
    return node if node.shape == shape else expand(node, attributes=ExpandAttributes(shape))


def filled(value: Number, dtype: DType, shape: Shape) -> Node:
    """Return a tensor of one value."""
    return expand_to(reshape_to(constant(value, dtype), (1,) * len(shape)), shape)


def _infer_pad(sources: tuple[Node, ...], attributes: PadAttributes) -> Inferred:
    (source,) = sources
    check_rank("pad", len(attributes.padding), source)
    if any(symbolic.less(count, 0) is True for pair in attributes.padding for count in pair):
        raise ShapeError("pad: a negative padding", got=attributes.padding, expected="0 or more")
    return source.dtype, _padded_shape(source.shape, attributes)


def _padded_shape(shape: Shape, attributes: PadAttributes) -> Shape:
    sizes = zip(shape, attributes.padding, strict=True)
    return tuple(symbolic.add(size, *padding) for size, padding in sizes)


def _pad_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    padding = attributes_of(node, PadAttributes).padding
    return (
        shrink_to(
            upstream,
            tuple(
                (before, symbolic.add(before, size))
                for (before, _), size in zip(padding, node.sources[0].shape, strict=True)
            ),
        ),
    )


def _pad_reference(x: Array, attributes: PadAttributes) -> Array:
    result = numpy.zeros(known_sizes(_padded_shape(x.shape, attributes)), x.dtype)
    inner = zip(attributes.padding, x.shape, strict=True)
    result[tuple(slice(before, before + size) for (before, _), size in inner)] = x
    return result


pad = Op(
    "pad",
    "Zeros (False) put before and after, along each axis.",
    1,
    _infer_pad,
    attributes=PadAttributes,
    reference=_pad_reference,
    gradient=_pad_gradient,
    properties=Property.MOVEMENT,
)


def pad_with(node: Node, padding: tuple[tuple[Index, Index], ...]) -> Node:
    """Return the node with zeros around it; itself if there are none to put."""
    if all(pair == (0, 0) for pair in padding):
        return node
    return pad(node, attributes=PadAttributes(padding))


def _infer_shrink(sources: tuple[Node, ...], attributes: ShrinkAttributes) -> Inferred:
    (source,) = sources
    check_rank("shrink", len(attributes.bounds), source)
    for size, (start, stop) in zip(source.shape, attributes.bounds, strict=True):
        is_outside = symbolic.less(start, 0) is True or symbolic.less(size, stop) is True
        if is_outside or symbolic.less(stop, start) is True:
            raise OutOfRangeError(
                "shrink: the bounds lie outside the tensor",
                got=attributes.bounds,
                expected=f"0 ≤ start ≤ stop ≤ size for shape {source.shape}",
            )
    return source.dtype, tuple(symbolic.subtract(stop, start) for start, stop in attributes.bounds)


def _shrink_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    bounds = attributes_of(node, ShrinkAttributes).bounds
    sizes = zip(bounds, node.sources[0].shape, strict=True)
    padding = tuple((start, symbolic.subtract(size, stop)) for (start, stop), size in sizes)
    return (pad_with(upstream, padding),)


def _shrink_reference(x: Array, attributes: ShrinkAttributes) -> Array:
    return x[tuple(slice(*pair) for pair in attributes.bounds)]


shrink = Op(
    "shrink",
    "The elements between two positions along each axis.",
    1,
    _infer_shrink,
    attributes=ShrinkAttributes,
    reference=_shrink_reference,
    gradient=_shrink_gradient,
    properties=Property.MOVEMENT,
)


def shrink_to(node: Node, bounds: tuple[tuple[Index, Index], ...]) -> Node:
    """Return the elements within bounds; the node itself if that is all of them."""
    if all(pair == (0, size) for pair, size in zip(bounds, node.shape, strict=True)):
        return node
    return shrink(node, attributes=ShrinkAttributes(bounds))


def _infer_flip(sources: tuple[Node, ...], attributes: FlipAttributes) -> Inferred:
    check_axes("flip", attributes.axes, len(sources[0].shape))
    return sources[0].dtype, sources[0].shape


def _flip_reference(x: Array, attributes: FlipAttributes) -> Array:
    return numpy.flip(x, attributes.axes)


flip = Op(
    "flip",
    "Axes reversed.",
    1,
    _infer_flip,
    attributes=FlipAttributes,
    reference=_flip_reference,
    gradient=lambda node, upstream: (flip(upstream, attributes=node.attributes),),
    properties=Property.MOVEMENT | Property.INVOLUTION,
)


def _infer_concatenate(sources: tuple[Node, ...], attributes: ConcatenateAttributes) -> Inferred:
    if not sources:
        raise ShapeError("concatenate: nothing to concatenate", expected="at least one source")
    first, axis = sources[0], attributes.axis
    check_axes("concatenate", (axis,), len(first.shape))
    for source in sources:
        if source.dtype is not first.dtype:
            raise DTypeError(
                "concatenate: the dtypes differ",
                got=f"{first.dtype.name} and {source.dtype.name}",
                expected="one dtype; cast the sources",
            )
        others = source.shape[:axis] + source.shape[axis + 1 :]
        is_same_rank = len(source.shape) == len(first.shape)
        if not is_same_rank or others != first.shape[:axis] + first.shape[axis + 1 :]:
            raise ShapeError(
                f"concatenate: the shapes differ elsewhere than at axis {axis}",
                got=f"{first.shape} and {source.shape}",
            )
    size = symbolic.add(*(source.shape[axis] for source in sources))
    return first.dtype, (*first.shape[:axis], size, *first.shape[axis + 1 :])


def _concatenate_reference(*arguments: Any) -> Array:
    *arrays, attributes = arguments
    return numpy.concatenate(arrays, attributes.axis)


def _concatenate_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    axis = attributes_of(node, ConcatenateAttributes).axis
    whole: list[tuple[Index, Index]] = [(0, size) for size in node.shape]
    parts: list[Node] = []
    start: Index = 0
    for source in node.sources:
        stop = symbolic.add(start, source.shape[axis])
        whole[axis] = (start, stop)
        parts.append(shrink_to(upstream, tuple(whole)))
        start = stop
    return tuple(parts)


concatenate = Op(
    "concatenate",
    "The sources one after the other along an axis.",
    None,
    _infer_concatenate,
    attributes=ConcatenateAttributes,
    reference=_concatenate_reference,
    gradient=_concatenate_gradient,
    properties=Property.MOVEMENT,
)

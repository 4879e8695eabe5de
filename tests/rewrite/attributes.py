"""Random attribute records that fit given sources, for every op that has attributes."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import strategies as st

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import STORABLE
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, Property
from tilegrad.ops import conversion
from tilegrad.ops.conversion import CastAttributes
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    ExpandAttributes,
    FlipAttributes,
    PadAttributes,
    PermuteAttributes,
    ReshapeAttributes,
    ShrinkAttributes,
)
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.ops.scan import ScanAttributes
from tilegrad.ops.windows import SlideAttributes, UnslideAttributes

Draw = Callable[[st.SearchStrategy], object]


def draw_attributes(draw: Draw, op: Op, sources: tuple[Node, ...]) -> object:
    """Return a random record for an op over sources, or None if it takes none.

    Raises:
        ShapeError: the op acts along axes, and a scalar has none.
    """
    if op.attributes is None:
        return None
    if op.properties & (Property.MOVEMENT | Property.REDUCTION) and not sources[0].shape:
        raise ShapeError("a scalar has no axes to move or to reduce")
    if op is conversion.bitcast:
        return _bitcast(draw, sources[0])
    return _DRAWN[op.attributes](draw, sources[0])


def _cast(draw: Draw, source: Node) -> CastAttributes:
    same = [source.dtype] if draw(st.integers(0, 4)) == 0 else STORABLE
    return CastAttributes(draw(st.sampled_from(same)))


def _bitcast(draw: Draw, source: Node) -> CastAttributes:
    same = [dtype for dtype in STORABLE if dtype.bits == source.dtype.bits]
    return CastAttributes(draw(st.sampled_from([source.dtype, *same])))


def _reshape(draw: Draw, source: Node) -> ReshapeAttributes:
    sizes = list(source.shape)
    style = draw(st.integers(0, 4))
    if style == 0:
        return ReshapeAttributes(source.shape)
    if style == 1:
        return ReshapeAttributes((math.prod(sizes),))
    if style == 2 and len(sizes) > 1:
        return ReshapeAttributes((sizes[0] * sizes[1], *sizes[2:]))
    kept = [size for size in sizes if size != 1]
    for _ in range(draw(st.integers(0, 2))):
        kept.insert(draw(st.integers(0, len(kept))), 1)
    return ReshapeAttributes(tuple(kept))


def _permute(draw: Draw, source: Node) -> PermuteAttributes:
    return PermuteAttributes(tuple(draw(st.permutations(range(len(source.shape))))))


def _expand(draw: Draw, source: Node) -> ExpandAttributes:
    grown = [draw(st.integers(0, 4)) if size == 1 else size for size in source.shape]
    return ExpandAttributes(tuple(grown))


def _pad(draw: Draw, source: Node) -> PadAttributes:
    amounts = st.sampled_from((0, 0, 1, 2))
    return PadAttributes(tuple((draw(amounts), draw(amounts)) for _ in source.shape))


def _shrink(draw: Draw, source: Node) -> ShrinkAttributes:
    bounds = []
    for size in source.shape:
        start = draw(st.integers(0, size))
        pair = (start, draw(st.integers(start, size)))
        bounds.append((0, size) if draw(st.booleans()) else pair)
    return ShrinkAttributes(tuple(bounds))


def _axes(draw: Draw, source: Node) -> tuple[int, ...]:
    return tuple(axis for axis in range(len(source.shape)) if draw(st.booleans()))


def _concatenate(draw: Draw, source: Node) -> ConcatenateAttributes:
    return ConcatenateAttributes(draw(st.integers(0, len(source.shape) - 1)))


def _scan(draw: Draw, source: Node) -> ScanAttributes:
    kinds = ("maximum", "minimum", *(() if source.dtype.is_boolean else ("add", "multiply")))
    axis = draw(st.integers(0, len(source.shape) - 1))
    return ScanAttributes(axis, draw(st.sampled_from(kinds)))


def _windows(draw: Draw, source: Node) -> tuple[int, int | None, int, int]:
    rank = len(source.shape)
    axis = draw(st.integers(0, rank - 1))
    others = [other for other in range(rank) if other != axis and source.shape[other] > 0]
    along = draw(st.sampled_from([None, *others]))
    stride = draw(st.integers(1, 2))
    return axis, along, stride, 0 if along is None else draw(st.integers(0, 1))


def _slide(draw: Draw, source: Node) -> SlideAttributes:
    axis, along, stride, dilation = _windows(draw, source)
    size = source.shape[axis]
    reach = 0 if along is None else (source.shape[along] - 1) * dilation
    most = max(0, (size - 1 - reach) // stride + 1)
    return SlideAttributes(axis, along, draw(st.sampled_from((most, most // 2))), stride, dilation)


def _unslide(draw: Draw, source: Node) -> UnslideAttributes:
    axis, along, stride, dilation = _windows(draw, source)
    reach = 0 if along is None else (source.shape[along] - 1) * dilation
    least = max(0, source.shape[axis] - 1) * stride + reach + 1
    return UnslideAttributes(axis, along, least + draw(st.integers(0, 1)), stride, dilation)


_DRAWN: dict[type, Callable[[Draw, Node], object]] = {
    CastAttributes: _cast,
    ReshapeAttributes: _reshape,
    PermuteAttributes: _permute,
    ExpandAttributes: _expand,
    PadAttributes: _pad,
    ShrinkAttributes: _shrink,
    FlipAttributes: lambda draw, source: FlipAttributes(_axes(draw, source)),
    ReduceAttributes: lambda draw, source: ReduceAttributes(_axes(draw, source)),
    ConcatenateAttributes: _concatenate,
    ScanAttributes: _scan,
    SlideAttributes: _slide,
    UnslideAttributes: _unslide,
}

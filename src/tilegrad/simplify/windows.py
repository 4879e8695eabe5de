"""Laws of windows: where they do not overlap, the adjoint of sliding only interleaves."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import reduction
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import pad_with, permute_axes, reshape_to, shrink_to
from tilegrad.ops.reduction import ReduceAttributes, sum_over
from tilegrad.ops.windows import UnslideAttributes, unslide
from tilegrad.rewrite.pattern import Family
from tilegrad.rewrite.rule import Match, Rule


def _find_separate(node: Node, axes: tuple[int, ...]) -> int | None:
    """Return the axis of an ``unslide``'s windows if they lie apart and are summed over."""
    axis, along, size, stride, dilation = attributes_of(node, UnslideAttributes)
    (source,) = node.sources
    if along is None or along not in axes or dilation != 1:
        return None
    steps, samples = source.shape[along], source.shape[axis]
    is_known = isinstance(steps, int) and isinstance(samples, int) and isinstance(size, int)
    is_apart = is_known and 0 < steps <= stride and samples != 0  # type: ignore[operator]
    return along if is_apart else None


def _interleave(node: Node, along: int, attributes: UnslideAttributes) -> Node:
    """Return the tensor with its windows one after the other along the axis."""
    axis, _, size, stride, _ = attributes
    steps, samples = node.shape[along], node.shape[axis]
    padding = [(0, 0)] * len(node.shape)
    padding[along] = (0, stride - steps)  # type: ignore[operator]
    others = [one for one in range(len(node.shape)) if one != along]
    place = others.index(axis)
    order = (*others[: place + 1], along, *others[place + 1 :])
    whole = stride * samples  # type: ignore[operator]
    shape = list(node.shape)
    shape[axis], shape[along] = whole, 1
    interleaved = reshape_to(permute_axes(pad_with(node, tuple(padding)), order), tuple(shape))
    if whole >= size:  # type: ignore[operator]
        bounds = [(0, one) for one in shape]
        bounds[axis] = (0, size)  # type: ignore[assignment]
        return shrink_to(interleaved, tuple(bounds))
    after = [(0, 0)] * len(shape)
    after[axis] = (0, size - whole)  # type: ignore[operator]
    return pad_with(interleaved, tuple(after))


def _sum_of_unslide(match: Match) -> Node | None:
    axes = attributes_of(match.node, ReduceAttributes).axes
    chain: list[Node] = []
    (source,) = match.node.sources
    while source.op is unslide:
        chain.append(source)
        (source,) = source.sources
    touched = [
        one
        for node in chain
        for one in attributes_of(node, UnslideAttributes)[:2]
        if one is not None
    ]
    if len(set(touched)) != len(touched):
        return None  # they do not commute
    result, done = source, set[int]()
    for node in reversed(chain):
        attributes = attributes_of(node, UnslideAttributes)
        along = _find_separate(node, axes)
        if along is None:
            result = unslide(result, attributes=attributes)
        else:
            result = _interleave(result, along, attributes)
            done.add(along)
    if not done:
        return None
    rest = tuple(axis for axis in axes if axis not in done)
    if not rest and result.dtype.is_float:
        return result + constant(0, result.dtype)  # as a sum begins at +0
    return sum_over(result, rest)


WINDOWS = (
    Rule(
        "sum_of_separate_windows",
        Family("reduce_sum", (reduction.reduce_sum,), some=(unslide,)),
        _sum_of_unslide,
        "Σₖ unslide(x)[i] = x[i // stride, k = i mod stride] where windows of dilation 1 are no "
        "longer than the stride: the terms of different k lie at different places",
    ),
)

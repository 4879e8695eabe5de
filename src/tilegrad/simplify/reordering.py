"""Laws of two movements that change places: cuts go inward, expansions outward."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape, attributes_of
from tilegrad.ops import movement
from tilegrad.ops.affine import Index
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    ExpandAttributes,
    FlipAttributes,
    PadAttributes,
    PermuteAttributes,
    ReshapeAttributes,
    ShrinkAttributes,
    expand_to,
    pad_with,
    permute_axes,
    reshape_to,
    shrink_to,
)
from tilegrad.rewrite.graph import broadcast_to
from tilegrad.rewrite.pattern import AttributeVariable, Family, lift, variables
from tilegrad.rewrite.rule import Match, Rule

Ranges = tuple[tuple[Index, Index], ...]

(x,) = variables("x")
reshape, permute, expand = lift(movement.reshape, movement.permute, movement.expand)
pad, shrink, flip = lift(movement.pad, movement.shrink, movement.flip)
T = AttributeVariable("T", ReshapeAttributes)
P = AttributeVariable("P", PermuteAttributes)
E = AttributeVariable("E", ExpandAttributes)
A = AttributeVariable("A", PadAttributes)
K = AttributeVariable("K", ShrinkAttributes)
V = AttributeVariable("V", FlipAttributes)


def _permute_ones(match: Match) -> Node | None:
    shape = match[x].shape
    moved = [axis for axis in match[P].order if shape[axis] != 1]
    return reshape_to(match[x], match.node.shape) if moved == sorted(moved) else None


def _are_known(shape: Shape, *ranges: Ranges) -> bool:
    numbers = (*shape, *(number for pairs in ranges for pair in pairs for number in pair))
    return all(isinstance(number, int) for number in numbers)


def _shrink_of_pad(match: Match) -> Node | None:
    """Keep of x what lies within the bounds, and pad where they reach beyond x."""
    source, padding, bounds = match[x], match[A].padding, match[K].bounds
    if not _are_known(source.shape, padding, bounds):
        return None
    kept: list[tuple[Index, Index]] = []
    added: list[tuple[Index, Index]] = []
    for size, (before, _), (start, stop) in zip(source.shape, padding, bounds, strict=True):
        low, high = max(start - before, 0), min(stop - before, size)  # type: ignore[operator]
        if low >= high:
            return broadcast_to(constant(0, source.dtype), match.node.shape)
        kept.append((low, high))
        added.append((low - (start - before), (stop - before) - high))  # type: ignore[operator]
    return pad_with(shrink_to(source, tuple(kept)), tuple(added))


def _shrink_of_concatenation(match: Match) -> Node | None:
    """Take the bounds within the one part that they lie in."""
    joined, bounds = match.node.sources[0], attributes_of(match.node, ShrinkAttributes).bounds
    axis = attributes_of(joined, ConcatenateAttributes).axis
    start, stop = bounds[axis]
    if not _are_known((start, stop, *(part.shape[axis] for part in joined.sources))):
        return None
    offset = 0
    for part in joined.sources:
        size = part.shape[axis]
        if offset <= start and stop <= offset + size:  # type: ignore[operator]
            inner = (start - offset, stop - offset)  # type: ignore[operator]
            return shrink_to(part, (*bounds[:axis], inner, *bounds[axis + 1 :]))
        offset += size  # type: ignore[operator]
    return None


REORDERED = (
    Rule(
        "permute_axes_of_size_one",
        permute(x, attributes=P),
        _permute_ones,
        "permute(x, P) = reshape(x, permuted shape) where P moves only axes of size 1",
    ),
    Rule(
        "shrink_of_pad",
        shrink(pad(x, attributes=A), attributes=K),
        _shrink_of_pad,
        "shrink(pad(x, A), K) = pad(shrink(x, what of K lies in x), what of K lies outside)",
    ),
    Rule(
        "shrink_of_concatenation",
        Family("shrink", (movement.shrink,), some=(movement.concatenate,)),
        _shrink_of_concatenation,
        "shrink(concatenate(.., x, ..), K) = shrink(x, K moved) where K lies in x",
    ),
)


def _permute_of_expand(match: Match) -> Node:
    return expand_to(permute_axes(match[x], match[P].order), match.node.shape)


def _flip_of_expand(match: Match) -> Node:
    axes = tuple(axis for axis in match[V].axes if match[x].shape[axis] != 1)
    source = match[x]
    flipped = movement.flip(source, attributes=FlipAttributes(axes)) if axes else source
    return expand_to(flipped, match.node.shape)


def _shrink_of_expand(match: Match) -> Node:
    """Along an expanded axis all elements are the same, so any one will do."""
    source, whole = match[x], match[E].shape
    sizes = zip(source.shape, whole, match[K].bounds, strict=True)
    bounds = tuple((0, 1) if size == 1 and grown != 1 else pair for size, grown, pair in sizes)
    return expand_to(shrink_to(source, bounds), match.node.shape)


def _pad_of_expand(match: Match) -> Node | None:
    """Pad before expanding, where no expanded axis is padded."""
    source, whole, padding = match[x], match[E].shape, match[A].padding
    axes = zip(source.shape, whole, padding, strict=True)
    if any(size != grown and pair != (0, 0) for size, grown, pair in axes):
        return None
    return expand_to(pad_with(source, padding), match.node.shape)


def _reshape_of_expand(match: Match) -> Node | None:
    """Reshape before expanding, where only axes of size 1 come and go."""
    source, whole, target = match[x], match[E].shape, match[T].shape
    kept = [size for size, grown in zip(source.shape, whole, strict=True) if grown != 1]
    if [size for size in whole if size != 1] != [size for size in target if size != 1]:
        return None
    sizes = iter(kept)
    small = tuple(1 if size == 1 else next(sizes) for size in target)
    return expand_to(reshape_to(source, small), target)


EXPANDED_LATER = (
    Rule(
        "permute_of_expand",
        permute(expand(x, attributes=E), attributes=P),
        _permute_of_expand,
        "permute(expand(x, E), P) = expand(permute(x, P), permuted E)",
    ),
    Rule(
        "flip_of_expand",
        flip(expand(x, attributes=E), attributes=V),
        _flip_of_expand,
        "flip(expand(x, E), V) = expand(flip(x, V), E)",
    ),
    Rule(
        "shrink_of_expand",
        shrink(expand(x, attributes=E), attributes=K),
        _shrink_of_expand,
        "shrink(expand(x, E), K) = expand(shrink(x, K along the axes not expanded), shrunk E)",
    ),
    Rule(
        "pad_of_expand",
        pad(expand(x, attributes=E), attributes=A),
        _pad_of_expand,
        "pad(expand(x, E), A) = expand(pad(x, A), padded E) where A pads no expanded axis",
    ),
    Rule(
        "reshape_of_expand",
        reshape(expand(x, attributes=E), attributes=T),
        _reshape_of_expand,
        "reshape(expand(x, E), T) = expand(reshape(x), T) where only axes of size 1 come and go",
    ),
)

REORDERING = (*REORDERED, *EXPANDED_LATER)

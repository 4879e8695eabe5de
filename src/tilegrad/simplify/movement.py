"""Laws of movement: merging two of a kind, dropping those that move nothing, reordering."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, Shape, attributes_of
from tilegrad.ops import movement, symbolic
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
from tilegrad.ops.windows import SlideAttributes, slide
from tilegrad.rewrite.graph import broadcast_to
from tilegrad.rewrite.pattern import AttributeVariable, Family, apply, lift, variables
from tilegrad.rewrite.rule import Match, Rule

Ranges = tuple[tuple[Index, Index], ...]

(x,) = variables("x")
reshape, permute, expand = lift(movement.reshape, movement.permute, movement.expand)
pad, shrink, flip = lift(movement.pad, movement.shrink, movement.flip)
S, T = AttributeVariable("S", ReshapeAttributes), AttributeVariable("T", ReshapeAttributes)
P, Q = AttributeVariable("P", PermuteAttributes), AttributeVariable("Q", PermuteAttributes)
E, F = AttributeVariable("E", ExpandAttributes), AttributeVariable("F", ExpandAttributes)
A, B = AttributeVariable("A", PadAttributes), AttributeVariable("B", PadAttributes)
K, L = AttributeVariable("K", ShrinkAttributes), AttributeVariable("L", ShrinkAttributes)
V, W = AttributeVariable("V", FlipAttributes), AttributeVariable("W", FlipAttributes)


def _moves_nothing(match: Match) -> bool:
    """Whether the result has the shape of the source, which is enough for all but two ops."""
    return match.node.shape == match[x].shape


def _drop(op: Op) -> Rule:
    left = apply(op, x)
    law = f"{left} = x where the result has the shape of x"
    return Rule(f"{op.name}_to_same_shape", left, x, law, guard=_moves_nothing)


def _flips_nothing(match: Match) -> bool:
    return all(match[x].shape[axis] == 1 for axis in match[V].axes)


def _samples_everything(match: Match) -> bool:
    axis, along, size, stride, dilation = attributes_of(match.node, SlideAttributes)
    is_plain = stride == 1 and (along is None or dilation == 0)
    return is_plain and size == match[x].shape[axis]


DROPPED = (
    _drop(movement.reshape),
    _drop(movement.expand),
    _drop(movement.pad),
    _drop(movement.shrink),
    Rule(
        "permute_in_order",
        permute(x, attributes=P),
        x,
        "permute(x, P) = x where P is the identity",
        guard=lambda match: match[P].order == tuple(range(len(match[P].order))),
    ),
    Rule(
        "flip_single_elements",
        flip(x, attributes=V),
        x,
        "flip(x, V) = x where x has size 1 along the axes V",
        guard=_flips_nothing,
    ),
    Rule(
        "slide_over_everything",
        apply(slide, x),
        x,
        "slide(x) = x with stride 1, no dilation and the size of x",
        guard=_samples_everything,
    ),
    Rule(
        "concatenate_one",
        apply(movement.concatenate, x),
        x,
        "concatenate(x) = x",
    ),
)


def _compose_orders(match: Match) -> Node:
    inner, outer = match[P].order, match[Q].order
    return permute_axes(match[x], tuple(inner[axis] for axis in outer))


def _add_paddings(match: Match) -> Node:
    pairs = zip(match[A].padding, match[B].padding, strict=True)
    padding = tuple((symbolic.add(a, c), symbolic.add(b, d)) for (a, b), (c, d) in pairs)
    return pad_with(match[x], padding)


def _compose_bounds(match: Match) -> Node:
    pairs = zip(match[K].bounds, match[L].bounds, strict=True)
    return shrink_to(
        match[x],
        tuple((symbolic.add(a, start), symbolic.add(a, stop)) for (a, _), (start, stop) in pairs),
    )


def _join_flips(match: Match) -> Node:
    axes = tuple(sorted({*match[V].axes} ^ {*match[W].axes}))
    return movement.flip(match[x], attributes=FlipAttributes(axes)) if axes else match[x]


def _flatten_concatenation(match: Match) -> Node | None:
    """Put the parts of inner concatenations along the same axis in their place, drop empty ones."""
    node = match.node
    axis = attributes_of(node, ConcatenateAttributes).axis
    parts: list[Node] = []
    for source in node.sources:
        is_same = source.op is movement.concatenate and source.attributes == node.attributes
        parts += source.sources if is_same else (source,)
    kept = tuple(part for part in parts if part.shape[axis] != 0) or tuple(parts[:1])
    if kept == node.sources:
        return None
    return movement.concatenate(*kept, attributes=node.attributes)


MERGED = (
    Rule(
        "reshape_of_reshape",
        reshape(reshape(x, attributes=S), attributes=T),
        reshape(x, attributes=T),
    ),
    Rule(
        "permute_of_permute",
        permute(permute(x, attributes=P), attributes=Q),
        _compose_orders,
        "permute(permute(x, P), Q) = permute(x, P ∘ Q)",
    ),
    Rule(
        "expand_of_expand",
        expand(expand(x, attributes=E), attributes=F),
        expand(x, attributes=F),
    ),
    Rule(
        "pad_of_pad",
        pad(pad(x, attributes=A), attributes=B),
        _add_paddings,
        "pad(pad(x, A), B) = pad(x, A + B)",
    ),
    Rule(
        "shrink_of_shrink",
        shrink(shrink(x, attributes=K), attributes=L),
        _compose_bounds,
        "shrink(shrink(x, K), L) = shrink(x, L moved by the starts of K)",
    ),
    Rule(
        "flip_of_flip",
        flip(flip(x, attributes=V), attributes=W),
        _join_flips,
        "flip(flip(x, V), W) = flip(x, V △ W)",
    ),
    Rule(
        "flatten_concatenation",
        Family("concatenate", (movement.concatenate,)),
        _flatten_concatenation,
        "concatenate(.., concatenate(x, y), ..) = concatenate(.., x, y, ..) along one axis, and "
        "parts of size 0 vanish",
    ),
)


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

MOVEMENT = (*DROPPED, *MERGED, *REORDERED, *EXPANDED_LATER)

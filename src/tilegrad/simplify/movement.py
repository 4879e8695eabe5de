"""Laws of movement: merging two of a kind, dropping those that move nothing, reordering."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import movement, symbolic
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    ExpandAttributes,
    FlipAttributes,
    PadAttributes,
    PermuteAttributes,
    ReshapeAttributes,
    ShrinkAttributes,
    pad_with,
    permute_axes,
    shrink_to,
)
from tilegrad.ops.windows import SlideAttributes, slide
from tilegrad.rewrite.pattern import AttributeVariable, Family, apply, lift, variables
from tilegrad.rewrite.rule import Match, Rule

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

MOVEMENT = (*DROPPED, *MERGED)

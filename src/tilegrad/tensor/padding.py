"""Padding: with a value, or with the tensor's own elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.movement import filled, pad_with, shrink_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import check_choice, spread
from tilegrad.tensor.base import Number, constant_of
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.joining import Joining
from tilegrad.tensor.size import Index, Size, as_index

MODES = ("constant", "reflect", "replicate", "circular")
Pair = tuple[Index, Index]


class Padding(Joining):
    """``pad``."""

    __slots__ = ()

    def pad(
        self,
        padding: Sequence[Size] | Sequence[tuple[Size, Size] | None],
        mode: str = "constant",
        value: Number = 0.0,
    ) -> Self:
        """Return the tensor with elements put before and after it.

        Args:
            padding: a pair ``(before, after)`` or None for each axis; or, as in PyTorch, a flat
                sequence with before and after for the last axis, then the last but one, and so on.
                Negative amounts take elements away.
            mode: "constant" puts ``value``; "reflect" mirrors without the edge; "replicate" repeats
                the edge; "circular" continues from the other end.
            value: for mode "constant".

        Raises:
            ArgumentError: the padding fits no axis, or the mode is unknown.
            ShapeError: an axis is too short for the mode.
        """
        check_choice("mode of padding", mode, MODES)
        pairs = _read_padding(padding, self.node.shape)
        node = _crop(self.node, pairs)
        grown = tuple((_at_least_zero(before), _at_least_zero(after)) for before, after in pairs)
        if mode == "constant":
            return self.with_node(pad_with_value(node, grown, value))
        for axis, (before, after) in enumerate(grown):
            if (before, after) != (0, 0):
                node = _pad_axis(node, axis, before, after, mode)
        return self.with_node(node)

    def pad_to(self, *shape: Size | Sequence[Size | None] | None, value: Number = 0.0) -> Self:
        """Return the tensor with ``value`` after each axis, up to a shape (None keeps an axis).

        Raises:
            ArgumentError: there are not as many sizes as axes.
            ShapeError: a size is below the tensor's.
        """
        sizes = spread(shape)
        if len(sizes) != len(self.node.shape):
            raise ArgumentError(
                "pad_to needs a size for each axis",
                got=f"{len(sizes)} for {show_shape(self.node.shape)}",
            )
        pairs: list[Pair] = []
        for new, old in zip(sizes, self.node.shape, strict=True):
            after = 0 if new is None else symbolic.subtract(as_index(new), old)
            if symbolic.less(after, 0) is True:
                raise ShapeError("pad_to cannot shrink an axis", got=f"{old} to {new}")
            pairs.append((0, after))
        return self.with_node(pad_with_value(self.node, tuple(pairs), value))


def pad_with_value(node: Node, padding: tuple[Pair, ...], value: Number) -> Node:
    """Return the node with a value around it."""
    padded = pad_with(node, padding)
    if padded is node or value == 0:
        return padded
    # A mask with size 1 where nothing is padded: it is cheap, and says which elements are real.
    shape = tuple(
        1 if pair == (0, 0) else size for pair, size in zip(padding, node.shape, strict=True)
    )
    is_real = pad_with(filled(True, dtypes.bool, shape), padding)
    return nodes.where(is_real, padded, constant_of(value, node.dtype))


def _at_least_zero(amount: Index) -> Index:
    return amount if isinstance(amount, Node) else max(0, amount)


def _read_padding(
    padding: Sequence[Size] | Sequence[tuple[Size, Size] | None], shape: tuple[Index, ...]
) -> tuple[Pair, ...]:
    if all(pair is None or isinstance(pair, (tuple, list)) for pair in padding):
        pairs: list[Pair] = [_pair(pair) for pair in padding]
        if len(pairs) == len(shape):
            return tuple(pairs)
    elif len(padding) % 2 == 0 and len(padding) <= 2 * len(shape):
        flat = [as_index(amount) for amount in padding]  # type: ignore[arg-type]
        pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)][::-1]
        return ((0, 0),) * (len(shape) - len(pairs)) + tuple(pairs)
    raise ArgumentError(
        "the padding does not fit the tensor",
        got=f"{padding} for shape {show_shape(shape)}",
        expected="a pair or None for each axis, or a flat list of pairs from the last axis on",
    )


def _pair(pair: object) -> Pair:
    if pair is None:
        return 0, 0
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ArgumentError("padding comes in pairs", got=pair, expected="(before, after)")
    return as_index(pair[0]), as_index(pair[1])


def _crop(node: Node, pairs: Sequence[Pair]) -> Node:
    """Return the node without what negative amounts take away."""
    bounds = []
    for (before, after), size in zip(pairs, node.shape, strict=True):
        start = -before if isinstance(before, int) and before < 0 else 0
        stop = symbolic.add(size, after) if isinstance(after, int) and after < 0 else size
        bounds.append((start, stop))
    return shrink_to(node, tuple(bounds))


def _pad_axis(node: Node, axis: int, before: Index, after: Index, mode: str) -> Node:
    size = node.shape[axis]
    room = symbolic.add(size, {"reflect": -1, "circular": 0}.get(mode, 0))
    for amount in (before, after):
        is_too_long = mode != "replicate" and symbolic.less(room, amount) is True
        if is_too_long or size == 0:
            raise ShapeError(
                f"axis {axis} is too short for the padding mode {mode!r}",
                got=f"{amount} elements to pad an axis of {size}",
                expected=f"at most {room}",
            )
    if mode == "circular":
        first = nodes.shrink_axis(node, axis, symbolic.subtract(size, before), size)
        last = nodes.shrink_axis(node, axis, 0, after)
    elif mode == "reflect":
        first = nodes.flip(nodes.shrink_axis(node, axis, 1, symbolic.add(before, 1)), (axis,))
        start = symbolic.subtract(symbolic.add(size, -1), after)
        stop = symbolic.add(size, -1)
        last = nodes.flip(nodes.shrink_axis(node, axis, start, stop), (axis,))
    else:
        first = _repeat_edge(node, axis, 0, before)
        last = _repeat_edge(node, axis, symbolic.add(size, -1), after)
    parts = ((first, before), (node, None), (last, after))
    return nodes.concatenate([part for part, amount in parts if amount != 0], axis)


def _repeat_edge(node: Node, axis: int, place: Index, count: Index) -> Node:
    edge = nodes.shrink_axis(node, axis, place, symbolic.add(place, 1))
    return nodes.expand(edge, (*node.shape[:axis], count, *node.shape[axis + 1 :]))

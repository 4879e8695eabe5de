"""Axes of a kernel: their names, and which of them an expression depends on."""

from __future__ import annotations

from collections.abc import Iterable

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Shape, attributes_of
from tilegrad.ops.affine import Index
from tilegrad.ops.kernel import NO_AXES, Axes, free_axes, make_axis, next_number, number_of
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.schedule.access import Indices


class FreeAxes:
    """Answers which axes are free in an expression, remembering every answer."""

    def __init__(self) -> None:
        self._known: dict[Node, Axes] = {}

    def of(self, expression: Index | bool) -> Axes:
        """Return the axes that the value of an expression depends on."""
        if not isinstance(expression, Node):
            return NO_AXES
        found = self._known.get(expression)
        if found is None:
            for node in sort_topologically([expression], is_leaf=self._known.__contains__):
                if node not in self._known:
                    self._known[node] = free_axes(node, self._known)
            found = self._known[expression]
        return found

    def of_all(self, expressions: Iterable[Index | bool]) -> Axes:
        """Return the axes that any of the expressions depends on."""
        result = NO_AXES
        for expression in expressions:
            result |= self.of(expression)
        return result


def identity_indices(shape: Shape) -> Indices:
    """Return one axis per size (0 where the size is 1): the index at which a root is computed."""
    return tuple(
        0 if size == 1 else make_axis(f"i{position}", size) for position, size in enumerate(shape)
    )


def is_one_to_one(indices: Indices, shape: Shape, of: Shape) -> bool:
    """Whether indices are those of every element of ``shape``, once, as a root walks its axes.

    Args:
        indices: one for each axis of ``shape``.
        shape: of the tensor that is read.
        of: shape of the root.
    """
    axes = frozenset(identity_indices(of))
    moving = [index for index, size in zip(indices, shape, strict=True) if size != 1]
    fixed = [index for index, size in zip(indices, shape, strict=True) if size == 1]
    is_plain = all(index in axes and isinstance(index, Node) for index in moving)
    return is_plain and len(set(moving)) == len(moving) and all(index == 0 for index in fixed)


def is_in_order(indices: Indices) -> bool:
    """Whether indices that are axes of a root come in the order in which it walks them."""
    positions = [number_of(index) for index in indices if isinstance(index, Node)]
    return positions == sorted(positions)


def axes_of_reduction(
    node: Node, indices: Indices, taken: Axes
) -> tuple[Indices, tuple[Node, ...]]:
    """Return the index at which a reduction reads its source, and the new axes that it binds.

    The names are the first that are not free around it, so that reductions over the same row get
    the same axis and share what they load.
    """
    axes = attributes_of(node, ReduceAttributes).axes
    number = next_number(taken)
    source = node.sources[0]
    result = list(indices)
    bound: list[Node] = []
    for position in axes:
        size = source.shape[position]
        if size == 1:
            result[position] = 0
            continue
        new = make_axis(f"r{number}", size)
        number += 1
        bound.append(new)
        result[position] = new
    return tuple(result), tuple(bound)

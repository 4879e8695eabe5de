"""Writing and combining elements at positions along an axis."""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import indexing
from tilegrad.ops.combining import identity
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.indexing import Mode
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import filled, shrink_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import check_choice, resolve_axis
from tilegrad.tensor.arithmetic import Operand
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.mutation import check_kind
from tilegrad.tensor.selection import Selection

_MODES: dict[str, Mode] = {
    "sum": "add",
    "mean": "add",
    "prod": "multiply",
    "amax": "maximum",
    "amin": "minimum",
}


class Scattering(Selection):
    """``scatter`` and its relatives."""

    __slots__ = ()

    def scatter(self, dim: int, index: TensorBase, src: Operand, reduce: str | None = None) -> Self:
        """Return self with ``src`` written at self[.., index[i, j, ..] at dim, ..].

        Of several elements written at one place the last stays.

        Args:
            dim: the axis.
            index: integers of this tensor's rank.
            src: elements, at least as many along each axis as the index has; or one number.
            reduce: "add" or "multiply" to combine with what is there, or None.

        Raises:
            ShapeError: the index or ``src`` does not fit.
            ArgumentError: unknown reduction.
        """
        if reduce is not None:
            check_choice("reduction", reduce, ("add", "multiply"))
        mode: Mode = "set" if reduce is None else "add" if reduce == "add" else "multiply"
        axis = resolve_axis(dim, len(self.node.shape))
        places = self.as_places("scatter", index, axis)
        return self.with_node(
            scatter_along(self.node, self._updates(src, places), places, axis, mode)
        )

    def scatter_add(self, dim: int, index: TensorBase, src: Operand) -> Self:
        """Return self with ``src`` added at positions along an axis; see ``scatter``."""
        return self.scatter(dim, index, src, "add")

    def _updates(self, src: Operand, places: Node) -> Node:
        node = self.as_operand(src)
        check_kind(node.dtype, self.node.dtype)
        node = cast_to(node, self.node.dtype)
        if not node.shape:
            return nodes.expand(node, places.shape)
        fits = len(node.shape) == len(places.shape) and all(
            size == other or (isinstance(size, int) and isinstance(other, int) and size > other)
            for size, other in zip(node.shape, places.shape, strict=True)
        )
        if not fits:
            raise ShapeError(
                "scatter: the source has fewer elements than the index",
                got=f"{show_shape(node.shape)} for an index of {show_shape(places.shape)}",
            )
        return shrink_to(node, tuple((0, size) for size in places.shape))

    def scatter_reduce(
        self,
        dim: int,
        index: TensorBase,
        src: TensorBase,
        reduce: str,
        include_self: bool = True,
    ) -> Self:
        """Return self with ``src`` combined at self[.., index[i, j, ..] at dim, ..].

        Args:
            dim: the axis.
            index: integers of this tensor's rank.
            src: elements, at least as many along each axis as the index has.
            reduce: "sum", "prod", "mean", "amax" or "amin".
            include_self: whether what was there before takes part.

        Raises:
            ShapeError: the index or ``src`` does not fit.
            ArgumentError: unknown reduction.
        """
        check_choice("reduction", reduce, tuple(_MODES))
        axis = resolve_axis(dim, len(self.node.shape))
        places = self.as_places("scatter_reduce", index, axis)
        updates = self._updates(src, places)
        base, mode = self.node, _MODES[reduce]
        if not include_self:
            true = filled(True, dtypes.bool, places.shape)
            nowhere = filled(False, dtypes.bool, base.shape)
            touched = scatter_along(nowhere, true, places, axis, "set")
            base = nodes.where(touched, constant(identity(mode, base.dtype), base.dtype), base)
        result = scatter_along(base, updates, places, axis, mode)
        if reduce != "mean":
            return self.with_node(result)
        ones = filled(1, dtypes.int64, places.shape)
        start = filled(int(include_self), dtypes.int64, base.shape)
        counts = self.with_node(scatter_along(start, ones, places, axis, "add")).maximum(1)
        total = self.with_node(result)
        if base.dtype.is_float:
            return total / counts.cast(base.dtype)
        return total // counts.cast(base.dtype)


def scatter_along(base: Node, updates: Node, places: Node, axis: int, mode: Mode) -> Node:
    """Return the base with updates combined at positions along an axis, each in its own row."""
    indices = indexing.indices_along(cast_to(places, dtypes.int64), axis)
    return indexing.scatter_into(base, updates, indices, tuple(range(len(base.shape))), mode)

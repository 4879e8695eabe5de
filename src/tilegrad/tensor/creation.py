"""Making tensors: of one value, like other tensors, and repeated beside them.

None of these takes memory until the result is realised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError
from tilegrad.ops.movement import expand_to, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import (
    DTypeLike,
    check_choice,
    resolve_device,
    resolve_dtype,
    resolve_float,
    resolve_shape,
)
from tilegrad.tensor.base import Number, constant_of, default_dtype
from tilegrad.tensor.broadcasting import do_broadcast, misfit
from tilegrad.tensor.counting import Counting
from tilegrad.tensor.size import Index, Size


class Creation(Counting):
    """Tensors of one value, and of several tensors' common shape."""

    __slots__ = ()

    @classmethod
    def full(
        cls,
        shape: Size | Sequence[Size],
        fill_value: Number,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return a tensor of one value.

        Args:
            shape: the sizes.
            fill_value: the value.
            dtype: its dtype; by default bool, int64 or float32 as the value is of Python.
            device: where it is held; the session's default device for None.
            requires_grad: whether ``backward`` gives it a gradient.

        Raises:
            ArgumentError: a size is negative, or the value does not fit into the dtype.
            DeviceError: there is no such device.
        """
        wanted = default_dtype(fill_value) if dtype is None else resolve_dtype(dtype)
        node = nodes.expand(constant_of(fill_value, wanted), resolve_shape((shape,)))
        return cls.from_node(node, resolve_device(device), requires_grad)

    @classmethod
    def zeros(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return a tensor of zeros (float32 by default); see ``full``."""
        node = nodes.expand(constant_of(0, resolve_float(dtype)), resolve_shape(shape))
        return cls.from_node(node, resolve_device(device), requires_grad)

    @classmethod
    def ones(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return a tensor of ones (float32 by default); see ``full``."""
        node = nodes.expand(constant_of(1, resolve_float(dtype)), resolve_shape(shape))
        return cls.from_node(node, resolve_device(device), requires_grad)

    @classmethod
    def empty(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return a tensor whose contents do not matter (they are zeros); see ``full``."""
        return cls.zeros(*shape, dtype=dtype, device=device, requires_grad=requires_grad)

    def full_like(
        self, fill_value: Number, dtype: DTypeLike | None = None, device: str | None = None
    ) -> Self:
        """Return a tensor of one value with this one's shape and, unless given, dtype and device.

        Raises:
            ArgumentError: the value does not fit into the dtype.
        """
        wanted = self.node.dtype if dtype is None else resolve_dtype(dtype)
        node = nodes.expand(constant_of(fill_value, wanted), self.node.shape)
        return self.from_node(node, self.device if device is None else resolve_device(device))

    def zeros_like(self, dtype: DTypeLike | None = None, device: str | None = None) -> Self:
        """Return a tensor of zeros like this one; see ``full_like``."""
        return self.full_like(0, dtype, device)

    def ones_like(self, dtype: DTypeLike | None = None, device: str | None = None) -> Self:
        """Return a tensor of ones like this one; see ``full_like``."""
        return self.full_like(1, dtype, device)

    empty_like = zeros_like

    @staticmethod
    def meshgrid(*args: Creation, indexing: str = "ij") -> tuple[Creation, ...]:
        """Return one tensor per argument, repeated over a grid whose axes are the arguments.

        Args:
            args: tensors of rank 0 or 1.
            indexing: "ij" or "xy"; the latter exchanges the first two axes.

        Raises:
            ArgumentError: an argument has more axes, or the indexing is unknown.
        """
        tensors = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
        check_choice("indexing", indexing, ("ij", "xy"))
        if any(len(tensor.node.shape) > 1 for tensor in tensors):
            raise ArgumentError("meshgrid takes tensors with one axis")
        rows = [reshape_to(tensor.node, tensor.node.shape or (1,)) for tensor in tensors]
        places = list(range(len(rows)))
        if indexing == "xy" and len(rows) > 1:
            places[:2] = [1, 0]
        shape: list[Index] = [1] * len(rows)
        for place, row in zip(places, rows, strict=True):
            shape[place] = row.shape[0]
        grids = []
        for tensor, place, row in zip(tensors, places, rows, strict=True):
            alone = (1,) * place + row.shape + (1,) * (len(rows) - place - 1)
            grids.append(tensor.with_node(expand_to(reshape_to(row, alone), tuple(shape))))
        return tuple(grids)

    @classmethod
    def broadcast_tensors(cls, *tensors: Self) -> tuple[Self, ...]:
        """Return tensors repeated to their common shape.

        Raises:
            ShapeError: the shapes do not broadcast.
        """
        rank = max((len(tensor.node.shape) for tensor in tensors), default=0)
        ranked = [nodes.with_rank(tensor.node, rank) for tensor in tensors]
        if not do_broadcast(ranked):
            raise misfit([tensor.node for tensor in tensors])
        shape = nodes.broadcast_shape(ranked)
        return tuple(tensor.with_node(nodes.expand(tensor.node, shape)) for tensor in tensors)

"""Making tensors: of one value, of counted values, and like other tensors.

None of these takes memory until the result is realised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError, DeviceError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import comparison, exponential
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import expand_to, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import (
    DEFAULT_FLOAT,
    DTypeLike,
    check_choice,
    resolve_dtype,
    resolve_shape,
)
from tilegrad.tensor.base import Number, TensorBase, constant_of, default_dtype
from tilegrad.tensor.broadcasting import do_broadcast, misfit
from tilegrad.tensor.size import Index, Size, SymbolicInteger, as_index


def resolve_device(device: str | None) -> str:
    """Return the name of a device, the session's default one for None.

    Raises:
        DeviceError: there is no such device.
    """
    session = current_session()
    if device is None:
        return session.default_device
    if device not in session.device_names:
        raise DeviceError(
            "there is no such device",
            got=repr(device),
            expected="one of " + ", ".join(session.device_names),
        )
    return device


def fill(value: Number, shape: tuple[Index, ...], dtype: DType) -> Node:
    """Return a node of one value."""
    scalar = constant_of(value, dtype)
    return expand_to(reshape_to(scalar, (1,) * len(shape)), shape)


class Creation(TensorBase):
    """Tensors of given shape and contents."""

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
        node = fill(fill_value, resolve_shape((shape,)), wanted)
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
        node = fill(0, resolve_shape(shape), _or_float(dtype))
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
        node = fill(1, resolve_shape(shape), _or_float(dtype))
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
        node = fill(fill_value, self.node.shape, wanted)
        return self.from_node(node, self.device if device is None else resolve_device(device))

    def zeros_like(self, dtype: DTypeLike | None = None, device: str | None = None) -> Self:
        """Return a tensor of zeros like this one; see ``full_like``."""
        return self.full_like(0, dtype, device)

    def ones_like(self, dtype: DTypeLike | None = None, device: str | None = None) -> Self:
        """Return a tensor of ones like this one; see ``full_like``."""
        return self.full_like(1, dtype, device)

    empty_like = zeros_like

    @classmethod
    def arange(
        cls,
        start: Number | Size,
        stop: Number | Size | None = None,
        step: Number = 1,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return start, start + step, start + 2·step .. up to before ``stop``.

        Args:
            start: first value; with ``stop`` left out, the stop, counting from 0.
            stop: the values end before it. Both may be symbolic sizes.
            step: distance between values; may be negative.
            dtype: int64 by default if all three are whole, else float32.
            device: where it is held.
            requires_grad: whether ``backward`` gives it a gradient.

        Raises:
            ArgumentError: the step is zero, or a number is not finite; or an end is symbolic, and
                the other end or the step is no whole number, or there may be no way up to the stop.
        """
        if stop is None:
            start, stop = 0, start
        if isinstance(start, SymbolicInteger) or isinstance(stop, SymbolicInteger):
            size, wanted = _count_symbolic(start, stop, step), resolve_dtype(dtype or dtypes.int64)
            node = _count_up(start, step, as_index(size), wanted)
            return cls.from_node(node, resolve_device(device), requires_grad)
        numbers = (start, stop, step)
        if step == 0 or not all(math.isfinite(number) for number in numbers):
            raise ArgumentError(
                "this range has no end",
                got=f"start {start}, stop {stop}, step {step}",
                expected="finite numbers and a step that is not zero",
            )
        is_whole = all(isinstance(number, int) for number in numbers)
        wanted = resolve_dtype(dtype or (dtypes.int64 if is_whole else DEFAULT_FLOAT))
        if is_whole:
            count = len(range(int(start), int(stop), int(step)))
        else:
            count = max(0, math.ceil((stop - start) / step))
        node = _count_up(start, step, count, wanted)
        return cls.from_node(node, resolve_device(device), requires_grad)

    @classmethod
    def linspace(
        cls,
        start: float,
        stop: float,
        steps: int,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return ``steps`` values from ``start`` to ``stop``, both included, at equal distances.

        The dtype is float32 by default; a half of the values is counted from each end, so that
        both ends are exact.

        Raises:
            ArgumentError: ``steps`` is negative.
        """
        if steps < 0:
            raise ArgumentError("linspace needs steps", got=steps, expected="0 or more")
        wanted = _or_float(dtype)
        work = dtypes.float64 if wanted in (dtypes.float64, dtypes.int64) else dtypes.float32
        number = nodes.positions(steps, dtypes.int32)
        gap = constant((stop - start) / max(1, steps - 1), work)
        forward = cast_to(number, work) * gap + constant(start, work)
        backward = constant(stop, work) - cast_to(steps - 1 - number, work) * gap
        node = cast_to(nodes.where(number < steps // 2 + steps % 2, forward, backward), wanted)
        return cls.from_node(node, resolve_device(device), requires_grad)

    @classmethod
    def logspace(
        cls,
        start: float,
        stop: float,
        steps: int,
        base: float = 10.0,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return ``steps`` powers of ``base``, their exponents as ``linspace`` gives them."""
        exponents = cls.linspace(start, stop, steps, dtypes.float64, device)
        node = exponential.power(constant(base, dtypes.float64), exponents.node)
        return cls.from_node(cast_to(node, _or_float(dtype)), exponents.device, requires_grad)

    @classmethod
    def eye(
        cls,
        n: int,
        m: int | None = None,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return n rows and m columns (n, if left out) with ones on the diagonal, zeros beside.

        Raises:
            ArgumentError: a size is negative.
        """
        rows, columns = resolve_shape((n, n if m is None else m))
        row = nodes.positions(rows, dtypes.int64, 2, 0)
        column = nodes.positions(columns, dtypes.int64, 2, 1)
        node = cast_to(intern(comparison.equal, (row, column)), _or_float(dtype))
        return cls.from_node(node, resolve_device(device), requires_grad)

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


def _or_float(dtype: DTypeLike | None) -> DType:
    return DEFAULT_FLOAT if dtype is None else resolve_dtype(dtype)


def _count_symbolic(start: Number | Size, stop: Number | Size, step: Number) -> Size:
    """Return how many values there are from a start to a stop, one of which is symbolic."""
    if isinstance(start, Size) and isinstance(stop, Size) and isinstance(step, int) and step > 0:
        distance = stop - start
        least = distance.minimum if isinstance(distance, SymbolicInteger) else distance
        if least >= 0:
            return (distance + (step - 1)) // step
    raise ArgumentError(
        "this symbolic range may not be one",
        got=f"start {start}, stop {stop}, step {step}",
        expected="whole numbers, a positive step, and a stop that is never below the start",
    )


def _count_up(start: Number | Size, step: Number, count: Index, dtype: DType) -> Node:
    """Return start + step·i, computed in int64 or in at least float32, in ``dtype``."""
    is_whole = isinstance(start, Size) and isinstance(step, int)
    wide = dtypes.float64 if dtype is dtypes.float64 else dtypes.float32
    work = dtypes.int64 if is_whole else wide
    node = nodes.positions(count, work)
    if step != 1:
        node = node * constant_of(step, work)
    if isinstance(start, SymbolicInteger):
        node = node + cast_to(start.node, work)
    elif start != 0:
        node = node + constant_of(start, work)
    return cast_to(node, dtype)

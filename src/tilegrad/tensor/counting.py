"""Making tensors of counted values: ranges, values at equal distances, unit matrices.

None of these takes memory until the result is realised.
"""

from __future__ import annotations

import math
from typing import Self

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import comparison, exponential
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import (
    DEFAULT_FLOAT,
    DTypeLike,
    resolve_device,
    resolve_dtype,
    resolve_float,
    resolve_shape,
)
from tilegrad.tensor.base import Number, TensorBase, constant_of
from tilegrad.tensor.size import Index, Size, SymbolicInteger, as_index


class Counting(TensorBase):
    """Tensors whose values follow from their places."""

    __slots__ = ()

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
        wanted = resolve_float(dtype)
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
        return cls.from_node(cast_to(node, resolve_float(dtype)), exponents.device, requires_grad)

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
        node = cast_to(intern(comparison.equal, (row, column)), resolve_float(dtype))
        return cls.from_node(node, resolve_device(device), requires_grad)


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

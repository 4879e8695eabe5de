"""Interpolation over the last axes: nearest, linear, cubic and area.

Each axis is interpolated on its own, as a weighted sum of a few slices gathered along it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import rounding
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import as_integer, check_choice
from tilegrad.tensor.base import as_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.sampling import Sampling
from tilegrad.tensor.size import as_size

MODES = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area")
_CUBIC_SLOPE = -0.75  # of the kernel of R. Keys (1981), as in most image libraries


@dataclass(frozen=True, slots=True)
class _Grid:
    """How the samples of a result axis lie over a source axis."""

    source: int
    size: int
    scale: float
    align_corners: bool

    def centres(self, dtype: DType) -> Node:
        """Return the position of each sample among the source's, as floats."""
        number = nodes.positions(self.size, dtype)
        if self.align_corners:
            return number * ((self.source - 1) / (self.size - 1) if self.size > 1 else 0.0)
        return (number + 0.5) * self.scale - 0.5


class Interpolation(Sampling):
    """``interpolate``."""

    __slots__ = ()

    def interpolate(
        self,
        size: int | Sequence[int] | None = None,
        mode: str = "linear",
        align_corners: bool = False,
        scale_factor: float | Sequence[float] | None = None,
    ) -> Self:
        """Return the tensor with its last axes at another size.

        Args:
            size: the new sizes, of as many axes as are named; one number for all axes but the
                first two.
            mode: "nearest" takes the sample at or before, "nearest-exact" the nearest; "linear"
                ("bilinear" and "trilinear" are the same) and "bicubic" interpolate; "area"
                averages.
            align_corners: whether the first and last samples stay where they are ("linear" and
                "bicubic").
            scale_factor: instead of ``size``, the factors by which the axes grow.

        Raises:
            ArgumentError: unknown mode, or not exactly one of size and factor.
            ShapeError: there are fewer axes, or one of them is empty.

        Example:
            ``images.interpolate((64, 64), mode="bilinear")`` for images (batch, channels, y, x).
        """
        check_choice("mode of interpolation", mode, MODES)
        sizes, scales = _read_sizes(self.node.shape, size, scale_factor)
        if mode == "area":
            return self.adaptive_avg_pool2d(sizes)
        is_picking = mode in ("nearest", "nearest-exact")
        source = self.node if is_picking else as_float(self.node)
        node = source if is_picking else nodes.widen(source)
        first = len(node.shape) - len(sizes)
        for axis, (new, scale) in enumerate(zip(sizes, scales, strict=True), first):
            old = as_integer(self.shape[axis], "the size of an axis")
            if old == 0 or new < 1:
                raise ShapeError("interpolate needs sizes of 1 or more", got=f"{old} to {new}")
            grid = _Grid(old, new, scale, align_corners and not is_picking)
            if is_picking:
                node = _pick(node, axis, grid, mode)
            elif old != new or scale != 1.0:
                node = (_cubic if mode == "bicubic" else _linear)(node, axis, grid)
        return self.with_node(cast_to(node, source.dtype))


def _read_sizes(
    shape: nodes.Shape,
    size: int | Sequence[int] | None,
    factor: float | Sequence[float] | None,
) -> tuple[list[int], list[float]]:
    """Return new sizes, and the distance between samples in the source, along each axis."""
    spatial = max(len(shape) - 2, 1)
    if size is not None and factor is None:
        sizes = list(size) if isinstance(size, Sequence) else [size] * spatial
        extents = _last_sizes(shape, len(sizes))
        return sizes, [old / max(new, 1) for old, new in zip(extents, sizes, strict=True)]
    if factor is None or size is not None:
        raise ArgumentError(
            "interpolate needs a size or a scale factor", got=f"{size} and {factor}"
        )
    factors = list(factor) if isinstance(factor, Sequence) else [factor] * spatial
    extents = _last_sizes(shape, len(factors))
    sizes = [int(old * scale) for old, scale in zip(extents, factors, strict=True)]
    return sizes, [1.0 / scale for scale in factors]


def _last_sizes(shape: nodes.Shape, count: int) -> list[int]:
    if count > len(shape):
        raise ShapeError(
            "interpolate got more sizes than axes", got=f"{count} for {show_shape(shape)}"
        )
    return [as_integer(as_size(size), "the size of an axis") for size in shape[-count:]]


def _pick(node: Node, axis: int, grid: _Grid, mode: str) -> Node:
    number = nodes.positions(grid.size, dtypes.float64)
    centre = number if mode == "nearest" else number + 0.5
    place = cast_to(rounding.floor(centre * grid.scale), dtypes.int64)
    last = grid.source - 1
    return nodes.take(node, axis, nodes.where(place < last, place, last))


def _linear(node: Node, axis: int, grid: _Grid) -> Node:
    centre = grid.centres(dtypes.float64)
    centre = nodes.where(centre > 0.0, centre, 0.0)
    below = rounding.floor(centre)
    share = _along(cast_to(centre - below, node.dtype), len(node.shape), axis)
    place = cast_to(below, dtypes.int64)
    low, high = _at(node, axis, place, grid.source), _at(node, axis, place + 1, grid.source)
    return low * (1.0 - share) + high * share


def _cubic(node: Node, axis: int, grid: _Grid) -> Node:
    centre = grid.centres(dtypes.float64)
    below = rounding.floor(centre)
    share = cast_to(centre - below, node.dtype)
    place = cast_to(below, dtypes.int64)
    distances = (share + 1.0, share, 1.0 - share, 2.0 - share)
    kernels = (_cubic_far, _cubic_near, _cubic_near, _cubic_far)
    total: Node | None = None
    for step, (distance, kernel) in enumerate(zip(distances, kernels, strict=True), -1):
        weight = _along(kernel(distance), len(node.shape), axis)
        part = _at(node, axis, place + step, grid.source) * weight
        total = part if total is None else total + part
    return node if total is None else total


def _cubic_near(distance: Node) -> Node:
    """Return the weight of a sample at most 1 away."""
    slope = _CUBIC_SLOPE
    return (distance * (slope + 2.0) - (slope + 3.0)) * distance * distance + 1.0


def _cubic_far(distance: Node) -> Node:
    """Return the weight of a sample between 1 and 2 away."""
    slope = _CUBIC_SLOPE
    return ((distance * slope - 5.0 * slope) * distance + 8.0 * slope) * distance - 4.0 * slope


def _along(row: Node, rank: int, axis: int) -> Node:
    return reshape_to(row, (1,) * axis + row.shape + (1,) * (rank - axis - 1))


def _at(node: Node, axis: int, place: Node, size: int) -> Node:
    """Return the slices at positions, those beyond the ends taken from the ends."""
    above = nodes.where(place > 0, place, 0)
    return nodes.take(node, axis, nodes.where(above < size - 1, above, size - 1))

"""Sampling images at places between their pixels: ``grid_sample`` and ``affine_grid``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, TypeVar

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import as_integer, check_choice
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.synonyms import Synonyms

MODES = ("bilinear", "nearest")
PADDINGS = ("zeros", "border", "reflection")


class Grids(Synonyms):
    """Images seen through a grid of places."""

    __slots__ = ()

    def grid_sample(
        self,
        grid: Self,
        mode: str = "bilinear",
        padding_mode: str = "zeros",
        align_corners: bool = False,
    ) -> Self:
        """Return the values of images at places.

        Args:
            grid: places (batch, height, width, 2) as x and y; -1 and 1 are the edges of the images.
            mode: "bilinear" between the four pixels around a place, or "nearest".
            padding_mode: what lies outside: "zeros", the "border", or the images' "reflection".
            align_corners: whether -1 and 1 are the middles of the outermost pixels, or their edges.

        Returns:
            (batch, channels, height, width) for images (batch, channels, y, x).

        Raises:
            ShapeError: the images or the grid have another form.
            ArgumentError: unknown mode or padding.
        """
        check_choice("mode of grid_sample", mode, MODES)
        check_choice("padding of grid_sample", padding_mode, PADDINGS)
        if self.ndim != 4 or grid.ndim != 4 or grid.shape[3] != 2 or grid.shape[0] != self.shape[0]:
            raise ShapeError(
                "grid_sample: the shapes do not fit",
                got=f"{show_shape(self.node.shape)} and {show_shape(grid.node.shape)}",
                expected="(batch, channels, y, x) and (batch, height, width, 2)",
            )
        sizes = [as_integer(size, "a size of an image") for size in self.shape[:1:-1]]
        x, y = (
            _to_pixels(grid.select(3, axis), size, padding_mode, align_corners)
            for axis, size in enumerate(sizes)
        )
        if mode == "nearest":
            return self._pixels(x.round(), y.round())
        left, top = x.floor().detach(), y.floor().detach()
        right_share, lower_share = (x - left).unsqueeze(1), (y - top).unsqueeze(1)
        upper = self._pixels(left, top) * (1.0 - right_share)
        upper = upper + self._pixels(left + 1.0, top) * right_share
        lower = self._pixels(left, top + 1.0) * (1.0 - right_share)
        lower = lower + self._pixels(left + 1.0, top + 1.0) * right_share
        return upper * (1.0 - lower_share) + lower * lower_share

    def _pixels(self, x: Self, y: Self) -> Self:
        """Return the pixels at whole places (batch, height, width), zeros outside."""
        batch, channels = self.shape[:2]
        height, width = (as_integer(size, "a size of an image") for size in self.shape[2:])
        inside_x = (x >= 0).logical_and(x <= width - 1)
        is_inside = inside_x.logical_and((y >= 0).logical_and(y <= height - 1))
        row = y.clamp(0, height - 1).cast(dtypes.int64)
        column = x.clamp(0, width - 1).cast(dtypes.int64)
        place = (row * width + column).flatten(1).unsqueeze(1).expand(batch, channels, -1)
        found = self.reshape(batch, channels, height * width).gather(2, place)
        found = found.reshape(batch, channels, *x.shape[1:])
        return is_inside.unsqueeze(1).where(found, 0.0)

    def affine_grid(self, size: Sequence[int], align_corners: bool = False) -> Self:
        """Return the places that affine maps send the pixels of an image to, for ``grid_sample``.

        Args:
            size: (batch, channels, height, width) of the image to be made.
            align_corners: as for ``grid_sample``.

        Returns:
            (batch, height, width, 2) for maps of shape (batch, 2, 3).

        Raises:
            ShapeError: the maps or the size have another form.
        """
        if self.ndim != 3 or self.shape[1:] != (2, 3) or len(size) != 4:
            raise ShapeError(
                "affine_grid: the shapes do not fit",
                got=f"{show_shape(self.node.shape)} for {tuple(size)}",
                expected="(batch, 2, 3) for (batch, channels, height, width)",
            )
        batch, _, height, width = size
        y, x = (self._middles(count, align_corners) for count in (height, width))
        across, down = (
            x.reshape(1, -1).expand(height, width),
            y.reshape(-1, 1).expand(height, width),
        )
        ones = across * 0.0 + 1.0
        points = across.stack(down, ones, dim=-1).reshape(1, height * width, 3)
        return (points @ self.transpose(1, 2)).reshape(batch, height, width, 2)

    def _middles(self, count: int, align_corners: bool) -> Self:
        """Return where the middles of pixels lie between -1 and 1."""
        number = self.with_node(nodes.positions(count, self.node.dtype))
        if align_corners:
            return number * (2.0 / (count - 1)) - 1.0 if count > 1 else number * 0.0 - 1.0
        return (number * 2.0 + 1.0) / float(count) - 1.0


T = TypeVar("T", bound=Grids)


def _to_pixels(place: T, size: int, padding: str, align_corners: bool) -> T:
    """Return places between -1 and 1 in pixels, brought inside if the padding says so."""
    if align_corners:
        pixel = (place + 1.0) * ((size - 1) / 2.0)
        low, span = 0.0, float(size - 1)
    else:
        pixel = ((place + 1.0) * float(size) - 1.0) / 2.0
        low, span = -0.5, float(size)
    if padding == "reflection" and span:
        gap = (pixel - low).abs()
        turns = (gap / span).floor().detach()
        rest = gap - turns * span
        pixel = (turns % 2.0 == 0).where(rest, span - rest) + low
    if padding == "reflection" and not span:
        pixel = pixel * 0.0
    return pixel if padding == "zeros" else pixel.clamp(0.0, size - 1.0)

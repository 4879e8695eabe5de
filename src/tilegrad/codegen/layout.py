"""How a tile is cut into vectors.

The last axis is cut into pieces: full vectors as long as they fit, then powers of two. A piece of
one element is a scalar. The vectors of a tile are numbered row by row, piece by piece; a tile of
rank 0 is one scalar.
"""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

from tilegrad.base.errors import VerifyError
from tilegrad.ir.node import Node

StaticShape = tuple[int, ...]


class Piece(NamedTuple):
    """A stretch of the last axis: first element and number of elements."""

    start: int
    width: int


def static_shape(node: Node) -> StaticShape:
    """Return the shape of a tile as integers.

    Raises:
        VerifyError: a size is symbolic.
    """
    shape = node.shape
    for size in shape:
        if not isinstance(size, int):
            raise VerifyError("tiles have static shapes", got=node, expected="integer sizes")
    return shape  # type: ignore[return-value]


@functools.cache
def cut_axis(size: int, lanes: int) -> tuple[Piece, ...]:
    """Return the pieces of a last axis of ``size`` elements for vectors of ``lanes``."""
    pieces = []
    start, width = 0, lanes
    while start < size:
        while start + width > size:
            width //= 2
        pieces.append(Piece(start, width))
        start += width
    return tuple(pieces)


def pieces_of(shape: StaticShape, lanes: int) -> tuple[Piece, ...]:
    """Return the pieces of each row of a tile."""
    return cut_axis(shape[-1] if shape else 1, lanes)


def count_rows(shape: StaticShape) -> int:
    """Return the number of rows: of positions along all axes but the last."""
    rows = 1
    for size in shape[:-1]:
        rows *= size
    return rows


def count_vectors(shape: StaticShape, lanes: int) -> int:
    """Return the number of vectors of a tile."""
    return count_rows(shape) * len(pieces_of(shape, lanes))


@functools.lru_cache(4096)
def broadcast_map(
    source: StaticShape, result: StaticShape, lanes: int
) -> tuple[tuple[int, int], ...]:
    """Return for each vector of the result the source's vector, and the width to splat it to.

    The width is 0 where the source's vector is taken as it is.
    """
    pieces = pieces_of(result, lanes)
    is_splat = (source[-1] if source else 1) != (result[-1] if result else 1)
    per_row = 1 if is_splat else len(pieces)
    strides = _row_strides(source) if source else (0,) * max(len(result) - 1, 0)
    found = []
    for position in itertools.product(*map(range, result[:-1])):
        row = sum(i * stride for i, stride in zip(position, strides, strict=True))
        for number, piece in enumerate(pieces):
            if is_splat:
                found.append((row, piece.width if piece.width > 1 else 0))
            else:
                found.append((row * per_row + number, 0))
    return tuple(found)


def _row_strides(shape: StaticShape) -> tuple[int, ...]:
    """Return by how many rows each axis but the last steps, 0 for axes of size 1."""
    strides = []
    step = 1
    for size in reversed(shape[:-1]):
        strides.append(step if size > 1 else 0)
        step *= size
    return tuple(reversed(strides))

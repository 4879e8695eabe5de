"""Addresses from index tiles: a scalar base for each vector and the steps between its lanes."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.codegen.context import Context
from tilegrad.codegen.layout import StaticShape
from tilegrad.codegen.spread import (
    Spread,
    lane_offsets,
    offsets_dtype,
    resolve_terms,
    spread_index,
    stride_of,
)
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import linear
from tilegrad.ops.affine import as_node
from tilegrad.ops.linear import AddressAttributes


@dataclass(frozen=True, slots=True)
class Access:
    """Where one vector lies in memory.

    Attributes:
        address: of the first lane.
        width: number of lanes.
        stride: elements from lane to lane, None if that is not one number.
        lanes: elements from the first lane to each where these are known when compiling.
        offsets: the same as an index vector, where the stride is not 0, 1 or -1.
        itemsize: bytes of an element.
    """

    address: Node
    width: int
    stride: int | None
    lanes: tuple[int, ...] | None
    offsets: Node | None
    itemsize: int


class Addresses:
    """The addresses that one index tile gives with one pointer."""

    def __init__(self, context: Context, pointer: Node, offset: Node, shape: StaticShape) -> None:
        self.context = context
        self.base = context.scalar(pointer)
        self.itemsize = pointer.dtype.itemsize
        self.spread = spread_index(context, offset, shape)
        self.dtype = offsets_dtype(self.spread)
        is_shared = self.spread.is_uniform and self.spread.places
        self._shared = self._chain(0) if is_shared else None

    def accesses(self) -> list[Access]:
        """Return where each vector lies."""
        return [self._access(number) for number in range(len(self.spread.places))]

    def _chain(self, number: int) -> Node:
        """Return base + the scalar terms of a vector, those of outer loops first."""
        context, emitter = self.context, self.context.emitter
        terms = self.spread.base_terms(*self.spread.places[number])
        parts, known = resolve_terms(context, terms, 0)
        by_depth: dict[int, list[tuple[Node, int]]] = {}
        for value, multiplier in parts:
            by_depth.setdefault(emitter.depth_of.get(value, 0), []).append((value, multiplier))
        address = self.base
        for depth in sorted(by_depth):
            address = self._advance(address, by_depth[depth])
        return emitter.offset_address(address, known * self.itemsize)

    def _advance(self, address: Node, parts: list[tuple[Node, int]]) -> Node:
        emitter = self.context.emitter
        (value, multiplier), *rest = parts
        if rest:
            value = emitter.scale(value, multiplier)
            for other, factor in rest:
                value = emitter.add(value, emitter.scale(other, factor))
            multiplier = 1
        attributes = AddressAttributes(multiplier * self.itemsize, 0)
        return emitter.put(linear.address, (address, value), attributes)

    def _access(self, number: int) -> Access:
        spread, context = self.spread, self.context
        row, piece = spread.places[number]
        base = self._chain(number) if self._shared is None else self._shared
        first = spread.static[row][piece.start]
        address = context.emitter.offset_address(base, first * self.itemsize)
        lanes = tuple(spread.lanes(row, piece)) if spread.has_fixed_lanes else None
        stride = self._find_stride(spread, number)
        offsets = None
        if piece.width == 1 and spread.tiles:
            offsets = lane_offsets(context, spread, number, self.dtype)
            index = context.emitter.cast(offsets or as_node(0), dtypes.index)
            attributes = AddressAttributes(self.itemsize, 0)
            address = context.emitter.put(linear.address, (address, index), attributes)
        elif stride not in (0, 1, -1):
            offsets = lane_offsets(context, spread, number, self.dtype)
        return Access(address, piece.width, stride, lanes, offsets, self.itemsize)

    @staticmethod
    def _find_stride(spread: Spread, number: int) -> int | None:
        row, piece = spread.places[number]
        if piece.width == 1:
            return 0
        if not spread.has_fixed_lanes:
            return None
        return spread.stride if spread.stride is not None else stride_of(spread.lanes(row, piece))

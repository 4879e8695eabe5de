"""Rows that begin anywhere in a line of the caches, written line by line.

Only whole lines can be written past the caches. Where the rows of a large result are no multiple of
a line long, each is cut at its first and last whole line: what is between is written as lines, what
is outside together with the neighbouring row's, in the caches. Such a line has to be read before
its parts are written, and whatever is written after them waits, so each row asks for the next
row's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import attributes_of
from tilegrad.ops import symbolic, tile
from tilegrad.ops.affine import Index, as_index, as_node, split_terms
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.ops.memory import StoreAttributes
from tilegrad.tile.environment import Environment, Position, tile_position
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.lower import Lowering
from tilegrad.tile.uncached import LEAST_LINES


class Row(NamedTuple):
    """A row of results.

    Attributes:
        axis: that it runs along.
        start: where it begins in memory, in elements.
        line: how many elements a line has.
    """

    axis: Node
    start: Index
    line: int


def find_row(
    facts: Facts,
    lowering: Lowering,
    stores: Sequence[Node],
    axis: Node,
    environment: Environment,
) -> Row | None:
    """Return the row that stores write along an axis, None if there is no need to cut it.

    Args:
        facts: of the kernel.
        lowering: computes where the row begins.
        stores: those that are written past the caches along the axis.
        axis: it is tiled along the lanes of tiles of rank 1.
        environment: positions of the other axes.
    """
    extent = constant_extent(axis)
    line = LINE_BYTES // stores[0].sources[2].dtype.itemsize
    if len(stores) != 1 or extent is None or extent < LEAST_LINES * line:
        return None
    (store,) = stores
    at_zero = environment.bind(axis, Position(0))
    start = as_index(lowering.value(store.sources[1], at_zero))
    terms, rest = split_terms(start)
    if facts.stride(store, axis) != 1 or math.gcd(rest, *terms.values()) % line == 0:
        return None
    return Row(axis, start, line)


def walk_row(
    row: Row, size: int, lowering: Lowering, inside: Callable[[Position], list[Node]]
) -> list[Node]:
    """Return the effects for a row: in tiles of whole lines, and masked at its ends.

    Args:
        row: what to walk.
        size: of a tile.
        lowering: numbers the loops.
        inside: gives the effects where the axis has a position.
    """
    extent, line = constant_extent(row.axis) or 0, row.line
    end = symbolic.add(row.start, extent)
    first = _round_down(symbolic.add(row.start, line - 1), line)
    middle = symbolic.add(first, _round_down(symbolic.subtract(end, first), size))
    last = _round_down(end, line)

    def position(place: Index, count: int, limit: Index | None = None) -> Position:
        return tile_position(symbolic.subtract(place, row.start), 0, count, 1, limit)

    effects = inside(position(row.start, line, symbolic.subtract(first, row.start)))
    for start, stop, count in ((first, middle, size), (middle, last, line)):
        _, index = lowering.new_loop(start, stop)
        effects.append(tile.make_loop(index, count, (), inside(position(as_node(index), count))))
    terms, _ = split_terms(row.start)
    ahead = extent if extent in terms.values() else 0
    return [*effects, *(_ask(effect, ahead) for effect in inside(position(last, line, extent)))]


def _ask(store: Node, ahead: int) -> Node:
    """Return a store that asks for what is written so many elements further on."""
    attributes = attributes_of(store, StoreAttributes)
    return intern(store.op, store.sources, attributes._replace(ahead=ahead))


def _round_down(value: Index, unit: int) -> Index:
    return symbolic.multiply(symbolic.floor_divide(value, unit), unit)

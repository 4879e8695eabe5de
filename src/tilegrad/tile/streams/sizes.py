"""Sizes of a stream's tiles, and the memory that an instance of its program keeps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops.affine import Index
from tilegrad.ops.build import Builder
from tilegrad.tile.decisions import Decider, list_near
from tilegrad.tile.facts import constant_extent
from tilegrad.tile.streams.blocks import measure_blocks
from tilegrad.tile.streams.reach import Limits
from tilegrad.tile.streams.stream import Product, Stream, Total
from tilegrad.tile.target import TileTarget

BAND = 24
"""Rows of a band."""
BANDS = (8, 2, 4, 6, 12, 16)
"""Bands of a block, the usual number first."""
STEPS = 128
"""Steps of a tile."""


class Sizes(NamedTuple):
    """Sizes of the tiles of one stream.

    Attributes:
        rows: of a block, for which the steps' factors are laid out once.
        band: how many of them are multiplied, weighed and added at a time, so that what lies
            between these stays in the nearest cache.
        steps: of a tile of the matrix.
        columns: of the totals that have some.
        lanes: elements of a vector.
        block: rows and vectors of the register tile of a product.
        update: the same of the register tile of a total with columns.
    """

    rows: int
    band: int
    steps: int
    columns: int
    lanes: int
    block: tuple[int, int]
    update: tuple[int, int]


class Tile(NamedTuple):
    """A tile of steps.

    Attributes:
        first: its first step.
        count: how many steps it has.
        limit: where the steps end, if that is known only at run time: later ones are masked.
    """

    first: Index
    count: int
    limit: Index | None


class Band(NamedTuple):
    """Rows of a block.

    Attributes:
        first: its first row, counted from that of the block.
        count: how many rows it has.
        row: its first row, counted from that of the matrix.
    """

    first: Index
    count: Index
    row: Index


def choose_sizes(
    stream: Stream, limits: Limits, target: TileTarget, columns: int, decider: Decider
) -> Sizes:
    """Return sizes that fit the registers, the extents, the threads, and half of the cache.

    Args:
        stream: the kernel.
        limits: bounds on its steps.
        target: the processor.
        columns: of each total that has some.
        decider: chooses.
    """
    width = target.vector_bytes // stream.dtype.itemsize
    tile_rows, tile_columns = find_tile(stream.products)
    extent = constant_extent(stream.rows) or BAND * BANDS[0]
    band = decider.take("band", list_near(BAND, BAND // 2, 4 * BAND))
    band = round_up(min(band, extent), tile_rows)
    most = max(
        1, min(target.cache_bytes // (2 * band * _row_bytes(stream, columns)), -(-extent // band))
    )
    counts = tuple(dict.fromkeys(min(count, most) for count in BANDS))
    costs = [measure_blocks(stream, limits, columns, (one, band), target.threads) for one in counts]
    known = {count: cost for count, cost in zip(counts, costs, strict=True) if cost is not None}
    rows = band * decider.take("bands", counts, known.__getitem__ if known else None)
    steps = decider.take("steps", list_near(STEPS, STEPS // 2, 4 * STEPS))
    steps = round_up(min(steps, constant_extent(stream.steps) or steps), tile_columns)
    has_many = target.registers >= 32
    blocks = ((12, 2), (8, 3), (6, 4), (14, 2)) if has_many else ((6, 2), (4, 2), (4, 3))
    block = decider.take("registers", blocks, label=_name_block)
    vectors = min(4 if target.registers >= 32 else 2, math.ceil(columns / width))
    update = max(1, (block[0] * block[1]) // vectors)
    return Sizes(rows, band, steps, columns, width, block, (update, vectors))


def _row_bytes(stream: Stream, columns: int) -> int:
    """Return what an instance holds for a row of its block: factors, and totals with columns."""
    totals = sum(total.columns is not None and not total.is_across for total in stream.totals)
    width = sum(length_of(product) for product in stream.products) + totals * columns
    return width * stream.dtype.itemsize


def _name_block(block: tuple[int, int]) -> str:
    rows, vectors = block
    return f"{rows}x{vectors}"


def find_tile(products: Iterable[Product]) -> tuple[int, int]:
    """Return rows and columns of the tile registers that multiply, 1 and 1 if none do.

    All tiles have this one shape, as a register has one shape in a whole kernel.
    """
    for product in products:
        if product.unit is not None and product.unit.rows > 1:
            return product.unit.rows, product.unit.columns
    return 1, 1


def round_up(count: int, step: int) -> int:
    """Return the least multiple of a step that is no less."""
    return -(-count // step) * step


def length_of(product: Product) -> int:
    """Return how many terms a product sums."""
    return constant_extent(product.axis) or 1


@dataclass(eq=False, slots=True)
class Held:
    """Scratch memory of an instance.

    Attributes:
        rows: for each product, the rows' factor, [rows, length].
        panels: for each product, the steps' factor, [length, steps]; words of neighbours along the
            length where a matrix unit multiplies, [length / group, steps, group].
        products: for each product, a tile of it, [band, steps].
        weights: for what totals with columns combine, a tile, [band, steps].
        totals: for each total, [rows], [rows, columns] or, if it is across, [all steps, columns].
        sums: for each total without columns, that of this tile, [rows].
        maxima: for each exponent, the greatest so far, [rows].
        parts: for each exponent, the greatest of this tile, [rows].
        shifts: for each exponent, what is subtracted from it, [rows].
        scales: for each exponent, by what totals so far are rescaled in this tile, [rows].
    """

    rows: dict[Product, Node] = field(default_factory=dict)
    panels: dict[Product, Node] = field(default_factory=dict)
    products: dict[Product, Node] = field(default_factory=dict)
    weights: dict[tuple[Node | None, Node], Node] = field(default_factory=dict)
    totals: dict[Total, Node] = field(default_factory=dict)
    sums: dict[Total, Node] = field(default_factory=dict)
    maxima: dict[Node, Node] = field(default_factory=dict)
    parts: dict[Node, Node] = field(default_factory=dict)
    shifts: dict[Node, Node] = field(default_factory=dict)
    scales: dict[Node, Node] = field(default_factory=dict)


def weight_key(total: Total) -> tuple[Node | None, Node]:
    """Return what tells apart what totals combine."""
    return total.exponent, total.weight


def count_steps(stream: Stream, sizes: Sizes) -> int:
    """Return how many steps a total across has room for."""
    return math.ceil((constant_extent(stream.steps) or 0) / sizes.steps) * sizes.steps


def hold(build: Builder, stream: Stream, sizes: Sizes) -> Held:
    """Declare the memory."""
    dtype, area = stream.dtype, sizes.band * sizes.steps
    held = Held()
    for product in stream.products:
        length = length_of(product)
        held.rows[product] = build.scratch(product.row.dtype, sizes.rows * length)
        held.panels[product] = build.scratch(product.step.dtype, sizes.steps * length)
        held.products[product] = build.scratch(dtype, area)
    for exponent in dict.fromkeys(total.exponent for total in stream.totals):
        if exponent is not None:
            for one in (held.maxima, held.parts, held.shifts, held.scales):
                one[exponent] = build.scratch(dtype, sizes.rows)
    for total in stream.totals:
        if total.kind == "maximum" and total.weight in held.maxima:
            held.totals[total] = held.maxima[total.weight]  # it is noted anyway
        elif total.columns is None:
            held.totals[total] = build.scratch(dtype, sizes.rows)
            held.sums[total] = build.scratch(dtype, sizes.rows)
        else:
            height = count_steps(stream, sizes) if total.is_across else sizes.rows
            held.totals[total] = build.scratch(dtype, height * sizes.columns)
            if weight_key(total) not in held.weights:
                held.weights[weight_key(total)] = build.scratch(dtype, area)
    return held

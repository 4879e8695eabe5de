"""Register tiles of streams: products of rows with steps, and of the matrix with columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import memory, symbolic, tile
from tilegrad.ops.affine import Index
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.kernel import find_free
from tilegrad.ops.movement import filled, permute_axes, reshape_to
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.products.narrow import find_round
from tilegrad.tile.streams.sizes import (
    Band,
    Held,
    Sizes,
    Tile,
    find_tile,
    length_of,
    round_up,
    weight_key,
)
from tilegrad.tile.streams.stream import Product, Stream, Total

SQUARE = 16
"""Side of the tiles in which factors are laid out anew."""

Places = Mapping[Node, Index]
Evaluate = Callable[[Node, Places], Node]


class Context(NamedTuple):
    """What writing the tiles of a stream takes.

    Attributes:
        build: what is written to.
        stream: the kernel.
        sizes: of its tiles.
        held: memory of the instance.
        value: gives an expression at places of the axes of rows, steps, columns and sums.
    """

    build: Builder
    stream: Stream
    sizes: Sizes
    held: Held
    value: Evaluate


def lay_out(context: Context, product: Product, at: Tile) -> None:
    """Copy a tile of the steps' factor so that steps are neighbours."""
    build, width = context.build, context.sizes.steps
    for along, length in tiles(build, length_of(product), SQUARE * product.group):
        for across, size in tiles(build, at.count, SQUARE):
            place = symbolic.add(along, lanes(length, 2, 0))
            inside = symbolic.add(across, lanes(size, 2, 1))
            step = symbolic.add(at.first, inside)
            value = context.value(product.step, {product.axis: place, context.stream.steps: step})
            value = _mask_loads(value, step, at.limit)
            if product.group > 1:
                offset = _words_place(product.group, (along, across), (length, size), width)
                value = _as_words(value, (length, size), product.group)
            else:
                offset = symbolic.add(symbolic.multiply(place, width), inside)
            build.store(context.held.panels[product], offset, value)


def _mask_loads(value: Node, step: Index, limit: Index | None) -> Node:
    """Let loads beyond the last step give zero."""
    if limit is None:
        return value
    mask = symbolic.less(step, limit)
    guarded = {}
    for node in find_free(value):
        if node.op is memory.load:
            pointer, offset, *rest = node.sources
            condition = symbolic.as_condition(symbolic.logical_and(mask, *rest))
            guarded[node] = memory.make_load(pointer, offset, condition)
    (result,) = substitute([value], guarded)
    return result


def multiply(
    context: Context, product: Product, at: Tile, band: Band, steps: tuple[Index, Index]
) -> None:
    """Compute a tile of the matrix: rows' factor times steps' factor.

    Args:
        context: what is written.
        product: what is multiplied.
        at: the steps.
        band: the rows.
        steps: from which step of the tile up to which one it is needed.
    """
    build, held, sizes = context.build, context.held, context.sizes
    (rows, vectors), length = sizes.block, length_of(product)
    columns, count = vectors * sizes.lanes, at.count
    high, wide = find_tile([product])
    if high > 1:  # beyond the steps there is room, and results that nothing reads
        rows, columns, count = 2 * high, 2 * wide, round_up(count, wide)
    depth = 1 if product.unit is None else find_round(product.unit, length)
    for step, size in tiles(build, count, columns, steps):
        for row, high in tiles(build, sizes.band, rows, (0, band.count)):
            down, across = _spread(row, high, 0), _spread(step, size, 1)
            start = filled(0.0, context.stream.dtype, (high, size))
            with build.loop(0, length, depth, total=start) as loop:
                terms = _spread(loop.index, depth, 1)
                at_row = symbolic.multiply(symbolic.add(band.first, down), length)
                place = symbolic.add(at_row, terms)
                left = _as_matrix(build.load(held.rows[product], place), (high, depth))
                right = _read_panel(context, product, (loop.index, depth), (step, size))
                loop["total"] = tile.dot(left, right, loop["total"])
            place = symbolic.add(symbolic.multiply(down, sizes.steps), across)
            build.store(held.products[product], place, loop["total"])


def _read_panel(
    context: Context, product: Product, terms: tuple[Index, int], steps: tuple[Index, int]
) -> Node:
    """Return terms of the steps' factor: (terms, steps)."""
    build, panel, width = context.build, context.held.panels[product], context.sizes.steps
    (term, depth), (step, size), group = terms, steps, product.group
    if group == 1:
        place = symbolic.add(symbolic.multiply(term, width), _spread(step, size, 1))
        return _as_matrix(build.load(panel, place), (1, size))
    place = _words_place(group, (term, step), (depth, size), width)
    words = reshape_to(build.load(panel, place), (depth // group, size, group))
    return reshape_to(permute_axes(words, (0, 2, 1)), (depth, size))


def _words_place(
    group: int, first: tuple[Index, Index], shape: tuple[int, int], width: int
) -> Index:
    """Return where words lie in a panel: (terms / group, steps · group), from a term and step."""
    (term, step), (terms, steps) = first, shape
    return symbolic.add(
        symbolic.multiply(symbolic.add(term, lanes(terms // group, 2, 0) * group), width),
        symbolic.multiply(step, group),
        lanes(steps * group, 2, 1),
    )


def _as_words(value: Node, shape: tuple[int, int], group: int) -> Node:
    """Return a tile (terms, steps) as (terms / group, steps · group)."""
    terms, steps = shape
    apart = reshape_to(value, (terms // group, group, steps))
    return reshape_to(permute_axes(apart, (0, 2, 1)), (terms // group, steps * group))


def update(
    context: Context,
    total: Total,
    columns: Node,
    at: Tile,
    band: Band,
    steps: tuple[Index, Index],
) -> None:
    """Add the products of a tile of the matrix with the columns to their totals, for each row.

    Args:
        context: what is written.
        total: it is summed along the steps.
        columns: what the matrix is multiplied by, for each step and column.
        at: the steps.
        band: the rows.
        steps: from which step of the tile up to which one any of the rows has something to add.
    """
    build, held, sizes = context.build, context.held, context.sizes
    (rows, vectors), sums = sizes.update, held.totals[total]
    for column, size in tiles(build, sizes.columns, vectors * sizes.lanes):
        for row, high in tiles(build, sizes.band, rows, (0, band.count)):
            down, across = _spread(row, high, 0), _spread(column, size, 1)
            at_row = symbolic.add(band.first, down)
            place = symbolic.add(symbolic.multiply(at_row, sizes.columns), across)
            start = _as_matrix(build.load(sums, place), (high, size))
            if total.exponent is not None:
                scale = build.load(held.scales[total.exponent], at_row)
                start = start * _as_matrix(scale, (high, 1))
            with build.loop(*steps, total=start) as loop:
                at_step = symbolic.add(symbolic.multiply(down, sizes.steps), loop.index)
                left = _as_matrix(build.load(held.weights[weight_key(total)], at_step), (high, 1))
                places = {context.stream.steps: symbolic.add(at.first, loop.index)}
                right = _columns(context, columns, places, across, size)
                loop["total"] = tile.dot(left, right, loop["total"])
            build.store(sums, place, loop["total"])


def update_across(
    context: Context,
    total: Total,
    columns: Node,
    at: Tile,
    band: Band,
    steps: tuple[Index, Index],
) -> None:
    """Add the products of a tile of the matrix with the columns to their totals, for each step.

    Args:
        context: what is written.
        total: it is summed along the rows.
        columns: what the matrix is multiplied by, for each row and column.
        at: the steps.
        band: the rows.
        steps: from which step of the tile up to which one any of the rows has something to add.
    """
    build, held, sizes = context.build, context.held, context.sizes
    (height, vectors), sums = sizes.update, held.totals[total]
    for column, size in tiles(build, sizes.columns, vectors * sizes.lanes):
        for step, high in tiles(build, at.count, height, steps):
            down, across = _spread(step, high, 0), _spread(column, size, 1)
            place = symbolic.multiply(symbolic.add(at.first, down), sizes.columns)
            place = symbolic.add(place, across)
            start = _as_matrix(build.load(sums, place), (high, size))
            with build.loop(0, band.count, total=start) as loop:
                at_row = symbolic.add(symbolic.multiply(loop.index, sizes.steps), down)
                left = _as_matrix(build.load(held.weights[weight_key(total)], at_row), (high, 1))
                places = {context.stream.rows: symbolic.add(band.row, loop.index)}
                right = _columns(context, columns, places, across, size)
                loop["total"] = tile.dot(left, right, loop["total"])
            build.store(sums, place, loop["total"])


def _columns(context: Context, columns: Node, places: Places, across: Index, size: int) -> Node:
    axis = context.stream.columns
    known = places if axis is None else {**places, axis: across}
    return _as_matrix(context.value(columns, known), (1, size))


def _spread(start: Index, size: int, axis: int) -> Index:
    """Return a tile of consecutive indices along an axis of a matrix; a scalar if it is one."""
    return symbolic.add(start, lanes(size, 2, axis)) if size > 1 else start


def _as_matrix(value: Node, shape: tuple[int, int]) -> Node:
    return value if value.shape == shape else reshape_to(value, shape)


def tiles(
    build: Builder, extent: int, size: int, needed: tuple[Index, Index] | None = None
) -> Iterator[tuple[Index, int]]:
    """Yield start and size of a loop's tile, for the body to be written within, and of the rest.

    Args:
        build: what is written to.
        extent: how much there is room for.
        size: of a tile.
        needed: where to start and to stop, if not all of it is needed.
    """
    whole = extent - extent % size
    if whole == size:
        yield 0, size
    elif whole:
        start, stop = (0, whole) if needed is None else needed
        start = symbolic.multiply(symbolic.floor_divide(start, size), size)
        with build.loop(start, symbolic.minimum(whole, stop), size) as loop:
            yield loop.index, size
    if extent % size:
        yield whole, extent % size

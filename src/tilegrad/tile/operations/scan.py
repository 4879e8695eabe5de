"""Running sums, products, maxima and minima as tile programs.

The data is seen as (outer, length, inner), the axis in the middle. Where inner > 1 the lanes lie
along it and every instance goes down its columns: with the totals in registers, or, where rows are
longer, in its own memory, so that long pieces of rows are read. Where inner is 1, a row is cut into
chunks of some vectors, each of which is scanned by itself: only the totals of the chunks wait for
each other.
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.bounds import bounds
from tilegrad.ops.build import Builder, combine, lanes
from tilegrad.ops.combining import accumulator, combining_op, identity
from tilegrad.ops.comparison import where
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import filled
from tilegrad.ops.program import Program
from tilegrad.ops.scan import Kind, ScanAttributes, scan

_COLUMN_BYTES = 512
"""Width of the columns whose totals stay in registers: whole cache lines, several vectors."""
_STRIP_BYTES = 32768
"""Width of the strip of columns that an instance goes down where rows are long: several pages.

Narrower ones would fill more threads, but of rows of 4 KiB halves take 2 to 3 times as long.
"""
_CHUNK_BYTES = 256
"""Width of what is scanned at a time along a row: vectors that do not wait for each other."""
_SHORT_ROW = 64
"""Rows of known lengths up to this are scanned whole."""


def build_scan(dtype: DType, shape: Shape, axis: int, kind: Kind) -> Program:
    """Return the program of ``scan``: slots input, output, then sizes.

    Floats narrower than 32 bits accumulate in float32; each result is rounded.

    Args:
        dtype: of the elements.
        shape: of the tensor; sizes may be symbolic.
        axis: along which elements combine.
        kind: how.
    """
    outer = symbolic.multiply_all(shape[:axis])
    inner = symbolic.multiply_all(shape[axis + 1 :])
    if inner == 1:
        return _scan_rows(dtype, outer, shape[axis], kind)
    if bounds(inner)[0] * dtype.itemsize > _COLUMN_BYTES:
        return _scan_strips(dtype, (outer, shape[axis], inner), kind)
    return _scan_columns(dtype, outer, shape[axis], inner, kind)


def _scan_columns(dtype: DType, outer: Index, length: Index, inner: Index, kind: Kind) -> Program:
    wide = _accumulator(dtype, kind)
    width = limit_width(inner, _COLUMN_BYTES // wide.itemsize)
    build = Builder(f"scan_columns_{kind}_{dtype.name}")
    count = symbolic.multiply_all((outer, length, inner))
    x, y = build.input(dtype, count), build.output(dtype, count)
    rows, depth = build.scalar("outer", outer), build.scalar("length", length)
    columns = build.scalar("inner", inner)
    first = build.instance(rows) * depth
    column = build.instance((columns + (width - 1)) // width) * width + lanes(width)
    is_inside = column < columns
    with build.loop(0, depth, total=filled(identity(kind, wide), wide, (width,))) as loop:
        offset = (first + loop.index) * columns + column
        element = cast_to(build.load(x, offset, is_inside), wide)
        loop["total"] = combining_op(kind, wide)(loop["total"], element)
        build.store(y, offset, cast_to(loop["total"], dtype), is_inside)
    return build.program()


def _scan_strips(dtype: DType, sizes: tuple[Index, Index, Index], kind: Kind) -> Program:
    outer, length, inner = sizes
    wide = _accumulator(dtype, kind)
    width = _COLUMN_BYTES // wide.itemsize
    strip = limit_width(inner, _STRIP_BYTES // wide.itemsize)
    build = Builder(f"scan_strips_{kind}_{dtype.name}")
    count = symbolic.multiply_all(sizes)
    x, y = build.input(dtype, count), build.output(dtype, count)
    rows, depth = build.scalar("outer", outer), build.scalar("length", length)
    columns = build.scalar("inner", inner)
    totals = build.scratch(wide, strip)
    first = build.instance(rows) * depth
    start = build.instance((columns + (strip - 1)) // strip) * strip
    end = symbolic.minimum(columns - start, strip)
    with build.loop(0, strip, width) as chunk:
        build.store(totals, chunk.index + lanes(width), identity(kind, wide))
    with build.loop(0, depth) as row:

        def write(place: Node, mask: Node | None) -> None:
            offset = (first + row.index) * columns + start + place
            element = cast_to(build.load(x, offset, mask), wide)
            total = combining_op(kind, wide)(build.load(totals, place), element)
            build.store(totals, place, total)
            build.store(y, offset, cast_to(total, dtype), mask)

        build.for_each(0, end, width, write)
    return build.program()


def _scan_rows(dtype: DType, outer: Index, length: Index, kind: Kind) -> Program:
    wide = _accumulator(dtype, kind)
    build = Builder(f"scan_rows_{kind}_{dtype.name}")
    count = symbolic.multiply(outer, length)
    x, y = build.input(dtype, count), build.output(dtype, count)
    row = build.instance(build.scalar("outer", outer))
    if isinstance(length, int) and length <= _SHORT_ROW:
        offset = row * length + lanes(length)
        result = _scan_tile(cast_to(build.load(x, offset), wide), kind)
        build.store(y, offset, cast_to(result, dtype))
        return build.program()
    columns = build.scalar("length", length)
    width = _CHUNK_BYTES // wide.itemsize
    nothing = constant(identity(kind, wide), wide)
    whole = columns // width * width

    def walk(start: Index, stop: Index, total: Node, *, is_rest: bool) -> Node:
        with build.loop(start, stop, width, total=total) as chunks:
            place = chunks.index + lanes(width)
            mask = place < columns if is_rest else None
            element = cast_to(build.load(x, row * columns + place, mask), wide)
            if mask is not None:
                element = where(mask, element, nothing)
            result = combining_op(kind, wide)(chunks["total"], _scan_tile(element, kind))
            build.store(y, row * columns + place, cast_to(result, dtype), mask)
            chunks["total"] = combining_op(kind, wide)(chunks["total"], combine(element, kind))
        return chunks["total"]

    walk(whole, columns, walk(0, whole, nothing, is_rest=False), is_rest=True)
    return build.program()


def _scan_tile(elements: Node, kind: Kind) -> Node:
    return scan(elements, attributes=ScanAttributes(len(elements.shape) - 1, kind))


def _accumulator(dtype: DType, kind: Kind) -> DType:
    """Return the accumulator of a scan: infinities of FP8, once wide, would not come back."""
    is_selection = kind in ("maximum", "minimum")
    return dtype if is_selection and dtype is dtypes.float8_e5m2 else accumulator("add", dtype)


def limit_width(size: Index, widest: int) -> int:
    """Return the least power of two that is not less than ``size``, but ``widest`` at most."""
    if not isinstance(size, int) or size >= widest:
        return widest
    return 1 << max(0, size - 1).bit_length()

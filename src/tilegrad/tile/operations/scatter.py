"""Scatter as a tile program: the base is copied, then the updates are applied in order.

An index that is nothing but the position along one of its own axes (``aligned``, as all but one are
in ``scatter_add``) needs no array, and places along it are independent of each other. How the work
is divided is told in ``scatter_loops``.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.build import Builder
from tilegrad.ops.combining import accumulator, combining_op
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.indexing import Mode
from tilegrad.ops.leaves import Number, constant
from tilegrad.ops.program import Program
from tilegrad.tile.operations.scan import limit_width
from tilegrad.tile.operations.scatter_layout import lay_out
from tilegrad.tile.operations.scatter_loops import choose_loops

_TILE_BYTES = 256
"""How much is moved at once: whole cache lines, several vectors."""


def build_scatter(
    dtype: DType,
    shape: Shape,
    positions: Shape,
    indices: Sequence[DType | int],
    axes: tuple[int, ...],
    mode: Mode,
    fill: Number | None = None,
) -> Program:
    """Return the program of ``scatter``: base, updates, index arrays, output, then sizes.

    Sums and products of floats narrower than 32 bits accumulate in float32, in a workspace, from
    which every element is converted back (so an infinity in FP8 saturates).

    Args:
        dtype: of the data.
        shape: of the data; sizes may be symbolic.
        positions: shape of the index arrays.
        indices: for each of ``axes`` the dtype of its index array, or the axis of ``positions``
            whose position is the index; then there is no array.
        axes: the axes of the data that the indices select from, in increasing order.
        mode: set, add, multiply, maximum or minimum.
        fill: the value of every element of the base; then the base is no input.

    Raises:
        ArgumentError: two indices are the position along the same axis.
    """
    layout = lay_out(shape, positions, indices, axes)
    build = Builder(f"scatter_{mode}_{dtype.name}")
    count = symbolic.multiply_all(shape)
    total = symbolic.multiply_all(positions)
    rest = symbolic.multiply_all(axis.size for axis in layout.rest)
    wide = accumulator(mode, dtype)
    base = build.input(dtype, count) if fill is None else None
    updates = build.input(dtype, symbolic.multiply(total, rest))
    arrays = [build.input(kind, total) for kind in indices if isinstance(kind, DType)]
    output = build.output(dtype, count)
    memory = output if wide is dtype else build.workspace(wide, count)
    layout.declare(build)
    width = limit_width(layout.data[-1].size, _TILE_BYTES // wide.itemsize)
    loops = choose_loops(build, layout, width)

    def begin(offset: Index, mask: Node | None) -> None:
        initial = constant(fill or 0, wide)
        if base is not None:
            initial = cast_to(build.load(base, offset, mask), wide)
        build.store(memory, offset, initial, mask)

    def apply(source: Index, offset: Index, mask: Node | None) -> None:
        value = cast_to(build.load(updates, source, mask), wide)
        if mode != "set":
            value = combining_op(mode, wide)(build.load(memory, offset, mask), value)
        build.store(memory, offset, value, mask)

    def end(offset: Index, mask: Node | None) -> None:
        build.store(output, offset, cast_to(build.load(memory, offset, mask), dtype), mask)

    loops.for_each_element(begin)
    loops.for_each_update(arrays, apply)
    if memory is not output:
        loops.for_each_element(end)
    return build.program()

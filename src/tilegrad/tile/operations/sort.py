"""Sorts as tile programs: by a network where there are many rows, else by ranks or by digits.

Rows that are too long for a network are sorted by their digits, a few short ones by ranks. A few
first places of long rows are selected without sorting the rest.
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType
from tilegrad.ir.op import Shape
from tilegrad.ops import symbolic
from tilegrad.ops.bounds import bounds
from tilegrad.ops.program import Program
from tilegrad.tile.operations import network_sort, radix_sort, rank_sort, selection


def build_argsort(
    dtype: DType, shape: Shape, axis: int, *, is_descending: bool, count: int | None = None
) -> Program:
    """Return the program of ``argsort``: input, output of dtype int64, workspaces, then sizes.

    Args:
        dtype: of the elements.
        shape: of the tensor; sizes may be symbolic.
        axis: along which to sort.
        is_descending: whether the greatest comes first. Equal elements keep their order and NaN
            comes last either way.
        count: how many first places are wanted; None for all.
    """
    outer = symbolic.multiply_all(shape[:axis])
    inner = symbolic.multiply_all(shape[axis + 1 :])
    length = shape[axis]
    wanted = length if count is None else count
    rows = symbolic.multiply(outer, inner)
    if isinstance(length, int) and network_sort.suits(dtype, length, rows, has_positions=True):
        return network_sort.build_network_sort(
            dtype, (outer, length, inner), wanted, is_descending=is_descending, has_positions=True
        )
    if count is not None and selection.selects(dtype, length, inner, count):
        return selection.build_selection(dtype, outer, length, count, is_descending=is_descending)
    is_short = bounds(length)[1] <= rank_sort.LONGEST
    build = rank_sort.build_rank_sort if is_short else radix_sort.build_radix_sort
    return build(dtype, (outer, length, inner), wanted, is_descending=is_descending)


def build_sort(dtype: DType, shape: Shape, axis: int, *, is_descending: bool) -> Program:
    """Return the program of ``sort``: input, output of the same dtype, workspaces, then sizes.

    Args:
        dtype: of the elements.
        shape: of the tensor; sizes may be symbolic.
        axis: along which to sort.
        is_descending: whether the greatest comes first.
    """
    outer, length = symbolic.multiply_all(shape[:axis]), shape[axis]
    inner = symbolic.multiply_all(shape[axis + 1 :])
    rows = symbolic.multiply(outer, inner)
    if isinstance(length, int) and network_sort.suits(dtype, length, rows, has_positions=False):
        return network_sort.build_network_sort(
            dtype, (outer, length, inner), length, is_descending=is_descending, has_positions=False
        )
    return radix_sort.build_radix_sort(
        dtype, (outer, length, inner), length, is_descending=is_descending, has_positions=False
    )

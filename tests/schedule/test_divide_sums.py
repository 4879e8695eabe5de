"""Sums over pieces: which are taken apart, into what, and the same values."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.schedule.kernels import run_kernel
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory
from tilegrad.ops.arithmetic import floor_divide, modulo
from tilegrad.schedule.divide_sums import LEAST_PIECE, divide_sums

COLUMNS = 3


def joined(heads: int, rows: int, piece: int, *, size: int | None = None) -> Node:
    """Return the kernel of a product of heads that are joined, read in pieces of some size."""
    size = size or piece
    row, column = kernel.make_axis("i0", rows), kernel.make_axis("i1", COLUMNS)
    term = kernel.make_axis("r0", heads * piece)
    place = (term // size) * (rows * size) + row * size + term % size
    x, y = (
        memory.make_load(memory.make_parameter(slot, dtypes.int32), index)
        for slot, index in ((1, place), (2, column * (heads * piece) + term))
    )
    value = kernel.make_sum(x * y, term)
    pointer = memory.make_parameter(0, dtypes.int32)
    return kernel.kernel(memory.make_store(pointer, row * COLUMNS + column, value))


def scaled(blocks: int, size: int) -> Node:
    """Return the kernel of a product with numbers of which blocks have a scale in common."""
    row, column = kernel.make_axis("i0", 2), kernel.make_axis("i1", COLUMNS)
    term = kernel.make_axis("r0", blocks * size)
    x, levels, scales = (
        memory.make_load(memory.make_parameter(slot, dtypes.int32), index)
        for slot, index in (
            (1, row * (blocks * size) + term),
            (2, column * (blocks * size) + term),
            (3, column * blocks + term // size),
        )
    )
    value = kernel.make_sum(x * (levels * scales), term)
    pointer = memory.make_parameter(0, dtypes.int32)
    return kernel.kernel(memory.make_store(pointer, row * COLUMNS + column, value))


def bound_axes(program: Node) -> list[int]:
    (total,) = (node for node in sort_topologically([program]) if node.op is kernel.reduce_over)
    return [int(kernel.extent_of(axis)) for axis in total.sources[1:]]


@given(st.integers(2, 5), st.integers(2, 4), st.integers(LEAST_PIECE, 2 * LEAST_PIECE))
def test_pieces_become_an_axis(heads, rows, piece):
    program = joined(heads, rows, piece)
    found = divide_sums(program)
    assert bound_axes(found) == [heads, piece]
    assert not any(node.op in (floor_divide, modulo) for node in sort_topologically([found]))
    random = numpy.random.default_rng(piece)
    x, y = (
        random.integers(-9, 9, size).astype(numpy.int32)
        for size in ((heads, rows, piece), (COLUMNS, heads, piece))
    )
    result = numpy.zeros(rows * COLUMNS, numpy.int32)
    run_kernel(found, [result, x.ravel(), y.ravel()])
    expected = numpy.einsum("hrp,chp->rc", x, y)
    numpy.testing.assert_array_equal(result.reshape(rows, COLUMNS), expected)


@pytest.mark.parametrize(
    "program",
    [
        joined(4, 3, LEAST_PIECE - 1),
        joined(3, 2, LEAST_PIECE, size=2 * LEAST_PIECE),
        scaled(3, LEAST_PIECE),
    ],
    ids=["short pieces", "pieces that do not fill the axis", "scales of blocks"],
)
def test_others_stay(program):
    assert divide_sums(program) is program

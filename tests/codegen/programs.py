"""Tile programs for the tests of code generation, with what they compute in NumPy."""

from __future__ import annotations

import numpy

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import exponential, leaves, memory, reduction, tile
from tilegrad.ops.affine import Index, as_index
from tilegrad.ops.leaves import constant
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.ops.symbolic import as_condition, less


def iota(shape: tuple[int, ...], axis: int) -> Node:
    return leaves.iota(attributes=leaves.IotaAttributes(shape, axis))


def below(index: Node, bound: Index) -> Node:
    return as_condition(less(as_index(index), bound))


def reduce_over(op, node: Node, *axes: int) -> Node:
    return op(node, attributes=ReduceAttributes(axes))


def full(value: float, shape: tuple[int, ...], dtype: DType) -> Node:
    from tilegrad.ops.movement import ExpandAttributes, ReshapeAttributes, expand, reshape

    ones = reshape(constant(value, dtype), attributes=ReshapeAttributes((1,) * len(shape)))
    return expand(ones, attributes=ExpandAttributes(shape))


def softmax(rows: int, columns: Index, width: int = 64, dtype: DType = dtypes.float32) -> Node:
    """A row of softmax per instance, in three loops with a mask at the end; slots x, y."""
    source, target = memory.make_parameter(0, dtype), memory.make_parameter(1, dtype)
    base = tile.make_program_index(0) * columns
    places = iota((1, width), 1)

    def load(number: int) -> tuple[Node, Node, Node, Node]:
        index = tile.make_loop_index(number, 0, columns)
        mask = below(index + places, columns)
        offset = base + index + places
        return index, offset, mask, memory.make_load(source, offset, mask)

    least = constant(-float("inf"), dtype)
    index, _, mask, x = load(1)
    carry = tile.make_carry(1, 0, full(-float("inf"), (1, width), dtype))
    from tilegrad.ops import arithmetic, comparison

    next_ = arithmetic.maximum(carry, comparison.where(mask, x, least))
    loop = tile.make_loop(index, width, [(carry, next_)])
    greatest = reduce_over(reduction.reduce_maximum, tile.make_loop_results(loop)[0], 1)

    index, _, mask, x = load(2)
    carry = tile.make_carry(2, 0, full(0, (1, width), dtype))
    power = comparison.where(mask, exponential.exp(x - greatest), constant(0, dtype))
    loop = tile.make_loop(index, width, [(carry, carry + power)])
    total = reduce_over(reduction.reduce_sum, tile.make_loop_results(loop)[0], 1)

    index, offset, mask, x = load(3)
    store = memory.make_store(target, offset, exponential.exp(x - greatest) / total, mask)
    loop = tile.make_loop(index, width, effects=[store])
    return tile.make_program("softmax", [rows], [loop])


def softmax_reference(x: numpy.ndarray) -> numpy.ndarray:
    wide = x.astype(numpy.float64)
    power = numpy.exp(wide - wide.max(1, keepdims=True))
    return power / power.sum(1, keepdims=True)


def matmul(
    m: int, k: int, n: int, rows: int = 4, columns: int = 32, dtype: DType = dtypes.float32
) -> Node:
    """C = A·B, a tile of C per instance; m and n are multiples of the tile."""
    a, b, c = (memory.make_parameter(slot, dtype) for slot in range(3))
    top = tile.make_program_index(0) * rows
    left = tile.make_program_index(1) * columns
    index = tile.make_loop_index(1, 0, k)
    down, across = iota((rows, 1), 0), iota((1, columns), 1)
    a_tile = memory.make_load(a, (top + down) * k + index)
    b_tile = memory.make_load(b, index * n + left + across)
    carry = tile.make_carry(1, 0, full(0, (rows, columns), dtype))
    loop = tile.make_loop(index, 1, [(carry, tile.dot(a_tile, b_tile, carry))])
    offset = (top + down) * n + left + across
    store = memory.make_store(c, offset, tile.make_loop_results(loop)[0])
    return tile.make_program("matmul", [m // rows, n // columns], [store])

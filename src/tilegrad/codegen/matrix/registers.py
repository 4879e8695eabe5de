"""Matrices in tile registers: read from memory, and exchanged with vectors through memory."""

from __future__ import annotations

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.layout import cut_axis
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import linear, matrix
from tilegrad.ops.affine import as_node
from tilegrad.ops.infer import known_sizes
from tilegrad.ops.linear import ReadAttributes, WriteAttributes
from tilegrad.ops.matrix import MatrixAttributes
from tilegrad.ops.memory import make_scratch

LARGEST_VECTOR = 16
"""Words in a vector register at most."""

_SPILL = (1 << 30) + 1
"""Identity of the memory from which vectors are read as matrices; others follow it."""
_SPILL_BYTES = 1024
"""What a tile register holds: 16 rows of 64 bytes."""


def _spill_address(context: Context, number: int = 0) -> Node:
    return context.scalar(make_scratch(_SPILL + number, dtypes.uint8, _SPILL_BYTES))


def matrix_of(context: Context, rows: list[Vectors], attributes: MatrixAttributes) -> Node:
    """Return rows of vectors as a matrix."""
    emitter, address = context.emitter, _spill_address(context)
    step = attributes.columns * matrix.WORD_BYTES
    depth = max(emitter.depth_of.get(vector, 0) for row in rows for vector in row)
    for number, row in enumerate(rows):
        offset = number * step
        for vector in row:
            sources = (emitter.offset_address(address, offset), vector)
            order = WriteAttributes(emitter.next_order())
            emitter.put_at(depth, intern(linear.write, sources, order))
            offset += max(linear.lanes_of(vector), 1) * matrix.WORD_BYTES
    return emitter.put_below(depth, matrix.read_matrix, (address, as_node(step)), attributes)


def rows_of(context: Context, value: Node, dtype: DType) -> list[Vectors]:
    """Return the rows of a matrix as vectors, which are read where they are used.

    The memory that they are read from is therefore used for nothing else.
    """
    emitter = context.emitter
    address = _spill_address(context, emitter.next_order())
    rows, columns = known_sizes(value.shape)
    step = columns * matrix.WORD_BYTES
    depth = emitter.depth_of.get(value, 0)
    order = WriteAttributes(emitter.next_order())
    write = intern(matrix.write_matrix, (address, as_node(step), value), order)
    emitter.put_at(depth, write)
    address = emitter.put(linear.address_after, (address, write))
    result = []
    for row in range(rows):
        vectors = []
        for start, width in cut_axis(columns, LARGEST_VECTOR):
            place = emitter.offset_address(address, row * step + start * matrix.WORD_BYTES)
            attributes = ReadAttributes(dtype, width if width > 1 else 0)
            vectors.append(emitter.put(linear.read, (place,), attributes))
        result.append(vectors)
    return result

"""Tile registers (Intel AMX): matrices of up to 16 rows of 16 words.

An accumulator is cut into such matrices, which a loop carries in their registers. Operands are read
as they lie in memory where rows of words do, else put together from vectors. LLVM allocates the
registers, configures them once in each call of a kernel and releases them at its end.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.layout import Piece, StaticShape, count_rows, pieces_of, static_shape
from tilegrad.codegen.matrix.registers import matrix_of, rows_of
from tilegrad.codegen.matrix.unit import MatrixUnit
from tilegrad.codegen.matrix.words import Words
from tilegrad.codegen.spread import is_zero
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import matrix
from tilegrad.ops.matrix import WORD_BYTES, InstructionAttributes, MatrixAttributes, MatrixFacts

SIZE = 16
"""Rows of a tile register, and words of a row."""
REGISTERS = 8
"""Tile registers that a processor has."""
_LEAST_SIZE = 8
"""Smaller products are not worth the way through memory."""


def cut(size: int) -> list[Piece]:
    """Return the pieces of an axis that fill tile registers, the last perhaps not whole."""
    return [Piece(start, min(SIZE, size - start)) for start in range(0, size, SIZE)]


@dataclass(frozen=True, slots=True)
class _Instruction:
    """An instruction: the processor's name for it, and the neighbours in a word."""

    name: str
    group: int

    def hold(self, context: Context, node: Node) -> Vectors:
        """Return the accumulator as matrices, row after row of them."""
        shape = static_shape(node)
        vectors = list(context.broadcast(node.sources[0], shape))
        grid = _rows(vectors, shape)
        pieces = pieces_of(shape, context.lanes)
        held = []
        for rows in cut(shape[0]):
            for columns in cut(shape[1]):
                attributes = MatrixAttributes(node.dtype, rows.width, columns.width)
                chosen = [
                    [
                        vector
                        for vector, piece in zip(row, pieces, strict=True)
                        if columns.start <= piece.start < columns.start + columns.width
                    ]
                    for row in grid[rows.start : rows.start + rows.width]
                ]
                if all(is_zero(vector) for row in chosen for vector in row):
                    held.append(matrix.zero_matrix(attributes=attributes))
                else:
                    held.append(matrix_of(context, chosen, attributes))
        return held

    def release(self, context: Context, node: Node) -> Vectors:
        """Return the accumulator's vectors."""
        shape = static_shape(node)
        matrices = iter(context.value(node.sources[0]))
        result: Vectors = []
        for _ in cut(shape[0]):
            blocks = [rows_of(context, next(matrices), node.dtype) for _ in cut(shape[1])]
            for parts in zip(*blocks, strict=True):
                result += [vector for part in parts for vector in part]
        return result

    def accumulate(self, context: Context, node: Node) -> Vectors:
        """Multiply and add."""
        held, a, b = node.sources
        left = Words.left(context, a, self.group)
        right = Words.right(context, b, self.group)
        sums = list(context.value(held))
        rows, columns = cut(left.rows), cut(right.columns)
        attributes = InstructionAttributes(self.name)
        for depth in cut(left.columns):
            parts = [right.matrix(depth, piece) for piece in columns]
            for number, piece in enumerate(rows):
                factor = left.matrix(piece, depth)
                for place, part in enumerate(parts, number * len(columns)):
                    sources = (sums[place], factor, part)
                    sums[place] = context.emitter.put(matrix.multiply_matrices, sources, attributes)
        return sums


def _rows(vectors: Vectors, shape: StaticShape) -> list[Vectors]:
    count = len(vectors) // count_rows(shape)
    return [vectors[start : start + count] for start in range(0, len(vectors), count)]


def _accepts(group: int, rows: int, depth: int, columns: int) -> bool:
    is_large = min(rows, columns) >= _LEAST_SIZE
    return is_large and depth % group == 0 and len(cut(rows)) * len(cut(columns)) < REGISTERS - 1


def _facts(group: int, kinds: tuple[DType, DType, DType], target: CodegenTarget) -> MatrixFacts:
    del target
    return MatrixFacts(*kinds, SIZE, SIZE, group, SIZE * group, REGISTERS)


def _make_unit(name: str, left: DType, right: DType, feature: str) -> MatrixUnit:
    total = dtypes.float32 if left.is_float else dtypes.int32
    group = WORD_BYTES // left.itemsize
    instruction = _Instruction(name, group)
    return MatrixUnit(
        name,
        left,
        right,
        total,
        (("amx-tile", feature, "avx512f"),),
        functools.partial(_facts, group, (left, right, total)),
        functools.partial(_accepts, group),
        instruction.hold,
        instruction.accumulate,
        instruction.release,
    )


UNITS: tuple[MatrixUnit, ...] = (
    _make_unit("tdpbf16ps", dtypes.bfloat16, dtypes.bfloat16, "amx-bf16"),
    _make_unit("tdpbssd", dtypes.int8, dtypes.int8, "amx-int8"),
    _make_unit("tdpbsud", dtypes.int8, dtypes.uint8, "amx-int8"),
    _make_unit("tdpbusd", dtypes.uint8, dtypes.int8, "amx-int8"),
    _make_unit("tdpbuud", dtypes.uint8, dtypes.uint8, "amx-int8"),
)

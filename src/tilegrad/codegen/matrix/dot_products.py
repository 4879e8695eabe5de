"""Dot products within lanes: each 32-bit lane multiplies groups of neighbours and adds them up.

The accumulator is an ordinary tile of vectors. For each row of b's words, every word of a's column
is put into all lanes and multiplied with the row.

Where an instruction takes only an unsigned left operand (x86's ``vpdpbusd``), a signed one is
raised by 128, by flipping its sign bit. The sums are then too large by 128 · Σ b, which is summed
beside them, once for each vector of columns, and taken off when the accumulator is released.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.layout import pieces_of, static_shape
from tilegrad.codegen.matrix.unit import MatrixUnit
from tilegrad.codegen.matrix.words import Words
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, bits, matrix
from tilegrad.ops.leaves import constant
from tilegrad.ops.matrix import WORD_BYTES, InstructionAttributes, MatrixFacts

_SIGN_BITS = 0x80808080


@dataclass(frozen=True, slots=True)
class _Instruction:
    """An instruction, and how its operands become those of a product.

    Attributes:
        name: the processor's name for it.
        group: neighbours in a word.
        is_swapped: whether it takes the words of b first.
        is_raised: whether the left operand is raised to be unsigned.
    """

    name: str
    group: int
    is_swapped: bool = False
    is_raised: bool = False

    def hold(self, context: Context, node: Node) -> Vectors:
        """Return the accumulator's vectors, with sums of zero for what it will be too large by."""
        shape = static_shape(node)
        held = list(context.broadcast(node.sources[0], shape))
        if self.is_raised:
            zero = constant(0, node.dtype)
            pieces = pieces_of(shape, context.lanes)
            held += [context.emitter.splat(zero, piece.width) for piece in pieces]
        return held

    def release(self, context: Context, node: Node) -> Vectors:
        """Return the accumulator's vectors, each less by what it is too large by."""
        held = context.value(node.sources[0])
        if not self.is_raised:
            return held
        count = len(pieces_of(static_shape(node), context.lanes))
        put = context.emitter.put
        return [
            put(arithmetic.subtract, (vector, held[number % count - count]))
            for number, vector in enumerate(held[:-count])
        ]

    def accumulate(self, context: Context, node: Node) -> Vectors:
        """Multiply and add."""
        held, a, b = node.sources
        left = Words.left(context, a, self.group)
        right = Words.right(context, b, self.group)
        pieces = pieces_of((left.rows, right.columns), context.lanes)
        sums = list(context.value(held))
        for k in range(left.columns):
            row_of_b = [right.vector(k, piece) for piece in pieces]
            for row in range(left.rows):
                word = left.scalar(row, k)
                for number, piece in enumerate(pieces):
                    factor = self._factor(context, word, piece.width)
                    place = row * len(pieces) + number
                    sums[place] = self._put(context, sums[place], factor, row_of_b[number])
            if self.is_raised:
                for number, piece in enumerate(pieces):
                    place = left.rows * len(pieces) + number
                    signs = context.emitter.splat(_SIGNS, piece.width)
                    sums[place] = self._put(context, sums[place], signs, row_of_b[number])
        return sums

    def _factor(self, context: Context, word: Node, width: int) -> Node:
        emitter = context.emitter
        factor = emitter.splat(word, width)
        if self.is_raised:
            factor = emitter.put(bits.bitwise_xor, (factor, emitter.splat(_SIGNS, width)))
        return factor

    def _put(self, context: Context, total: Node, left: Node, right: Node) -> Node:
        operands = (right, left) if self.is_swapped else (left, right)
        attributes = InstructionAttributes(self.name)
        return context.emitter.put(matrix.multiply_words, (total, *operands), attributes)


_SIGNS = constant(_SIGN_BITS, dtypes.uint32)
_LEAST_COLUMNS = 4
"""The narrowest vectors of words that instructions take."""


def _make_unit(
    instruction: _Instruction,
    operands: tuple[DType, DType],
    features: tuple[tuple[str, ...], ...],
) -> MatrixUnit:
    total = dtypes.float32 if operands[0].is_float else dtypes.int32

    def accepts(rows: int, depth: int, columns: int) -> bool:
        del rows
        return depth % instruction.group == 0 and columns % _LEAST_COLUMNS == 0

    return MatrixUnit(
        f"{instruction.name} {operands[0].name} {operands[1].name}",
        *operands,
        total,
        features,
        functools.partial(_facts, instruction, (*operands, total)),
        accepts,
        instruction.hold,
        instruction.accumulate,
        instruction.release,
    )


def _facts(
    instruction: _Instruction, kinds: tuple[DType, DType, DType], target: CodegenTarget
) -> MatrixFacts:
    lanes = target.vector_bits // (8 * WORD_BYTES)
    group, is_raised = instruction.group, instruction.is_raised
    return MatrixFacts(*kinds, 1, lanes, group, group, target.registers, is_raised)


_BYTE, _UNSIGNED = dtypes.int8, dtypes.uint8
_BF16 = (dtypes.bfloat16, dtypes.bfloat16)
_VNNI = (("avx512vnni", "avx512vl"), ("avxvnni",))

_UNITS: tuple[tuple[_Instruction, tuple[DType, DType], tuple[tuple[str, ...], ...]], ...] = (
    (_Instruction("vdpbf16ps", 2), _BF16, (("avx512bf16", "avx512vl"),)),
    (_Instruction("vpdpbusd", 4), (_UNSIGNED, _BYTE), _VNNI),
    (_Instruction("vpdpbusd", 4, is_swapped=True), (_BYTE, _UNSIGNED), _VNNI),
    (_Instruction("vpdpbusd", 4, is_raised=True), (_BYTE, _BYTE), _VNNI),
    (_Instruction("bfdot", 2), _BF16, (("bf16",),)),
    (_Instruction("sdot", 4), (_BYTE, _BYTE), (("dotprod",),)),
    (_Instruction("udot", 4), (_UNSIGNED, _UNSIGNED), (("dotprod",),)),
    (_Instruction("usdot", 4), (_UNSIGNED, _BYTE), (("i8mm",),)),
    (_Instruction("usdot", 4, is_swapped=True), (_BYTE, _UNSIGNED), (("i8mm",),)),
)
"""Each instruction, the operands of a product, and which features bring it."""

UNITS: tuple[MatrixUnit, ...] = tuple(_make_unit(*unit) for unit in _UNITS)


def find_byte_product(target: CodegenTarget, a: DType, b: DType) -> tuple[str, bool] | None:
    """Return the instruction for products of bytes as they are, and whether b comes first."""
    for instruction, operands, choices in _UNITS:
        is_as_it_is = instruction.group == WORD_BYTES and not instruction.is_raised
        if operands == (a, b) and is_as_it_is and any(target.has(*one) for one in choices):
            return instruction.name, instruction.is_swapped
    return None

"""Look-ups in constant tables: within registers where the processor can, else in memory.

An instruction finds the numbers of a table as large as a register or a few of them. A larger table
is cut in halves, as long as choosing between parts is quicker than reading each number.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.codegen.mathematics.building import bitcast, cast, choose, equal
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import look_up as look_ups
from tilegrad.ops import memory
from tilegrad.ops.look_up import LookUpAttributes

_MOST_PARTS = 4
"""A table of more parts is read from memory."""


class TableInstruction(NamedTuple):
    """An instruction that looks up.

    Attributes:
        name: by which ``render`` knows it.
        itemsize: bytes of a number.
        size: how many numbers its table has.
        register_bits: of the widest vector that it takes.
        ignores_rest: whether higher bits of a place do not matter.
    """

    name: str
    itemsize: int
    size: int
    register_bits: int
    ignores_rest: bool = True


def _permutation(itemsize: int) -> TableInstruction:
    """AVX-512's permutations of the numbers of a register by places in another one."""
    return TableInstruction("permute", itemsize, 64 // itemsize, 512)


PERMUTATION = _permutation(4)
_INSTRUCTIONS: tuple[tuple[TableInstruction, tuple[str, ...]], ...] = (
    (_permutation(1), ("avx512vbmi", "avx512vl")),
    (_permutation(2), ("avx512bw", "avx512vl")),
    (PERMUTATION, ("avx512f", "avx512vl")),
    (_permutation(8), ("avx512f", "avx512vl")),
    (TableInstruction("pshufb", 1, 16, 512, False), ("avx512bw",)),
    (TableInstruction("pshufb", 1, 16, 256, False), ("avx2",)),
    (TableInstruction("pshufb", 1, 16, 128, False), ("ssse3",)),
    (TableInstruction("vpermd", 4, 8, 256), ("avx2",)),
)
"""Those of x86, and which features bring each; the first one is best."""
_NEON = TableInstruction("tbl", 1, 64, 128, False)


def find_instruction(target: CodegenTarget, itemsize: int) -> TableInstruction | None:
    """Return the instruction that looks up numbers of so many bytes, None if there is none."""
    if target.is_arm:
        return _NEON if itemsize == _NEON.itemsize else None
    for instruction, features in _INSTRUCTIONS:
        if instruction.itemsize == itemsize and target.has(*features):
            return instruction
    return None


def look_up_in_register(
    place: Node, dtype: DType, table: tuple[int, ...], instruction: TableInstruction
) -> Node:
    """Return what an instruction finds in a table, given by its bits, of at most its size.

    Args:
        place: integers of the same width as the table's numbers.
        dtype: of the numbers, one of registers.
        table: their bits.
        instruction: for their width.
    """
    repeated = table * (instruction.size // len(table))
    attributes = LookUpAttributes(dtype, repeated, instruction.name, instruction.register_bits)
    return look_ups.look_up(place, attributes=attributes)


def look_up(target: CodegenTarget, place: Node, dtype: DType, table: tuple[int, ...]) -> Node:
    """Return what stands in a table, by what the target has for it.

    Args:
        target: the processor.
        place: integers of any width, taken modulo the table's size.
        dtype: in which the numbers are held in registers.
        table: their bits.
    """
    instruction = find_instruction(target, dtype.itemsize)
    if instruction is None or len(table) > _MOST_PARTS * instruction.size:
        pointer = memory.table(attributes=memory.TableAttributes(dtype, table))
        within = cast(place, dtypes.uint8) & (len(table) - 1)
        return memory.make_load(pointer, cast(within, dtypes.index))
    word = _WORDS[dtype.bits]
    looked_up = dtype if dtype in _FLOATS else word
    return bitcast(_look_up_parts(cast(place, word), looked_up, table, instruction), dtype)


_WORDS = {one.bits: one for one in (dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64)}
_FLOATS = (dtypes.float32, dtypes.float64)
"""What instructions look up as it is; all else is taken for integers."""


def _look_up_parts(
    place: Node, dtype: DType, table: tuple[int, ...], instruction: TableInstruction
) -> Node:
    if len(table) <= instruction.size:
        within = place if instruction.ignores_rest else place & (instruction.size - 1)
        return look_up_in_register(within, dtype, table, instruction)
    half = len(table) // 2
    lower, upper = (
        _look_up_parts(place, dtype, part, instruction) for part in (table[:half], table[half:])
    )
    return choose(equal(place & half, 0), lower, upper)

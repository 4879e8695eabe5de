"""Look-ups in tables that are registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops.linear import VectorAttributes
from tilegrad.ops.look_up import LookUpAttributes, look_up
from tilegrad.render.llvm_registers import write_by_registers
from tilegrad.render.llvm_types import format_type, format_vector
from tilegrad.render.llvm_writer import Write, Writer

_Call = tuple[str, list[str]]
_Bits = tuple[int, ...]

_PERMUTATIONS = {
    dtypes.uint8: ("qi", "qi"),
    dtypes.uint16: ("hi", "hi"),
    dtypes.uint32: ("si", "d"),
    dtypes.float32: ("sf", "ps"),
    dtypes.uint64: ("di", "q"),
    dtypes.float64: ("df", "pd"),
}
"""How LLVM names numbers in AVX-512's permutations of one register and of two."""
_BYTE_SHUFFLES = {16: "ssse3.pshuf.b.128", 32: "avx2.pshuf.b", 64: "avx512.pshuf.b.512"}


def _permute(dtype: DType, bits: _Bits, lanes: int, places: str) -> _Call:
    """Spell the permutation of one register, or of two half as wide."""
    one, two = _PERMUTATIONS[dtype]
    first, *second = _cut(dtype, bits, lanes)
    form = f"vpermi2var.{two}.256" if second else f"permvar.{one}.512"
    return f"llvm.x86.avx512.{form}", [first, places, *second]


def _shuffle_bytes(dtype: DType, bits: _Bits, lanes: int, places: str) -> _Call:
    """Spell the shuffle within each 16 bytes, of which all have the table."""
    (table,) = _cut(dtype, bits * (lanes // len(bits)), lanes)
    return f"llvm.x86.{_BYTE_SHUFFLES[lanes]}", [table, places]


def _permute_words(dtype: DType, bits: _Bits, lanes: int, places: str) -> _Call:
    (table,) = _cut(dtype, bits, lanes)
    return f"llvm.x86.avx2.{'permps' if dtype.is_float else 'permd'}", [table, places]


def _look_up_bytes(dtype: DType, bits: _Bits, lanes: int, places: str) -> _Call:
    """Spell the look-up in several registers, one after the other."""
    tables = _cut(dtype, bits, lanes)
    return f"llvm.aarch64.neon.tbl{len(tables)}.v{lanes}i8", [*tables, places]


def _cut(dtype: DType, bits: Sequence[int], lanes: int) -> list[str]:
    """Return a table as constant vectors, with their types."""
    starts = range(0, len(bits), lanes)
    vectors = [VectorAttributes(dtype, tuple(bits[start : start + lanes])) for start in starts]
    return [f"{format_type(dtype, lanes)} {format_vector(vector)}" for vector in vectors]


_SPELLINGS: dict[str, tuple[int, Callable[[DType, _Bits, int, str], _Call]]] = {
    "permute": (256, _permute),
    "pshufb": (128, _shuffle_bytes),
    "vpermd": (256, _permute_words),
    "tbl": (128, _look_up_bytes),
}
"""For each instruction the bits of the narrowest vector that it takes, and what spells it."""


def _write_look_up(writer: Writer, node: Node) -> None:
    dtype, bits, instruction, register_bits = attributes_of(node, LookUpAttributes)
    least_bits, spell = _SPELLINGS[instruction]

    def call(lanes: int, operands: list[str]) -> _Call:
        (places,) = operands
        return spell(dtype, bits, lanes, places)

    write_by_registers(writer, node, least_bits, register_bits, call)


LOOK_UP_WRITERS: dict[Op, Write] = {look_up: _write_look_up}

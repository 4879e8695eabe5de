"""Instructions that mathematical functions are made of: those of AVX-512."""

from __future__ import annotations

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import mathematics
from tilegrad.render.llvm_registers import write_by_registers
from tilegrad.render.llvm_types import format_type
from tilegrad.render.llvm_writer import Write, Writer

LEAST_MAGNITUDE = 2
"""Of two numbers that which is closer to 0, with the sign of the first."""
_LEAST_BITS, _MOST_BITS = 128, 512


def _write_scale_exponent(writer: Writer, node: Node) -> None:
    def call(lanes: int, operands: list[str]) -> tuple[str, list[str]]:
        return _masked("scalef", node.dtype, lanes, operands)

    write_by_registers(writer, node, _LEAST_BITS, _MOST_BITS, call)


def _write_limit_magnitude(writer: Writer, node: Node) -> None:
    def call(lanes: int, operands: list[str]) -> tuple[str, list[str]]:
        return _masked("range", node.dtype, lanes, [*operands, f"i32 {LEAST_MAGNITUDE}"])

    write_by_registers(writer, node, _LEAST_BITS, _MOST_BITS, call)


def _masked(name: str, dtype: DType, lanes: int, arguments: list[str]) -> tuple[str, list[str]]:
    bits = lanes * dtype.bits
    masked = [f"{format_type(dtype, lanes)} zeroinitializer", f"i{max(lanes, 8)} -1"]
    rounding = ["i32 4"] if bits == _MOST_BITS else []  # as the mode says
    letter = "s" if dtype.bits == 32 else "d"
    return f"llvm.x86.avx512.mask.{name}.p{letter}.{bits}", [*arguments, *masked, *rounding]


MATHEMATICS_WRITERS: dict[Op, Write] = {
    mathematics.scale_exponent: _write_scale_exponent,
    mathematics.limit_magnitude: _write_limit_magnitude,
}

"""Instructions that mathematical functions are made of: those of AVX-512."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear, mathematics
from tilegrad.render.llvm_types import format_type, format_vector
from tilegrad.render.llvm_writer import Write, Writer

LEAST_MAGNITUDE = 2
"""Of two numbers that which is closer to 0, with the sign of the first."""
_LEAST_BITS, _MOST_BITS = 128, 512

Call = Callable[[int, list[str]], tuple[str, list[str]]]
"""Gives intrinsic and arguments for vectors of so many lanes and the operands, with their types."""


def _write_scale_exponent(writer: Writer, node: Node) -> None:
    def call(lanes: int, operands: list[str]) -> tuple[str, list[str]]:
        return _masked("scalef", node.dtype, lanes, operands)

    _write_by_registers(writer, node, _LEAST_BITS, call)


def _write_limit_magnitude(writer: Writer, node: Node) -> None:
    def call(lanes: int, operands: list[str]) -> tuple[str, list[str]]:
        return _masked("range", node.dtype, lanes, [*operands, f"i32 {LEAST_MAGNITUDE}"])

    _write_by_registers(writer, node, _LEAST_BITS, call)


def _masked(name: str, dtype: DType, lanes: int, arguments: list[str]) -> tuple[str, list[str]]:
    bits = lanes * dtype.bits
    masked = [f"{format_type(dtype, lanes)} zeroinitializer", f"i{max(lanes, 8)} -1"]
    rounding = ["i32 4"] if bits == _MOST_BITS else []  # as the mode says
    letter = "s" if dtype.bits == 32 else "d"
    return f"llvm.x86.avx512.mask.{name}.p{letter}.{bits}", [*arguments, *masked, *rounding]


def _write_look_up(writer: Writer, node: Node) -> None:
    """Write a permutation of the table: of one register, or of two half as wide."""
    dtype, bits = attributes_of(node, linear.VectorAttributes)

    def call(lanes: int, operands: list[str]) -> tuple[str, list[str]]:
        first, *second = (
            f"{format_type(dtype, lanes)} "
            f"{format_vector(linear.VectorAttributes(dtype, bits[start : start + lanes]))}"
            for start in range(0, len(bits), lanes)
        )
        form = "vpermi2var.ps.256" if second else "permvar.sf.512"
        return f"llvm.x86.avx512.{form}", [first, *operands, *second]

    _write_by_registers(writer, node, _MOST_BITS // 2, call)


def _write_by_registers(writer: Writer, node: Node, least_bits: int, call: Call) -> None:
    """Write an instruction: what fills no register is widened, what fills several is cut."""
    lanes, name, dtype = linear.lanes_of(node), writer.names[node], node.dtype
    width = min(max(lanes, least_bits // dtype.bits), _MOST_BITS // dtype.bits)
    kind, parts = format_type(dtype, width), list[str]()
    for start in range(0, max(lanes, 1), width):
        operands = [
            _write_part(
                writer, source, f"{name}.{start}.{place}", lanes, range(start, start + width)
            )
            for place, source in enumerate(node.sources)
        ]
        intrinsic, arguments = call(width, operands)
        if lanes == width:
            writer.call(node, intrinsic, arguments)
            return
        parts.append(f"{name}.{start}")
        writer.assign_call(parts[-1], kind, intrinsic, arguments)
    if not lanes:
        writer.assign(name, f"extractelement {kind} {parts[0]}, i64 0")
    elif lanes < width:
        text = _shuffle(f"{kind} {parts[0]}", f"{kind} poison", range(lanes))
        writer.assign(name, text)
    else:
        _write_joined(writer, name, dtype, width, parts)


def _write_part(writer: Writer, source: Node, name: str, lanes: int, wanted: range) -> str:
    """Write some lanes of an operand, and arbitrary ones beyond its own; return it, typed."""
    kind = format_type(source.dtype, len(wanted))
    value = f"{format_type(source.dtype, lanes)} {writer.operand(source, lanes)}"
    if lanes == len(wanted):
        return value
    text = f"insertelement {kind} poison, {value}, i64 0"
    if lanes:
        other = f"{format_type(source.dtype, lanes)} poison"
        text = _shuffle(value, other, [min(lane, lanes) for lane in wanted])
    writer.assign(name, text)
    return f"{kind} {name}"


def _write_joined(
    writer: Writer, name: str, dtype: DType, width: int, parts: Sequence[str]
) -> None:
    """Write vectors one after the other; their number is a power of two."""
    while len(parts) > 1:
        kind, joined = format_type(dtype, width), list[str]()
        width *= 2
        for first, second in zip(parts[::2], parts[1::2], strict=True):
            joined.append(name if len(parts) == 2 else f"{first}.{width}")
            text = _shuffle(f"{kind} {first}", f"{kind} {second}", range(width))
            writer.assign(joined[-1], text)
        parts = joined


def _shuffle(first: str, second: str, lanes: Sequence[int]) -> str:
    mask = ", ".join(f"i32 {lane}" for lane in lanes)
    return f"shufflevector {first}, {second}, <{len(lanes)} x i32> <{mask}>"


MATHEMATICS_WRITERS: dict[Op, Write] = {
    mathematics.scale_exponent: _write_scale_exponent,
    mathematics.limit_magnitude: _write_limit_magnitude,
    mathematics.look_up: _write_look_up,
}

"""Instructions that LLVM has for whole registers only, on vectors of any width."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops import linear
from tilegrad.render.llvm_types import format_type
from tilegrad.render.llvm_writer import Writer

Call = Callable[[int, list[str]], tuple[str, list[str]]]
"""Gives intrinsic and arguments for vectors of so many lanes and the operands, with their types."""


def write_by_registers(
    writer: Writer, node: Node, least_bits: int, most_bits: int, call: Call
) -> None:
    """Write an elementwise instruction: what fills no register is widened, what fills several cut.

    Args:
        writer: of the function.
        node: the instruction; its sources have numbers as wide as its own.
        least_bits: of the narrowest register that it takes.
        most_bits: of the widest one.
        call: spells it for one of them.
    """
    lanes, name, dtype = linear.lanes_of(node), writer.names[node], node.dtype
    width = min(max(lanes, least_bits // dtype.bits), most_bits // dtype.bits)
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

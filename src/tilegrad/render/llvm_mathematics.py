"""Instructions that mathematical functions are made of: those of AVX-512."""

from __future__ import annotations

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear, mathematics
from tilegrad.render.llvm_types import format_type, format_vector, type_suffix
from tilegrad.render.llvm_writer import Write, Writer

LEAST_MAGNITUDE = 2
"""Of two numbers that which is closer to 0, with the sign of the first."""


def _write_scale_exponent(writer: Writer, node: Node) -> None:
    """Write x86's instruction for registers that are full, and what LLVM has for others."""
    lanes = linear.lanes_of(node)
    kind = format_type(node.dtype, lanes)
    value, power = (f"{kind} {writer.operand(source, lanes)}" for source in node.sources)
    if _write_on_registers(writer, node, "scalef", [value, power]):
        return
    whole, suffix = format_type(dtypes.int32, lanes), type_suffix(node.dtype, lanes)
    integers, name = type_suffix(dtypes.int32, lanes), writer.names[node]
    down, convert = f"llvm.floor.{suffix}", f"llvm.fptosi.sat.{integers}.{suffix}"
    scale = f"llvm.ldexp.{suffix}.{integers}"
    scaled = [value, f"{whole} {name}.n"]
    writer.declare(kind, down, [power])
    writer.declare(whole, convert, [power])
    writer.declare(kind, scale, scaled)
    operand = power.removeprefix(f"{kind} ")
    bools = format_type(dtypes.bool, lanes)
    writer.lines += [
        f"  {name}.f = call {kind} @{down}({power})",
        f"  {name}.n = call {whole} @{convert}({kind} {name}.f)",
        f"  {name}.s = call {kind} @{scale}({', '.join(scaled)})",
        f"  {name}.u = fcmp uno {power}, {operand}",
        f"  {name} = select {bools} {name}.u, {power}, {kind} {name}.s",
    ]


def _write_limit_magnitude(writer: Writer, node: Node) -> None:
    """Write x86's instruction for registers that are full, and what LLVM has for others."""
    lanes = linear.lanes_of(node)
    kind, name = format_type(node.dtype, lanes), writer.names[node]
    value, most = (f"{kind} {writer.operand(source, lanes)}" for source in node.sources)
    if _write_on_registers(writer, node, "range", [value, most, f"i32 {LEAST_MAGNITUDE}"]):
        return
    suffix, bools = type_suffix(node.dtype, lanes), format_type(dtypes.bool, lanes)
    size, sign = f"llvm.fabs.{suffix}", f"llvm.copysign.{suffix}"
    writer.declare(kind, size, [value])
    writer.declare(kind, sign, [most, value])
    writer.lines += [
        f"  {name}.a = call {kind} @{size}({value})",
        f"  {name}.m = call {kind} @{sign}({most}, {value})",
        f"  {name}.l = fcmp olt {kind} {name}.a, {most.removeprefix(f'{kind} ')}",
        f"  {name} = select {bools} {name}.l, {value}, {kind} {name}.m",
    ]


def _write_on_registers(writer: Writer, node: Node, name: str, arguments: list[str]) -> bool:
    """Write an instruction on whole registers; return whether the node's vectors are such."""
    lanes, bits = linear.lanes_of(node), linear.lanes_of(node) * node.dtype.bits
    if bits not in (128, 256, 512):
        return False
    masked = [f"{format_type(node.dtype, lanes)} zeroinitializer", f"i{max(lanes, 8)} -1"]
    rounding = ["i32 4"] if bits == 512 else []  # as the mode says
    letter = "s" if node.dtype.bits == 32 else "d"
    intrinsic = f"llvm.x86.avx512.mask.{name}.p{letter}.{bits}"
    writer.call(node, intrinsic, [*arguments, *masked, *rounding])
    return True


def _write_look_up(writer: Writer, node: Node) -> None:
    """Write a permutation of the table; places that do not fill a register are widened to one."""
    dtype, bits = attributes_of(node, linear.VectorAttributes)
    lanes, name = linear.lanes_of(node), writer.names[node]
    if lanes > mathematics.TABLE_SIZE:
        _write_wide_look_up(writer, node)
        return
    width = max(lanes, mathematics.TABLE_SIZE // 2)
    kind, places = format_type(dtype, width), writer.typed(node.sources[0])
    if lanes < width:
        places = _write_widened(writer, places, f"{name}.i", lanes, width)
    first, *second = (
        f"{kind} {format_vector(linear.VectorAttributes(dtype, bits[start : start + width]))}"
        for start in range(0, len(bits), width)
    )
    form = "vpermi2var.ps.256" if second else "permvar.sf.512"
    intrinsic, arguments = f"llvm.x86.avx512.{form}", [first, places, *second]
    if lanes == width:
        writer.call(node, intrinsic, arguments)
        return
    writer.declare(kind, intrinsic, arguments)
    writer.lines.append(f"  {name}.w = call {kind} @{intrinsic}({', '.join(arguments)})")
    mask = ", ".join(f"i32 {lane}" for lane in range(lanes))
    text = f"shufflevector {kind} {name}.w, {kind} poison, <{lanes} x i32> <{mask}>"
    writer.lines.append(f"  {name} = {text if lanes else f'extractelement {kind} {name}.w, i64 0'}")


def _write_wide_look_up(writer: Writer, node: Node) -> None:
    """Write a permutation of the table for each register of a wider vector."""
    dtype, bits = attributes_of(node, linear.VectorAttributes)
    lanes, size, name = linear.lanes_of(node), mathematics.TABLE_SIZE, writer.names[node]
    whole, kind = format_type(dtype, lanes), format_type(dtype, size)
    places, part = writer.typed(node.sources[0]), format_type(dtypes.int32, size)
    cut = f"llvm.vector.extract.v{size}i32.v{lanes}i32"
    put, look = f"llvm.vector.insert.v{lanes}f32.v{size}f32", "llvm.x86.avx512.permvar.sf.512"
    table = f"{kind} {format_vector(linear.VectorAttributes(dtype, bits))}"
    writer.declare(part, cut, [places, "i64 0"])
    writer.declare(kind, look, [table, f"{part} poison"])
    joined = "poison"
    for start in range(0, lanes, size):
        end = name if start + size == lanes else f"{name}.j{start}"
        taken, found, place = f"{name}.p{start}", f"{name}.f{start}", f"i64 {start}"
        writer.lines.append(f"  {taken} = call {part} @{cut}({places}, {place})")
        writer.lines.append(f"  {found} = call {kind} @{look}({table}, {part} {taken})")
        arguments = [f"{whole} {joined}", f"{kind} {found}", place]
        writer.declare(whole, put, arguments)
        writer.lines.append(f"  {end} = call {whole} @{put}({', '.join(arguments)})")
        joined = end


def _write_widened(writer: Writer, places: str, name: str, lanes: int, width: int) -> str:
    """Write places, followed by arbitrary ones, into a wider register; return it with its type."""
    kind = format_type(dtypes.int32, width)
    text = f"insertelement {kind} poison, {places}, i64 0"
    if lanes:
        mask = ", ".join(f"i32 {min(lane, lanes)}" for lane in range(width))
        text = f"shufflevector {places}, <{lanes} x i32> poison, <{width} x i32> <{mask}>"
    writer.lines.append(f"  {name} = {text}")
    return f"{kind} {name}"


MATHEMATICS_WRITERS: dict[Op, Write] = {
    mathematics.scale_exponent: _write_scale_exponent,
    mathematics.limit_magnitude: _write_limit_magnitude,
    mathematics.look_up: _write_look_up,
}

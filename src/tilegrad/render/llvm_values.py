"""Instructions that compute values: arithmetic, conversions, lanes."""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import (
    arithmetic,
    bits,
    comparison,
    conversion,
    exponential,
    leaves,
    linear,
    memory,
    rounding,
    tile,
)
from tilegrad.render.llvm_types import format_constant, format_type, type_suffix
from tilegrad.render.llvm_writer import Write, Writer

_FENCED = (dtypes.float32, dtypes.float64)
"""Dtypes of vectors whose shuffles end chains: LLVM has the fence for floats only."""


def _write_nothing(writer: Writer, node: Node) -> None:
    del writer, node


def _write_bound(writer: Writer, node: Node) -> None:
    is_end = attributes_of(node, linear.InstanceBoundAttributes).is_end
    writer.names[node] = "%end" if is_end else "%begin"


def _write_scratch(writer: Writer, node: Node) -> None:
    attributes = attributes_of(node, memory.ScratchAttributes)
    kind = f"[{attributes.size * attributes.dtype.itemsize} x i8]"
    writer.define(node, f"alloca {kind}, align 64")


def _binary(floats: str, signed: str, unsigned: str | None = None) -> Write:
    """An instruction of two operands, spelt by the kind of its dtype."""

    def write(writer: Writer, node: Node) -> None:
        first, second = node.sources
        lanes = linear.lanes_of(node)
        name = _by_kind(first.dtype, floats, signed, unsigned or signed)
        kind = format_type(first.dtype, lanes)
        one, other = writer.operand(first, lanes), writer.operand(second, lanes)
        writer.define(node, f"{name} {kind} {one}, {other}")

    return write


def _by_kind(dtype: DType, floats: str, signed: str, unsigned: str) -> str:
    if dtype.is_float:
        return floats
    return unsigned if dtype.is_unsigned or dtype.is_boolean else signed


def _compare(floats: str, signed: str, unsigned: str) -> Write:
    """A comparison: its condition for floats, signed and unsigned integers."""
    return _binary(f"fcmp {floats}", f"icmp {signed}", f"icmp {unsigned}")


def _extreme(name: str) -> Write:
    """Maximum or minimum: NaN if either is NaN; of the two zeros either."""
    spellings = (f"llvm.{name}imum", f"llvm.s{name}", f"llvm.u{name}")

    def write(writer: Writer, node: Node) -> None:
        intrinsic = _by_kind(node.dtype, *spellings)
        _call(intrinsic, " nsz" if node.dtype.is_float else "")(writer, node)

    return write


def _call(intrinsic: str, flags: str = "") -> Write:
    """An intrinsic whose operands and result have one type."""

    def write(writer: Writer, node: Node) -> None:
        lanes = linear.lanes_of(node)
        kind = format_type(node.dtype, lanes)
        arguments = [f"{kind} {writer.operand(source, lanes)}" for source in node.sources]
        writer.call(node, f"{intrinsic}.{type_suffix(node.dtype, lanes)}", arguments, flags)

    return write


def _write_multiply_add(writer: Writer, node: Node) -> None:
    if node.dtype.is_float:
        _call("llvm.fmuladd")(writer, node)
        return
    lanes = linear.lanes_of(node)
    kind, name = format_type(node.dtype, lanes), writer.names[node]
    first, second, third = (writer.operand(source, lanes) for source in node.sources)
    writer.assign(f"{name}.0", f"mul {kind} {first}, {second}")
    writer.assign(name, f"add {kind} {name}.0, {third}")


def _write_table(writer: Writer, node: Node) -> None:
    dtype, bits = attributes_of(node, memory.TableAttributes)
    name = f"@{writer.name}.table{len(writer.declarations)}"
    elements = ", ".join(
        f"{format_type(dtype)} {format_constant(leaves.ConstantAttributes(dtype, bit))}"
        for bit in bits
    )
    kind = f"[{len(bits)} x {format_type(dtype)}]"
    writer.declarations[f"{name} = private unnamed_addr constant {kind} [{elements}]"] = None
    writer.names[node] = name


def _write_negate(writer: Writer, node: Node) -> None:
    lanes = linear.lanes_of(node)
    kind, value = format_type(node.dtype, lanes), writer.operand(node.sources[0], lanes)
    text = f"fneg {kind} {value}" if node.dtype.is_float else f"sub {kind} zeroinitializer, {value}"
    if not node.dtype.is_float and not lanes:
        text = f"sub {kind} 0, {value}"
    writer.define(node, text)


def _write_not(writer: Writer, node: Node) -> None:
    lanes = linear.lanes_of(node)
    kind, value = format_type(node.dtype, lanes), writer.operand(node.sources[0], lanes)
    ones = f"splat ({format_type(node.dtype)} -1)" if lanes else "-1"
    writer.define(node, f"xor {kind} {value}, {ones}")


def _write_is_nan(writer: Writer, node: Node) -> None:
    (source,) = node.sources
    value = writer.operand(source, 0)
    kind = format_type(source.dtype, linear.lanes_of(source))
    writer.define(node, f"fcmp uno {kind} {value}, {value}")


def _write_where(writer: Writer, node: Node) -> None:
    lanes = linear.lanes_of(node)
    kind = format_type(node.dtype, lanes)
    condition, *values = node.sources
    chosen, other = (f"{kind} {writer.operand(value, lanes)}" for value in values)
    writer.define(node, f"select {writer.typed(condition)}, {chosen}, {other}")


def _write_cast(writer: Writer, node: Node) -> None:
    (source,) = node.sources
    before, after, lanes = source.dtype, node.dtype, linear.lanes_of(node)
    operand = writer.operand(source, lanes)
    name = _cast_name(before, after)
    if name is None:
        writer.names[node] = operand
        return
    kinds = format_type(before, lanes), format_type(after, lanes)
    writer.define(node, f"{name} {kinds[0]} {operand} to {kinds[1]}")


def _cast_name(before: DType, after: DType) -> str | None:
    """Return LLVM's instruction for a conversion, None if the register type is the same."""
    if before.is_float and not after.is_float:
        return "fptoui" if after.is_unsigned else "fptosi"
    if before.is_float:
        return "fpext" if after.bits > before.bits else "fptrunc"
    if after.is_float:
        return "uitofp" if before.is_unsigned or before.is_boolean else "sitofp"
    if after.bits == before.bits:
        return None
    if after.bits < before.bits:
        return "trunc"
    return "zext" if before.is_unsigned or before.is_boolean else "sext"


def _write_bitcast(writer: Writer, node: Node) -> None:
    (source,) = node.sources
    lanes = linear.lanes_of(node)
    before, after = format_type(source.dtype, lanes), format_type(node.dtype, lanes)
    operand = writer.operand(source, lanes)
    if before == after:
        writer.names[node] = operand
        return
    writer.define(node, f"bitcast {before} {operand} to {after}")


def _write_splat(writer: Writer, node: Node) -> None:
    kind, name = format_type(node.dtype, linear.lanes_of(node)), writer.names[node]
    lanes = linear.lanes_of(node)
    value = writer.typed(node.sources[0])
    writer.assign(f"{name}.0", f"insertelement {kind} poison, {value}, i64 0")
    mask = f"<{lanes} x i32> zeroinitializer"
    writer.assign(name, f"shufflevector {kind} {name}.0, {kind} poison, {mask}")


def _write_shuffle(writer: Writer, node: Node) -> None:
    lanes = attributes_of(node, linear.ShuffleAttributes).lanes
    mask = ", ".join(f"i32 {lane}" for lane in lanes)
    first, second = (writer.typed(source) for source in node.sources)
    text = f"shufflevector {first}, {second}, <{len(lanes)} x i32> <{mask}>"
    name = writer.names[node]
    if not _ends_a_chain(writer, node):
        writer.assign(name, text)
        return
    writer.assign(f"{name}.0", text)
    fence = f"llvm.arithmetic.fence.{type_suffix(node.dtype, len(lanes))}"
    writer.call(node, fence, [f"{writer.kind(node)} {name}.0"])
    writer.fenced.add(node)


def _ends_a_chain(writer: Writer, node: Node) -> bool:
    """Whether LLVM is not to look through a shuffle of two vectors into those before it.

    It tries to join each with all from which its lanes come, eight deep: of a transposition, which
    is in its best form, that took half of the time to compile. Every other one ends a chain.
    """
    first, second = node.sources
    return (
        node.dtype in _FENCED
        and node in writer.shuffled
        and first is not second
        and linear.lanes_of(node) == linear.lanes_of(first)
        and all(
            source.op is not linear.shuffle or source in writer.fenced for source in node.sources
        )
    )


def _write_extract(writer: Writer, node: Node) -> None:
    lane = attributes_of(node, linear.LaneAttributes).lane
    writer.define(node, f"extractelement {writer.typed(node.sources[0])}, i64 {lane}")


def _write_insert(writer: Writer, node: Node) -> None:
    lane = attributes_of(node, linear.LaneAttributes).lane
    vector, value = (writer.typed(source) for source in node.sources)
    writer.define(node, f"insertelement {vector}, {value}, i64 {lane}")


_HORIZONTAL = {
    "add": ("fadd", "add", "add"),
    "multiply": ("fmul", "mul", "mul"),
    "maximum": ("fmaximum", "smax", "umax"),
    "minimum": ("fminimum", "smin", "umin"),
}
_NEUTRAL = {"add": "-0.0", "multiply": "1.0"}


def _write_reduce_lanes(writer: Writer, node: Node) -> None:
    kind = attributes_of(node, linear.ReduceLanesAttributes).kind
    (source,) = node.sources
    name = _by_kind(node.dtype, *_HORIZONTAL[kind])
    if node.dtype.is_boolean:
        name = "or" if kind == "maximum" else "and"
    arguments, flags = [writer.typed(source)], ""
    if node.dtype.is_float and kind in _NEUTRAL:
        arguments.insert(0, f"{format_type(node.dtype)} {_NEUTRAL[kind]}")
        flags = " reassoc"
    elif node.dtype.is_float:
        flags = " nsz"
    suffix = type_suffix(node.dtype, linear.lanes_of(source))
    writer.call(node, f"llvm.vector.reduce.{name}.{suffix}", arguments, flags)


VALUE_WRITERS: dict[Op, Write] = {
    memory.parameter: _write_nothing,
    tile.scalar: _write_nothing,
    linear.instance_bound: _write_bound,
    memory.scratch: _write_scratch,
    memory.table: _write_table,
    arithmetic.add: _binary("fadd", "add"),
    arithmetic.subtract: _binary("fsub", "sub"),
    arithmetic.multiply: _binary("fmul", "mul"),
    arithmetic.divide: _binary("fdiv", "sdiv"),
    arithmetic.truncated_divide: _binary("fdiv", "sdiv", "udiv"),
    arithmetic.truncated_remainder: _binary("frem", "srem", "urem"),
    arithmetic.negate: _write_negate,
    arithmetic.absolute: _call("llvm.fabs"),
    arithmetic.maximum: _extreme("max"),
    arithmetic.minimum: _extreme("min"),
    arithmetic.fused_multiply_add: _call("llvm.fma"),
    linear.multiply_add: _write_multiply_add,
    bits.bitwise_and: _binary("", "and"),
    bits.bitwise_or: _binary("", "or"),
    bits.bitwise_xor: _binary("", "xor"),
    bits.bitwise_not: _write_not,
    bits.shift_left: _binary("", "shl"),
    bits.shift_right: _binary("", "ashr", "lshr"),
    comparison.less: _compare("olt", "slt", "ult"),
    comparison.less_equal: _compare("ole", "sle", "ule"),
    comparison.equal: _compare("oeq", "eq", "eq"),
    comparison.not_equal: _compare("une", "ne", "ne"),
    comparison.is_nan: _write_is_nan,
    comparison.where: _write_where,
    conversion.cast: _write_cast,
    conversion.bitcast: _write_bitcast,
    exponential.square_root: _call("llvm.sqrt"),
    rounding.floor: _call("llvm.floor"),
    rounding.ceil: _call("llvm.ceil"),
    rounding.truncate: _call("llvm.trunc"),
    rounding.round_even: _call("llvm.roundeven"),
    linear.splat: _write_splat,
    linear.shuffle: _write_shuffle,
    linear.extract: _write_extract,
    linear.insert: _write_insert,
    linear.reduce_lanes: _write_reduce_lanes,
}

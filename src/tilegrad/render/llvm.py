"""LLVM IR: what each instruction of the linear dialect is called there.

A function of the program becomes two: one that takes pointers and integers as arguments, each
pointer ``noalias``, and the entry, which loads these from the array of arguments and calls it.
"""

from __future__ import annotations

from collections.abc import Callable

from tilegrad.ir.dtype import DType
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
from tilegrad.ops.linear_program import LinearFunction, LinearProgram
from tilegrad.render.llvm_types import format_constant, format_type, format_vector, type_suffix


def render(program: LinearProgram, name: str) -> str:
    """Return a linear program as the text of an LLVM module.

    Args:
        program: the program.
        name: name of the entry, ``void name(ptr arguments, i64 begin, i64 end)``; the finish block
            is ``void name_finish(ptr arguments)``. The arguments are 8 bytes each, by slot.
    """
    declarations: dict[str, None] = {}
    texts = [_Writer(name + each.suffix, declarations).write(each) for each in program.functions]
    return "\n".join([*texts, *sorted(declarations)]) + "\n"


class _Writer:
    """Writes one function.

    Attributes:
        lines: the body so far.
        names: operand text of each value.
        declarations: intrinsics that the module must declare.
        label: the basic block that is being written.
        openings: for each loop the block before it, and the number of its first phi's line.
    """

    def __init__(self, name: str, declarations: dict[str, None]) -> None:
        self.name = name
        self.declarations = declarations
        self.lines: list[str] = []
        self.names: dict[Node, str] = {}
        self.label = "entry"
        self.openings: dict[Node, tuple[str, int]] = {}

    def write(self, function: LinearFunction) -> str:
        """Return the text of a function and its entry."""
        for number, node in enumerate(function.instructions):
            self.names[node] = f"%v{number}"
            _WRITERS[node.op](self, node)
        parameters = _find_parameters(function)
        written = _find_written(function)
        return self._format(parameters, written, has_bounds=not function.suffix)

    def _format(self, parameters: list[Node], written: set[Node], *, has_bounds: bool) -> str:
        bounds = ["i64 %begin", "i64 %end"] if has_bounds else []
        arguments: list[str] = []
        formal: list[str] = []
        loads: list[str] = []
        for node in parameters:
            slot, name = _slot_of(node), self.names[node]
            kind = format_type(node.dtype) if node.op is tile.scalar else "ptr"
            readonly = "" if node.op is tile.scalar or node in written else " readonly"
            noalias = "" if node.op is tile.scalar else " noalias"
            formal.append(f"{kind}{noalias}{readonly} {name}")
            arguments.append(f"{kind} %a{slot}")
            loads.append(f"  %s{slot} = getelementptr i64, ptr %arguments, i64 {slot}")
            loads.append(f"  %a{slot} = load {kind}, ptr %s{slot}, align 8")
        head = ", ".join([*formal, *bounds])
        call = ", ".join([*arguments, *bounds])
        entry = ", ".join(["ptr noalias readonly %arguments", *bounds])
        return "\n".join(
            [
                f"define internal void @{self.name}.body({head}) nounwind {{",
                "entry:",
                *self.lines,
                "  ret void",
                "}",
                f"define void @{self.name}({entry}) nounwind {{",
                *loads,
                f"  call void @{self.name}.body({call})",
                "  ret void",
                "}",
            ]
        )

    def operand(self, node: Node, lanes: int) -> str:
        """Return an operand without its type; a scalar constant stands for all lanes."""
        name = self.names.get(node)
        if name is not None:
            return name
        if node.op is linear.vector:
            return format_vector(attributes_of(node, linear.VectorAttributes))
        text = format_constant(attributes_of(node, leaves.ConstantAttributes))
        return f"splat ({format_type(node.dtype)} {text})" if lanes else text

    def typed(self, node: Node) -> str:
        """Return an operand with its type."""
        kind = format_type(node.dtype, linear.lanes_of(node))
        return f"{kind} {self.operand(node, 0)}"

    def call(self, node: Node, name: str, arguments: list[str], flags: str = "") -> None:
        """Write the call of an intrinsic; each argument is type and operand."""
        kind = format_type(node.dtype, linear.lanes_of(node))
        self.declare(kind, name, arguments)
        text = ", ".join(arguments)
        self.lines.append(f"  {self.names[node]} = call{flags} {kind} @{name}({text})")

    def declare(self, result: str, name: str, arguments: list[str]) -> None:
        """Note that the module uses an intrinsic."""
        kinds = ", ".join(_type_of(argument) for argument in arguments)
        self.declarations[f"declare {result} @{name}({kinds})"] = None


def _type_of(argument: str) -> str:
    end = argument.index(">") + 1 if argument.startswith("<") else argument.index(" ")
    return argument[:end]


def _slot_of(node: Node) -> int:
    if node.op is tile.scalar:
        return attributes_of(node, tile.ScalarAttributes).slot
    return attributes_of(node, memory.ParameterAttributes).slot


def _find_parameters(function: LinearFunction) -> list[Node]:
    """Return the parameters and scalars that a function uses, by slot."""
    found = [n for n in function.instructions if n.op is memory.parameter or n.op is tile.scalar]
    return sorted(found, key=_slot_of)


def _find_written(function: LinearFunction) -> set[Node]:
    """Return the parameters that a function writes to."""
    found = set()
    for node in function.instructions:
        if node.op in (linear.write, linear.write_scattered, linear.write_lanes):
            pointer = node.sources[0]
            while pointer.op is linear.address:
                pointer = pointer.sources[0]
            found.add(pointer)
    return found


Writer = Callable[[_Writer, Node], None]


def _write_nothing(writer: _Writer, node: Node) -> None:
    del writer, node


def _write_bound(writer: _Writer, node: Node) -> None:
    is_end = attributes_of(node, linear.InstanceBoundAttributes).is_end
    writer.names[node] = "%end" if is_end else "%begin"


def _write_scratch(writer: _Writer, node: Node) -> None:
    attributes = attributes_of(node, memory.ScratchAttributes)
    kind = f"[{attributes.size * attributes.dtype.itemsize} x i8]"
    writer.lines.append(f"  {writer.names[node]} = alloca {kind}, align 64")


def _binary(floats: str, signed: str, unsigned: str | None = None) -> Writer:
    """An instruction of two operands, spelt by the kind of its dtype."""

    def write(writer: _Writer, node: Node) -> None:
        first, second = node.sources
        lanes = linear.lanes_of(node)
        name = _by_kind(first.dtype, floats, signed, unsigned or signed)
        kind = format_type(node.dtype, lanes)
        one, other = writer.operand(first, lanes), writer.operand(second, lanes)
        writer.lines.append(f"  {writer.names[node]} = {name} {kind} {one}, {other}")

    return write


def _by_kind(dtype: DType, floats: str, signed: str, unsigned: str) -> str:
    if dtype.is_float:
        return floats
    return unsigned if dtype.is_unsigned or dtype.is_boolean else signed


def _compare(floats: str, signed: str, unsigned: str) -> Writer:
    """A comparison: its condition for floats, signed and unsigned integers."""

    def write(writer: _Writer, node: Node) -> None:
        first, second = node.sources
        lanes = linear.lanes_of(node)
        name = _by_kind(first.dtype, f"fcmp {floats}", f"icmp {signed}", f"icmp {unsigned}")
        kind = format_type(first.dtype, lanes)
        one, other = writer.operand(first, lanes), writer.operand(second, lanes)
        writer.lines.append(f"  {writer.names[node]} = {name} {kind} {one}, {other}")

    return write


def _extreme(name: str) -> Writer:
    """Maximum or minimum: NaN if either is NaN; of the two zeros either."""
    spellings = (f"llvm.{name}imum", f"llvm.s{name}", f"llvm.u{name}")

    def write(writer: _Writer, node: Node) -> None:
        intrinsic = _by_kind(node.dtype, *spellings)
        _call(intrinsic, " nsz" if node.dtype.is_float else "")(writer, node)

    return write


def _call(intrinsic: str, flags: str = "") -> Writer:
    """An intrinsic whose operands and result have one type."""

    def write(writer: _Writer, node: Node) -> None:
        lanes = linear.lanes_of(node)
        kind = format_type(node.dtype, lanes)
        arguments = [f"{kind} {writer.operand(source, lanes)}" for source in node.sources]
        writer.call(node, f"{intrinsic}.{type_suffix(node.dtype, lanes)}", arguments, flags)

    return write


def _write_multiply_add(writer: _Writer, node: Node) -> None:
    if node.dtype.is_float:
        _call("llvm.fmuladd")(writer, node)
        return
    lanes = linear.lanes_of(node)
    kind, name = format_type(node.dtype, lanes), writer.names[node]
    first, second, third = (writer.operand(source, lanes) for source in node.sources)
    writer.lines.append(f"  {name}.0 = mul {kind} {first}, {second}")
    writer.lines.append(f"  {name} = add {kind} {name}.0, {third}")


def _write_scale_exponent(writer: _Writer, node: Node) -> None:
    lanes = linear.lanes_of(node)
    kinds = format_type(node.dtype, lanes), format_type(node.sources[1].dtype, lanes)
    arguments = [
        f"{k} {writer.operand(s, lanes)}" for k, s in zip(kinds, node.sources, strict=True)
    ]
    suffix = f"{type_suffix(node.dtype, lanes)}.{type_suffix(node.sources[1].dtype, lanes)}"
    writer.call(node, f"llvm.ldexp.{suffix}", arguments)


def _write_table(writer: _Writer, node: Node) -> None:
    dtype, bits = attributes_of(node, memory.TableAttributes)
    name = f"@{writer.name}.table{len(writer.declarations)}"
    elements = ", ".join(
        f"{format_type(dtype)} {format_constant(leaves.ConstantAttributes(dtype, bit))}"
        for bit in bits
    )
    kind = f"[{len(bits)} x {format_type(dtype)}]"
    writer.declarations[f"{name} = private unnamed_addr constant {kind} [{elements}]"] = None
    writer.names[node] = name


def _write_negate(writer: _Writer, node: Node) -> None:
    lanes = linear.lanes_of(node)
    kind, value = format_type(node.dtype, lanes), writer.operand(node.sources[0], lanes)
    text = f"fneg {kind} {value}" if node.dtype.is_float else f"sub {kind} zeroinitializer, {value}"
    if not node.dtype.is_float and not lanes:
        text = f"sub {kind} 0, {value}"
    writer.lines.append(f"  {writer.names[node]} = {text}")


def _write_not(writer: _Writer, node: Node) -> None:
    lanes = linear.lanes_of(node)
    kind, value = format_type(node.dtype, lanes), writer.operand(node.sources[0], lanes)
    ones = f"splat ({format_type(node.dtype)} -1)" if lanes else "-1"
    writer.lines.append(f"  {writer.names[node]} = xor {kind} {value}, {ones}")


def _write_is_nan(writer: _Writer, node: Node) -> None:
    (source,) = node.sources
    value = writer.operand(source, 0)
    kind = format_type(source.dtype, linear.lanes_of(source))
    writer.lines.append(f"  {writer.names[node]} = fcmp uno {kind} {value}, {value}")


def _write_where(writer: _Writer, node: Node) -> None:
    lanes = linear.lanes_of(node)
    kind = format_type(node.dtype, lanes)
    condition, *values = node.sources
    chosen, other = (f"{kind} {writer.operand(value, lanes)}" for value in values)
    text = f"select {writer.typed(condition)}, {chosen}, {other}"
    writer.lines.append(f"  {writer.names[node]} = {text}")


def _write_cast(writer: _Writer, node: Node) -> None:
    (source,) = node.sources
    before, after, lanes = source.dtype, node.dtype, linear.lanes_of(node)
    operand = writer.operand(source, lanes)
    name = _cast_name(before, after)
    if name is None:
        writer.names[node] = operand
        return
    kinds = format_type(before, lanes), format_type(after, lanes)
    writer.lines.append(f"  {writer.names[node]} = {name} {kinds[0]} {operand} to {kinds[1]}")


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


def _write_bitcast(writer: _Writer, node: Node) -> None:
    (source,) = node.sources
    lanes = linear.lanes_of(node)
    before, after = format_type(source.dtype, lanes), format_type(node.dtype, lanes)
    operand = writer.operand(source, lanes)
    if before == after:
        writer.names[node] = operand
        return
    writer.lines.append(f"  {writer.names[node]} = bitcast {before} {operand} to {after}")


def _write_splat(writer: _Writer, node: Node) -> None:
    kind, name = format_type(node.dtype, linear.lanes_of(node)), writer.names[node]
    lanes = linear.lanes_of(node)
    value = writer.typed(node.sources[0])
    writer.lines.append(f"  {name}.0 = insertelement {kind} poison, {value}, i64 0")
    mask = f"<{lanes} x i32> zeroinitializer"
    writer.lines.append(f"  {name} = shufflevector {kind} {name}.0, {kind} poison, {mask}")


def _write_shuffle(writer: _Writer, node: Node) -> None:
    lanes = attributes_of(node, linear.ShuffleAttributes).lanes
    mask = ", ".join(f"i32 {lane}" for lane in lanes)
    first, second = (writer.typed(source) for source in node.sources)
    text = f"shufflevector {first}, {second}, <{len(lanes)} x i32> <{mask}>"
    writer.lines.append(f"  {writer.names[node]} = {text}")


def _write_extract(writer: _Writer, node: Node) -> None:
    lane = attributes_of(node, linear.LaneAttributes).lane
    text = f"extractelement {writer.typed(node.sources[0])}, i64 {lane}"
    writer.lines.append(f"  {writer.names[node]} = {text}")


def _write_insert(writer: _Writer, node: Node) -> None:
    lane = attributes_of(node, linear.LaneAttributes).lane
    vector, value = (writer.typed(source) for source in node.sources)
    writer.lines.append(f"  {writer.names[node]} = insertelement {vector}, {value}, i64 {lane}")


_HORIZONTAL = {
    "add": ("fadd", "add", "add"),
    "multiply": ("fmul", "mul", "mul"),
    "maximum": ("fmaximum", "smax", "umax"),
    "minimum": ("fminimum", "smin", "umin"),
}
_NEUTRAL = {"add": "-0.0", "multiply": "1.0"}


def _write_reduce_lanes(writer: _Writer, node: Node) -> None:
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


def _write_address(writer: _Writer, node: Node) -> None:
    scale, displacement = attributes_of(node, linear.AddressAttributes)
    base = writer.operand(node.sources[0], 0)
    name, lines = writer.names[node], writer.lines
    if len(node.sources) == 2:
        index = writer.operand(node.sources[1], 0)
        if scale in (1, 2, 4, 8):
            text = f"getelementptr i{8 * scale}, ptr {base}, i64 {index}"
        else:
            lines.append(f"  {name}.0 = mul nsw i64 {index}, {scale}")
            text = f"getelementptr i8, ptr {base}, i64 {name}.0"
        base = f"{name}.1" if displacement else name
        lines.append(f"  {base} = {text}")
    if displacement:
        lines.append(f"  {name} = getelementptr i8, ptr {base}, i64 {displacement}")


def _mask_text(writer: _Writer, mask: Node, lanes: int) -> str:
    return f"<{lanes} x i1> {writer.operand(mask, lanes)}"


def _one_lane(writer: _Writer, node: Node, value: Node, suffix: str) -> str:
    """Write a scalar as a vector of one lane, for the masked intrinsics; return its name."""
    name = f"{writer.names[node]}.{suffix}"
    kind = format_type(value.dtype, 1)
    writer.lines.append(f"  {name} = insertelement {kind} poison, {writer.typed(value)}, i64 0")
    return f"{kind} {name}"


def _write_read(writer: _Writer, node: Node) -> None:
    dtype, lanes, _ = attributes_of(node, linear.ReadAttributes)
    kind, name = format_type(dtype, lanes), writer.names[node]
    address = writer.operand(node.sources[0], 0)
    if len(node.sources) == 1:
        align = dtype.itemsize
        writer.lines.append(f"  {name} = load {kind}, ptr {address}, align {align}")
        return
    mask = node.sources[1]
    width = max(lanes, 1)
    vector = format_type(dtype, width)
    text = _mask_text(writer, mask, lanes) if lanes else _one_lane(writer, node, mask, "mask")
    intrinsic = f"llvm.masked.load.{type_suffix(dtype, width)}.p0"
    address = f"ptr align {dtype.itemsize} {address}"
    arguments = [address, text, f"{vector} zeroinitializer"]
    writer.declare(vector, intrinsic, arguments)
    loaded = name if lanes else f"{name}.0"
    writer.lines.append(f"  {loaded} = call {vector} @{intrinsic}({', '.join(arguments)})")
    if not lanes:
        writer.lines.append(f"  {name} = extractelement {vector} {loaded}, i64 0")


def _write_write(writer: _Writer, node: Node) -> None:
    value = node.sources[1]
    lanes = linear.lanes_of(value)
    address = f"ptr {writer.operand(node.sources[0], 0)}"
    align = value.dtype.itemsize
    if len(node.sources) == 2:
        writer.lines.append(f"  store {writer.typed(value)}, {address}, align {align}")
        return
    mask = node.sources[2]
    if lanes:
        data, text = writer.typed(value), _mask_text(writer, mask, lanes)
    else:
        data = _one_lane(writer, node, value, "value")
        text = _one_lane(writer, node, mask, "mask")
    intrinsic = f"llvm.masked.store.{type_suffix(value.dtype, max(lanes, 1))}.p0"
    arguments = [data, address.replace("ptr", f"ptr align {align}"), text]
    writer.declare("void", intrinsic, arguments)
    writer.lines.append(f"  call void @{intrinsic}({', '.join(arguments)})")


def _scattered(writer: _Writer, node: Node, dtype: DType, lanes: int) -> str:
    """Write the vector of addresses of a scattered access; return it with its type."""
    offsets, name = node.sources[1], f"{writer.names[node]}.p"
    base = writer.operand(node.sources[0], 0)
    text = f"getelementptr i{8 * dtype.itemsize}, ptr {base}, {writer.typed(offsets)}"
    writer.lines.append(f"  {name} = {text}")
    return f"<{lanes} x ptr> align {dtype.itemsize} {name}"


def _any_mask(writer: _Writer, mask: list[Node], lanes: int) -> str:
    return _mask_text(writer, mask[0], lanes) if mask else f"<{lanes} x i1> splat (i1 true)"


def _write_read_scattered(writer: _Writer, node: Node) -> None:
    dtype, lanes, _ = attributes_of(node, linear.ReadAttributes)
    kind = format_type(dtype, lanes)
    address = _scattered(writer, node, dtype, lanes)
    mask = _any_mask(writer, list(node.sources[2:]), lanes)
    suffix = type_suffix(dtype, lanes)
    intrinsic = f"llvm.masked.gather.{suffix}.v{lanes}p0"
    writer.call(node, intrinsic, [address, mask, f"{kind} zeroinitializer"])


def _write_write_scattered(writer: _Writer, node: Node) -> None:
    value = node.sources[2]
    lanes = linear.lanes_of(value)
    address = _scattered(writer, node, value.dtype, lanes)
    mask = _any_mask(writer, list(node.sources[3:]), lanes)
    intrinsic = f"llvm.masked.scatter.{type_suffix(value.dtype, lanes)}.v{lanes}p0"
    arguments = [writer.typed(value), address, mask]
    writer.declare("void", intrinsic, arguments)
    writer.lines.append(f"  call void @{intrinsic}({', '.join(arguments)})")


def _lane_addresses(writer: _Writer, node: Node, dtype: DType, lanes: int, extra: int) -> list[str]:
    """Write the address of each lane of an access, that of the spare memory where masked off."""
    _scattered(writer, node, dtype, lanes)
    name, vector = f"{writer.names[node]}.p", f"<{lanes} x ptr>"
    if len(node.sources) > extra:
        mask, spare = node.sources[extra:]
        other = f"{name}.spare"
        value = f"ptr {writer.operand(spare, 0)}"
        zeros = f"<{lanes} x i32> zeroinitializer"
        chosen = _mask_text(writer, mask, lanes)
        writer.lines += [
            f"  {other}.0 = insertelement {vector} poison, {value}, i64 0",
            f"  {other} = shufflevector {vector} {other}.0, {vector} poison, {zeros}",
            f"  {name}.any = select {chosen}, {vector} {name}, {vector} {other}",
        ]
        name += ".any"
    writer.lines += [
        f"  {name}{lane} = extractelement {vector} {name}, i64 {lane}" for lane in range(lanes)
    ]
    return [f"{name}{lane}" for lane in range(lanes)]


def _write_read_lanes(writer: _Writer, node: Node) -> None:
    dtype, lanes, _ = attributes_of(node, linear.ReadAttributes)
    kind, vector, name = format_type(dtype), format_type(dtype, lanes), writer.names[node]
    last = "poison"
    for lane, address in enumerate(_lane_addresses(writer, node, dtype, lanes, 2)):
        result = f"{name}.{lane}" if lane < lanes - 1 else name
        writer.lines += [
            f"  {name}.e{lane} = load {kind}, ptr {address}, align {dtype.itemsize}",
            f"  {result} = insertelement {vector} {last}, {kind} {name}.e{lane}, i64 {lane}",
        ]
        last = result


def _write_write_lanes(writer: _Writer, node: Node) -> None:
    value, name = node.sources[2], writer.names[node]
    lanes, align = linear.lanes_of(value), value.dtype.itemsize
    kind = format_type(value.dtype)
    for lane, address in enumerate(_lane_addresses(writer, node, value.dtype, lanes, 3)):
        writer.lines += [
            f"  {name}.e{lane} = extractelement {writer.typed(value)}, i64 {lane}",
            f"  store {kind} {name}.e{lane}, ptr {address}, align {align}",
        ]


def _write_begin_loop(writer: _Writer, node: Node) -> None:
    attributes = attributes_of(node, linear.BeginLoopAttributes)
    loop = f"loop{attributes.number}"
    start, stop = (writer.operand(source, 0) for source in node.sources[:2])
    if attributes.is_entered:
        writer.lines.append(f"  br label %{loop}")
    else:
        writer.lines.append(f"  %{loop}.guard = icmp slt i64 {start}, {stop}")
        writer.lines.append(f"  br i1 %{loop}.guard, label %{loop}, label %{loop}.end")
    writer.lines.append(f"{loop}:")
    position = f"phi i64 [ {start}, %{writer.label} ], [ %{loop}.next, %{loop}.latch ]"
    writer.lines.append(f"  %{loop}.position = {position}")
    writer.openings[node] = writer.label, len(writer.lines)
    # The values for the next round get their names later: end_loop writes these lines.
    writer.lines += [""] * (len(node.sources) - 3)
    writer.label = loop


def _loop_name(begin: Node) -> str:
    return f"loop{attributes_of(begin, linear.BeginLoopAttributes).number}"


def _write_position(writer: _Writer, node: Node) -> None:
    writer.names[node] = f"%{_loop_name(node.sources[0])}.position"


def _write_carry(writer: _Writer, node: Node) -> None:
    index = attributes_of(node, linear.PositionAttributes).index
    writer.names[node] = f"%{_loop_name(node.sources[0])}.carry{index}"


def _write_loop_value(writer: _Writer, node: Node) -> None:
    (end,) = node.sources
    begin, index = end.sources[0], attributes_of(node, linear.PositionAttributes).index
    if attributes_of(begin, linear.BeginLoopAttributes).is_entered:
        writer.names[node] = writer.operand(end.sources[1 + index], 0)
    else:
        writer.names[node] = f"%{_loop_name(begin)}.value{index}"


def _write_end_loop(writer: _Writer, node: Node) -> None:
    begin, *following = node.sources
    loop = _loop_name(begin)
    stop, step = (writer.operand(source, 0) for source in begin.sources[1:3])
    writer.lines += [
        f"  br label %{loop}.latch",
        f"{loop}.latch:",
        f"  %{loop}.next = add nsw i64 %{loop}.position, {step}",
        f"  %{loop}.again = icmp slt i64 %{loop}.next, {stop}",
        f"  br i1 %{loop}.again, label %{loop}, label %{loop}.end",
        f"{loop}.end:",
    ]
    before, line = writer.openings[begin]
    is_entered = attributes_of(begin, linear.BeginLoopAttributes).is_entered
    for index, value in enumerate(following):
        kind = format_type(value.dtype, linear.lanes_of(value))
        initial = writer.operand(begin.sources[3 + index], 0)
        phi = f"phi {kind} [ {initial}, %{before} ], [ {writer.operand(value, 0)}, %{loop}.latch ]"
        writer.lines[line + index] = f"  %{loop}.carry{index} = {phi}"
        if not is_entered:
            writer.lines.append(f"  %{loop}.value{index} = {phi}")
    writer.label = f"{loop}.end"


_WRITERS: dict[Op, Writer] = {
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
    linear.scale_exponent: _write_scale_exponent,
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
    linear.address: _write_address,
    linear.read: _write_read,
    linear.write: _write_write,
    linear.read_scattered: _write_read_scattered,
    linear.write_scattered: _write_write_scattered,
    linear.read_lanes: _write_read_lanes,
    linear.write_lanes: _write_write_lanes,
    linear.begin_loop: _write_begin_loop,
    linear.loop_position: _write_position,
    linear.loop_carry: _write_carry,
    linear.end_loop: _write_end_loop,
    linear.loop_value: _write_loop_value,
}


def rendered_ops() -> tuple[Op, ...]:
    """Return the ops that this target has a spelling for."""
    return tuple(_WRITERS)

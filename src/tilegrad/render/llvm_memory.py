"""Instructions on memory."""

from __future__ import annotations

from tilegrad.ir.dtype import DType, Kind
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear
from tilegrad.render.llvm_types import format_type, type_suffix
from tilegrad.render.llvm_writer import Write, Writer


def _write_address(writer: Writer, node: Node) -> None:
    scale, displacement = attributes_of(node, linear.AddressAttributes)
    base = writer.operand(node.sources[0], 0)
    name = writer.names[node]
    if len(node.sources) == 2:
        index = writer.operand(node.sources[1], 0)
        if scale in (1, 2, 4, 8):
            text = f"getelementptr i{8 * scale}, ptr {base}, i64 {index}"
        else:
            writer.assign(f"{name}.0", f"mul nsw i64 {index}, {scale}")
            text = f"getelementptr i8, ptr {base}, i64 {name}.0"
        base = f"{name}.1" if displacement else name
        writer.assign(base, text)
    if displacement:
        writer.assign(name, f"getelementptr i8, ptr {base}, i64 {displacement}")


def _write_address_after(writer: Writer, node: Node) -> None:
    writer.names[node] = writer.operand(node.sources[0], 0)


def _mask_text(writer: Writer, mask: Node, lanes: int) -> str:
    return f"<{lanes} x i1> {writer.operand(mask, lanes)}"


def _one_lane(writer: Writer, node: Node, value: Node, suffix: str) -> str:
    """Write a scalar as a vector of one lane, for the masked intrinsics; return its name."""
    name = f"{writer.names[node]}.{suffix}"
    kind = format_type(value.dtype, 1)
    writer.assign(name, f"insertelement {kind} poison, {writer.typed(value)}, i64 0")
    return f"{kind} {name}"


_FAR_AHEAD = 4096
"""What lies so many bytes ahead, and more, would displace in the first cache what is read now."""


def _write_fetch(
    writer: Writer,
    name: str,
    address: str,
    ahead: int,
    *,
    is_written: bool = False,
    is_far: bool = False,
) -> None:
    """Write that memory is read or written soon, which need not exist."""
    writer.assign(f"{name}.ahead", f"getelementptr i8, ptr {address}, i64 {ahead}")
    locality = 2 if is_far or ahead > _FAR_AHEAD else 3
    arguments = [f"ptr {name}.ahead", f"i32 {int(is_written)}", f"i32 {locality}", "i32 1"]
    writer.perform("llvm.prefetch.p0", arguments)


def _write_fetch_lines(writer: Writer, node: Node) -> None:
    size = attributes_of(node, linear.FetchAttributes).size
    address, name = writer.operand(node.sources[0], 0), writer.names[node]
    for number, start in enumerate(range(0, size, linear.LINE_BYTES)):
        _write_fetch(writer, f"{name}.{number}", address, start, is_far=True)


def _write_read(writer: Writer, node: Node) -> None:
    dtype, lanes, order, ahead, is_in_turn = attributes_of(node, linear.ReadAttributes)
    kind, name = format_type(dtype, lanes), writer.names[node]
    address = writer.operand(node.sources[0], 0)
    if ahead:
        _write_fetch(writer, name, address, ahead)
    if ahead and order:
        # No instruction: LLVM moves nothing across, which else asks for it last of all.
        writer.lines.append('  fence syncscope("singlethread") seq_cst')
    if len(node.sources) == 1:
        # LLVM would read each line where its value is used, but leaves these among themselves.
        how = "load volatile" if is_in_turn else "load"
        writer.assign(name, f"{how} {kind}, ptr {address}, align {dtype.itemsize}")
        return
    mask = node.sources[1]
    width = max(lanes, 1)
    vector = format_type(dtype, width)
    text = _mask_text(writer, mask, lanes) if lanes else _one_lane(writer, node, mask, "mask")
    intrinsic = f"llvm.masked.load.{type_suffix(dtype, width)}.p0"
    address = f"ptr align {dtype.itemsize} {address}"
    arguments = [address, text, f"{vector} zeroinitializer"]
    loaded = name if lanes else f"{name}.0"
    writer.assign_call(loaded, vector, intrinsic, arguments)
    if not lanes:
        writer.assign(name, f"extractelement {vector} {loaded}, i64 0")


def _write_write(writer: Writer, node: Node) -> None:
    value = node.sources[1]
    lanes = linear.lanes_of(value)
    address = f"ptr {writer.operand(node.sources[0], 0)}"
    align = value.dtype.itemsize
    attributes = attributes_of(node, linear.WriteAttributes)
    if writer.writes_past_caches and attributes.ahead:
        place = address.removeprefix("ptr ")
        _write_fetch(writer, writer.names[node], place, attributes.ahead, is_written=True)
    if writer.writes_past_caches and attributes.is_uncached:
        end = f"align {linear.LINE_BYTES}, !nontemporal !0"
        writer.lines.append(f"  store {writer.typed(value)}, {address}, {end}")
        return
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
    writer.perform(intrinsic, arguments)


def _scattered(writer: Writer, node: Node, dtype: DType, lanes: int) -> str:
    """Write the vector of addresses of a scattered access; return it with its type."""
    offsets, name = node.sources[1], f"{writer.names[node]}.p"
    base = writer.operand(node.sources[0], 0)
    writer.assign(name, f"getelementptr i{8 * dtype.itemsize}, ptr {base}, {writer.typed(offsets)}")
    return f"<{lanes} x ptr> align {dtype.itemsize} {name}"


def _any_mask(writer: Writer, mask: list[Node], lanes: int) -> str:
    return _mask_text(writer, mask[0], lanes) if mask else f"<{lanes} x i1> splat (i1 true)"


def _write_read_scattered(writer: Writer, node: Node) -> None:
    dtype, lanes, *_ = attributes_of(node, linear.ReadAttributes)
    kind = format_type(dtype, lanes)
    address = _scattered(writer, node, dtype, lanes)
    mask = _any_mask(writer, list(node.sources[2:]), lanes)
    suffix = type_suffix(dtype, lanes)
    intrinsic = f"llvm.masked.gather.{suffix}.v{lanes}p0"
    writer.call(node, intrinsic, [address, mask, f"{kind} zeroinitializer"])


def _write_write_scattered(writer: Writer, node: Node) -> None:
    value = node.sources[2]
    lanes = linear.lanes_of(value)
    address = _scattered(writer, node, value.dtype, lanes)
    mask = _any_mask(writer, list(node.sources[3:]), lanes)
    intrinsic = f"llvm.masked.scatter.{type_suffix(value.dtype, lanes)}.v{lanes}p0"
    arguments = [writer.typed(value), address, mask]
    writer.perform(intrinsic, arguments)


def _lane_addresses(writer: Writer, node: Node, dtype: DType, lanes: int, extra: int) -> list[str]:
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


def _write_read_lanes(writer: Writer, node: Node) -> None:
    dtype, lanes, *_ = attributes_of(node, linear.ReadAttributes)
    kind, vector, name = format_type(dtype), format_type(dtype, lanes), writer.names[node]
    last = "poison"
    for lane, address in enumerate(_lane_addresses(writer, node, dtype, lanes, 2)):
        result = f"{name}.{lane}" if lane < lanes - 1 else name
        writer.lines += [
            f"  {name}.e{lane} = load {kind}, ptr {address}, align {dtype.itemsize}",
            f"  {result} = insertelement {vector} {last}, {kind} {name}.e{lane}, i64 {lane}",
        ]
        last = result


def _write_write_lanes(writer: Writer, node: Node) -> None:
    value, name = node.sources[2], writer.names[node]
    lanes, align = linear.lanes_of(value), value.dtype.itemsize
    kind = format_type(value.dtype)
    for lane, address in enumerate(_lane_addresses(writer, node, value.dtype, lanes, 3)):
        writer.lines += [
            f"  {name}.e{lane} = extractelement {writer.typed(value)}, i64 {lane}",
            f"  store {kind} {name}.e{lane}, ptr {address}, align {align}",
        ]


def _write_update(writer: Writer, node: Node) -> None:
    """Write an atomic update; memory of the instance itself needs no such instruction."""
    address, value = node.sources[:2]
    name, where = writer.names[node], f"ptr {writer.operand(address, 0)}"
    if len(node.sources) > 2:
        mask, spare = (writer.operand(source, 0) for source in node.sources[2:])
        writer.assign(f"{name}.at", f"select i1 {mask}, {where}, ptr {spare}")
        where = f"ptr {name}.at"
    kind = _UPDATES[attributes_of(node, linear.UpdateAttributes).kind, _family(value.dtype)]
    align = value.dtype.itemsize
    text = f"atomicrmw {kind} {where}, {writer.typed(value)} monotonic, align {align}"
    writer.assign(name, text)


def _family(dtype: DType) -> str:
    return "float" if dtype.is_float else "signed" if dtype.kind is Kind.SIGNED else "unsigned"


_UPDATES = {
    ("add", "signed"): "add",
    ("add", "unsigned"): "add",
    ("add", "float"): "fadd",
    ("maximum", "signed"): "max",
    ("maximum", "unsigned"): "umax",
    ("maximum", "float"): "fmaximum",
    ("minimum", "signed"): "min",
    ("minimum", "unsigned"): "umin",
    ("minimum", "float"): "fminimum",
    ("exchange", "signed"): "xchg",
    ("exchange", "unsigned"): "xchg",
    ("exchange", "float"): "xchg",
}
"""LLVM's name of each update of each family of dtypes."""


MEMORY_WRITERS: dict[Op, Write] = {
    linear.address: _write_address,
    linear.address_after: _write_address_after,
    linear.read: _write_read,
    linear.write: _write_write,
    linear.fetch_lines: _write_fetch_lines,
    linear.read_scattered: _write_read_scattered,
    linear.write_scattered: _write_write_scattered,
    linear.read_lanes: _write_read_lanes,
    linear.write_lanes: _write_write_lanes,
    linear.update: _write_update,
}

"""Loops, as basic blocks that carry values by phis."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear
from tilegrad.render.llvm_writer import Write, Writer


def _write_begin_loop(writer: Writer, node: Node) -> None:
    attributes = attributes_of(node, linear.BeginLoopAttributes)
    loop = f"loop{attributes.number}"
    start, stop = (writer.operand(source, 0) for source in node.sources[:2])
    initial = [writer.operand(source, 0) for source in node.sources[3:]]
    if attributes.is_entered:
        writer.lines.append(f"  br label %{loop}")
    else:
        writer.lines.append(f"  %{loop}.guard = icmp slt i64 {start}, {stop}")
        writer.lines.append(f"  br i1 %{loop}.guard, label %{loop}, label %{loop}.end")
    writer.lines.append(f"{loop}:")
    position = f"phi i64 [ {start}, %{writer.label} ], [ %{loop}.next, %{loop}.latch ]"
    writer.lines.append(f"  %{loop}.position = {position}")
    writer.openings[node] = writer.label, len(writer.lines), initial
    # The values for the next round get their names later: end_loop writes these lines.
    writer.lines += [""] * (len(node.sources) - 3)
    writer.label = loop


def _loop_name(begin: Node) -> str:
    return f"loop{attributes_of(begin, linear.BeginLoopAttributes).number}"


def _write_position(writer: Writer, node: Node) -> None:
    writer.names[node] = f"%{_loop_name(node.sources[0])}.position"


def _write_carry(writer: Writer, node: Node) -> None:
    index = attributes_of(node, linear.PositionAttributes).index
    writer.names[node] = f"%{_loop_name(node.sources[0])}.carry{index}"


def _write_loop_value(writer: Writer, node: Node) -> None:
    (end,) = node.sources
    begin, index = end.sources[0], attributes_of(node, linear.PositionAttributes).index
    if attributes_of(begin, linear.BeginLoopAttributes).is_entered:
        writer.names[node] = writer.operand(end.sources[1 + index], 0)
    else:
        writer.names[node] = f"%{_loop_name(begin)}.value{index}"


def _write_end_loop(writer: Writer, node: Node) -> None:
    begin, *following = node.sources
    loop = _loop_name(begin)
    stop, step = (writer.operand(source, 0) for source in begin.sources[1:3])
    writer.lines += [
        f"  br label %{loop}.latch",
        f"{loop}.latch:",
        # Were it nsw, the position before the step would be compared, apart from the step.
        f"  %{loop}.next = add i64 %{loop}.position, {step}",
        f"  %{loop}.again = icmp slt i64 %{loop}.next, {stop}",
        f"  br i1 %{loop}.again, label %{loop}, label %{loop}.end",
        f"{loop}.end:",
    ]
    before, line, initial = writer.openings[begin]
    is_entered = attributes_of(begin, linear.BeginLoopAttributes).is_entered
    for index, value in enumerate(following):
        kind = writer.kind(value)
        first, later = initial[index], writer.operand(value, 0)
        phi = f"phi {kind} [ {first}, %{before} ], [ {later}, %{loop}.latch ]"
        writer.lines[line + index] = f"  %{loop}.carry{index} = {phi}"
        if not is_entered:
            writer.lines.append(f"  %{loop}.value{index} = {phi}")
    writer.label = f"{loop}.end"


LOOP_WRITERS: dict[Op, Write] = {
    linear.begin_loop: _write_begin_loop,
    linear.loop_position: _write_position,
    linear.loop_carry: _write_carry,
    linear.end_loop: _write_end_loop,
    linear.loop_value: _write_loop_value,
}

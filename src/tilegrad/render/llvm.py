"""LLVM IR: what each instruction of the linear dialect is called there.

A function of the program becomes two: one that takes pointers and integers as arguments, each
pointer ``noalias``, and the entry, which loads these from the array of arguments and calls it.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear, memory, tile
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.ops.linear_program import WRITES, LinearFunction, LinearProgram, find_pointer
from tilegrad.render.llvm_look_up import LOOK_UP_WRITERS
from tilegrad.render.llvm_loops import LOOP_WRITERS
from tilegrad.render.llvm_mathematics import MATHEMATICS_WRITERS
from tilegrad.render.llvm_matrix import MATRIX_WRITERS
from tilegrad.render.llvm_memory import MEMORY_WRITERS
from tilegrad.render.llvm_types import format_type
from tilegrad.render.llvm_values import VALUE_WRITERS
from tilegrad.render.llvm_writer import Write, Writer

_WRITERS: dict[Op, Write] = {
    **VALUE_WRITERS,
    **MATHEMATICS_WRITERS,
    **LOOK_UP_WRITERS,
    **MEMORY_WRITERS,
    **LOOP_WRITERS,
    **MATRIX_WRITERS,
}


def render(program: LinearProgram, name: str) -> str:
    """Return a linear program as the text of an LLVM module.

    Args:
        program: the program.
        name: name of the entry, ``void name(ptr arguments, i64 begin, i64 end)``; the finish block
            is ``void name_finish(ptr arguments)``. The arguments are 8 bytes each, by slot.
    """
    declarations: dict[str, None] = {}
    texts = [_write(name + each.suffix, declarations, each) for each in program.functions]
    return "\n".join([*texts, *sorted(declarations)]) + "\n"


def _write(name: str, declarations: dict[str, None], function: LinearFunction) -> str:
    """Return the text of a function's bodies and its entry.

    What writes past the caches needs memory that begins at a line: there is a second body for other
    memory, and the entry looks at the addresses.
    """
    lines = _find_uncached(function)
    writer = Writer(name, declarations)
    texts = [_write_body(writer, function, f"{name}.body")]
    if lines:
        direct = Writer(name, declarations, writes_past_caches=True)
        texts.append(_write_body(direct, function, f"{name}.direct"))
    slots = sorted(map(_slot_of, lines))
    return "\n".join([*texts, _write_entry(name, function, slots)])


def _write_body(writer: Writer, function: LinearFunction, name: str) -> str:
    """Return the text of the function that takes each argument by itself."""
    shuffles = (node for node in function.instructions if node.op is linear.shuffle)
    writer.shuffled.update(source for node in shuffles for source in node.sources)
    for number, node in enumerate(function.instructions):
        writer.names[node] = f"%v{number}"
        _WRITERS[node.op](writer, node)
    written = _find_written(function)
    formal: list[str] = []
    for node in _find_parameters(function):
        readonly = "" if node.op is tile.scalar or node in written else " readonly"
        noalias = "" if node.op is tile.scalar else " noalias"
        formal.append(f"{_kind_of(node)}{noalias}{readonly} {writer.names[node]}")
    if writer.writes_past_caches:
        writer.fence()
    head = ", ".join([*formal, *_bounds_of(function)])
    lines = [f"define internal void @{name}({head}) nounwind {{", "entry:", *writer.lines]
    return "\n".join([*lines, "  ret void", "}"])


def _write_entry(name: str, function: LinearFunction, lines: list[int]) -> str:
    """Return the text of the function that takes the array of arguments.

    Args:
        name: its name.
        function: what it calls.
        lines: slots of what is written past the caches.
    """
    arguments: list[str] = []
    loads: list[str] = []
    for node in _find_parameters(function):
        slot, kind = _slot_of(node), _kind_of(node)
        arguments.append(f"{kind} %a{slot}")
        loads.append(f"  %s{slot} = getelementptr i64, ptr %arguments, i64 {slot}")
        loads.append(f"  %a{slot} = load {kind}, ptr %s{slot}, align 8")
    bounds = _bounds_of(function)
    call = ", ".join([*arguments, *bounds])
    entry = ", ".join(["ptr noalias readonly %arguments", *bounds])
    calls = [f"  call void @{name}.body({call})", "  ret void"]
    if lines:
        direct = [f"  call void @{name}.direct({call})", "  ret void"]
        calls = [*_write_check(lines), "direct:", *direct, "other:", *calls]
    return "\n".join([f"define void @{name}({entry}) nounwind {{", *loads, *calls, "}"])


def _write_check(slots: list[int]) -> list[str]:
    """Return the lines that branch to ``direct`` if the memory of all slots begins at a line."""
    lines = [f"  %n{slot} = ptrtoint ptr %a{slot} to i64" for slot in slots]
    joined = f"%n{slots[0]}"
    for slot in slots[1:]:
        lines.append(f"  %o{slot} = or i64 {joined}, %n{slot}")
        joined = f"%o{slot}"
    return [
        *lines,
        f"  %rest = and i64 {joined}, {LINE_BYTES - 1}",
        "  %begins = icmp eq i64 %rest, 0",
        "  br i1 %begins, label %direct, label %other",
    ]


def _kind_of(node: Node) -> str:
    return format_type(node.dtype) if node.op is tile.scalar else "ptr"


def _bounds_of(function: LinearFunction) -> list[str]:
    return [] if function.suffix else ["i64 %begin", "i64 %end"]


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
    writes = (node for node in function.instructions if node.op in WRITES)
    return {find_pointer(node.sources[0]) for node in writes}


def _find_uncached(function: LinearFunction) -> set[Node]:
    """Return the parameters that a function writes to past the caches."""
    writes = (node for node in function.instructions if node.op is linear.write)
    return {
        find_pointer(node.sources[0])
        for node in writes
        if attributes_of(node, linear.WriteAttributes).is_uncached
    }


def rendered_ops() -> tuple[Op, ...]:
    """Return the ops that this target has a spelling for."""
    return tuple(_WRITERS)

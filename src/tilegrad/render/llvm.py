"""LLVM IR: what each instruction of the linear dialect is called there.

A function of the program becomes two: one that takes pointers and integers as arguments, each
pointer ``noalias``, and the entry, which loads these from the array of arguments and calls it.
"""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear, matrix, memory, tile
from tilegrad.ops.linear_program import LinearFunction, LinearProgram
from tilegrad.render.llvm_matrix import MATRIX_WRITERS
from tilegrad.render.llvm_memory import MEMORY_WRITERS
from tilegrad.render.llvm_types import format_type
from tilegrad.render.llvm_values import VALUE_WRITERS
from tilegrad.render.llvm_writer import Write, Writer

_WRITES = (
    linear.write,
    linear.write_scattered,
    linear.write_lanes,
    linear.update,
    matrix.write_matrix,
)
_WRITERS: dict[Op, Write] = {**VALUE_WRITERS, **MEMORY_WRITERS, **MATRIX_WRITERS}


def render(program: LinearProgram, name: str) -> str:
    """Return a linear program as the text of an LLVM module.

    Args:
        program: the program.
        name: name of the entry, ``void name(ptr arguments, i64 begin, i64 end)``; the finish block
            is ``void name_finish(ptr arguments)``. The arguments are 8 bytes each, by slot.
    """
    declarations: dict[str, None] = {}
    texts = [_write(Writer(name + each.suffix, declarations), each) for each in program.functions]
    return "\n".join([*texts, *sorted(declarations)]) + "\n"


def _write(writer: Writer, function: LinearFunction) -> str:
    """Return the text of a function and its entry."""
    for number, node in enumerate(function.instructions):
        writer.names[node] = f"%v{number}"
        _WRITERS[node.op](writer, node)
    parameters = _find_parameters(function)
    written = _find_written(function)
    return _format(writer, parameters, written, has_bounds=not function.suffix)


def _format(writer: Writer, parameters: list[Node], written: set[Node], *, has_bounds: bool) -> str:
    bounds = ["i64 %begin", "i64 %end"] if has_bounds else []
    arguments: list[str] = []
    formal: list[str] = []
    loads: list[str] = []
    for node in parameters:
        slot, name = _slot_of(node), writer.names[node]
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
            f"define internal void @{writer.name}.body({head}) nounwind {{",
            "entry:",
            *writer.lines,
            "  ret void",
            "}",
            f"define void @{writer.name}({entry}) nounwind {{",
            *loads,
            f"  call void @{writer.name}.body({call})",
            "  ret void",
            "}",
        ]
    )


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
        if node.op in _WRITES:
            pointer = node.sources[0]
            while pointer.op is linear.address:
                pointer = pointer.sources[0]
            found.add(pointer)
    return found


def rendered_ops() -> tuple[Op, ...]:
    """Return the ops that this target has a spelling for."""
    return tuple(_WRITERS)

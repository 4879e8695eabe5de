"""Instructions that multiply matrices."""

from __future__ import annotations

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import linear, matrix
from tilegrad.ops.matrix import InstructionAttributes
from tilegrad.render.llvm_writer import Write, Writer, format_matrix_size

_WORD_PRODUCTS = {
    "vdpbf16ps": ("llvm.x86.avx512bf16.dpbf16ps.{bits}", 2),
    "vpdpbusd": ("llvm.x86.avx512.vpdpbusd.{bits}", 4),
    "bfdot": ("llvm.aarch64.neon.bfdot.v{lanes}f32.v{elements}bf16", 2),
    "sdot": ("llvm.aarch64.neon.sdot.v{lanes}i32.v{elements}i8", 4),
    "udot": ("llvm.aarch64.neon.udot.v{lanes}i32.v{elements}i8", 4),
    "usdot": ("llvm.aarch64.neon.usdot.v{lanes}i32.v{elements}i8", 4),
}
"""For each instruction the intrinsic, and the elements in a word."""


def _write_multiply_words(writer: Writer, node: Node) -> None:
    instruction = attributes_of(node, InstructionAttributes).name
    total, *operands = node.sources
    lanes, name = linear.lanes_of(node), writer.names[node]
    intrinsic, group = _WORD_PRODUCTS[instruction]
    element = "bfloat" if group == 2 else "i8"
    kind = f"<{lanes * group} x {element}>"
    arguments = [f"{writer.kind(node)} {writer.operand(total, lanes)}"]
    for number, operand in enumerate(operands):
        words = f"{writer.kind(operand)} {writer.operand(operand, lanes)}"
        writer.assign(f"{name}.{number}", f"bitcast {words} to {kind}")
        arguments.append(f"{kind} {name}.{number}")
    spelt = intrinsic.format(bits=32 * lanes, lanes=lanes, elements=lanes * group)
    writer.call(node, spelt, arguments)


def _write_reinterpret(writer: Writer, node: Node) -> None:
    writer.define(node, f"bitcast {writer.typed(node.sources[0])} to {writer.kind(node)}")


def _write_read(writer: Writer, node: Node) -> None:
    address, step = (writer.operand(source, 0) for source in node.sources)
    arguments = [*format_matrix_size(node), f"ptr {address}", f"i64 {step}"]
    writer.call(node, "llvm.x86.tileloadd64.internal", arguments)


def _write_write(writer: Writer, node: Node) -> None:
    address, step = (writer.operand(source, 0) for source in node.sources[:2])
    value = node.sources[2]
    arguments = [*format_matrix_size(value), f"ptr {address}", f"i64 {step}", writer.typed(value)]
    intrinsic = "llvm.x86.tilestored64.internal"
    writer.perform(intrinsic, arguments)


def _write_multiply(writer: Writer, node: Node) -> None:
    name = attributes_of(node, InstructionAttributes).name
    depth = format_matrix_size(node.sources[1])[1]
    arguments = [*format_matrix_size(node), depth, *map(writer.typed, node.sources)]
    writer.call(node, f"llvm.x86.{name}.internal", arguments)


MATRIX_WRITERS: dict[Op, Write] = {
    matrix.multiply_words: _write_multiply_words,
    matrix.reinterpret: _write_reinterpret,
    matrix.read_matrix: _write_read,
    matrix.write_matrix: _write_write,
    matrix.multiply_matrices: _write_multiply,
}

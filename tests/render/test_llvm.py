"""LLVM IR as text, and that LLVM takes it for several processors."""

from __future__ import annotations

import pytest

from tests.codegen.native import codegen_target, compiler
from tests.codegen.programs import iota, matmul, softmax
from tilegrad.codegen.lower import lower
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import ELEMENTWISE_OPS, conversion, memory, tile
from tilegrad.render.llvm import render
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.elf import ElfObject
from tilegrad.runtime.cpu.target import foreign_target

TARGET = CodegenTarget("x86_64", 512, ("avx512f", "avx512vl", "fma", "sse4.1"))
ARM = foreign_target("aarch64-unknown-linux-gnu")


def elementwise(name: str, dtype: DType) -> Node | None:
    """Return a program of one op, or None if it does not take the dtype."""
    (op,) = (op for op in ELEMENTWISE_OPS if op.name == name)
    offset = tile.make_program_index(0) * 32 + iota((1, 32), 1)
    loads = [
        memory.make_load(memory.make_parameter(slot, dtype), offset)
        for slot in range(op.arity or 0)
    ]
    value = op(*loads)
    target = memory.make_parameter(len(loads), value.dtype)
    return tile.make_program("k", [2], [memory.make_store(target, offset, value)])


def test_text_of_a_matmul(golden) -> None:
    golden("matmul.ll", render(lower(matmul(8, 16, 32, 2, 32), TARGET), "matmul"))


def test_text_of_a_softmax(golden) -> None:
    golden("softmax.ll", render(lower(softmax(4, 40, 32), TARGET), "softmax"))


@pytest.mark.parametrize("program", [matmul(8, 16, 32), softmax(4, 100)], ids=["matmul", "softmax"])
def test_aarch64_vectors(program: Node) -> None:
    text = render(lower(program, codegen_target(ARM)), "k")
    assembly = CpuCompiler(ARM).assembly(text)
    assert "fmla" in assembly
    assert ".4s" in assembly


@pytest.mark.parametrize(
    "name", ["exp", "log", "sin", "tanh", "erf", "power", "floor_divide", "modulo", "round"]
)
def test_aarch64_needs_no_library(name: str) -> None:
    for dtype in (dtypes.float32, dtypes.float16):
        program = elementwise(name, dtype)
        binary = CpuCompiler(ARM).compile(render(lower(program, codegen_target(ARM)), "k"))
        assert not ElfObject(binary).needed


def test_no_kernel_needs_a_library() -> None:
    """Casts between all dtypes in one program, on the narrowest processor."""
    offset = iota((1, 16), 1)
    stores, slot = [], len(STORABLE)
    for number, before in enumerate(STORABLE):
        value = memory.make_load(memory.make_parameter(number, before), offset)
        for after in (dtypes.float16, dtypes.bfloat16, dtypes.float64, dtypes.uint64, dtypes.int8):
            pointer = memory.make_parameter(slot, after)
            stores.append(memory.make_store(pointer, offset, conversion.cast_to(value, after)))
            slot += 1
    program = tile.make_program("k", [1], stores)
    narrow = compiler("sse2")
    binary = narrow.compile(render(lower(program, codegen_target(narrow.target)), "k"))
    assert not ElfObject(binary).needed

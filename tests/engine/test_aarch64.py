"""AArch64, cross-compiled: the instructions alone, as there is no such machine to run them."""

from __future__ import annotations

import functools
import re

import pytest

from tilegrad import Tensor, dtypes
from tilegrad.codegen.lower import lower
from tilegrad.engine import Session
from tilegrad.engine.cpu import code_target, tile_target
from tilegrad.engine.explain import explain
from tilegrad.render.assembly import clean_assembly, find_loops
from tilegrad.render.llvm import render
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import foreign_target
from tilegrad.tile.derive import derive

PLAIN = ("neon",)
NEWER = ("bf16", "dotprod", "fullfp16", "i8mm", "neon")


@functools.cache
def compiler(features: tuple[str, ...]) -> CpuCompiler:
    return CpuCompiler(foreign_target("aarch64-unknown-linux-gnu", features=features))


def assemble(tensor: Tensor, features: tuple[str, ...] = PLAIN) -> str:
    """Return the assembly of the one kernel that computes a tensor."""
    (kernel,) = explain(tensor).kernels
    target = compiler(features).target
    root = kernel.step.program.kernel
    program = derive(root, kernel.step.program.program.slots, tile_target(target), "k")
    text = render(lower(program.root, code_target(target)), "k")
    return clean_assembly(compiler(features).assembly(text), "k")


@pytest.fixture(autouse=True)
def session():
    with Session().entered():
        yield


def filled(*shape: int, dtype=dtypes.float32) -> Tensor:
    return Tensor.ones(*shape, dtype=dtype).contiguous().realize()


def heads(length: int) -> Tensor:
    return filled(2, length, 64)


FORMULAS = {
    "matmul": lambda: filled(256, 256).matmul(filled(256, 256)).gelu(),
    "convolution": lambda: filled(1, 32, 14, 14).conv2d(filled(64, 32, 3, 3), padding=1).relu(),
    "softmax": lambda: filled(64, 512).softmax(),
    "attention": lambda: (heads(256) @ heads(256).transpose(1, 2)).softmax() @ heads(256),
    "functions": lambda: (filled(4096).sin() + filled(4096).tanh()).exp() ** filled(4096),
    "bfloat16": lambda: filled(128, 128, dtype=dtypes.bfloat16).relu() * 2,
    "bytes": lambda: filled(128, 128, dtype=dtypes.int8).cast(dtypes.int32).sum(1),
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_loops_work_on_vectors_and_call_nothing(formula) -> None:
    text = assemble(formula())
    calls = re.findall(r"^\s*blr?\s+(\S+)", text, re.MULTILINE)
    assert set(calls) <= {"k.body", "k_finish.body"}
    for loop in find_loops(text):
        assert set(loop.kinds) - {"other"}, loop
    # Sums of rows end in a scalar; the work before that is done on vectors.
    assert len(re.findall(r"\sf(?:add|sub|mul|madd|div)\s+[sd]\d", text)) <= 8
    assert len(re.findall(r"\sv\d+\.\d+[bhsd]|\sq\d+", text)) > 16


@pytest.mark.parametrize("name", ["matmul", "convolution", "attention"])
def test_products_multiply_by_lanes_of_vectors_and_keep_to_the_registers(name: str) -> None:
    text = assemble(FORMULAS[name]())
    assert re.search(r"fmla\s+v\d+\.4s, v\d+\.4s, v\d+\.s\[\d\]", text)
    products = [loop for loop in find_loops(text) if next(iter(loop.kinds)) == "multiply-add"]
    assert products
    for loop in products:
        assert loop.kinds["multiply-add"] >= loop.instructions * 0.55, loop


@pytest.mark.parametrize(
    ("dtype", "total", "name"),
    [(dtypes.bfloat16, dtypes.float32, "bfdot|bfmmla"), (dtypes.int8, dtypes.int32, "sdot|smmla")],
)
def test_narrow_products_use_dot_products_where_there_are_any(dtype, total, name) -> None:
    def product() -> Tensor:
        a, b = filled(128, 128, dtype=dtype), filled(128, 128, dtype=dtype)
        return a.matmul(b, dtype=total)

    assert re.search(rf"\b({name})\b", assemble(product(), NEWER))
    assert not re.search(rf"\b({name})\b", assemble(product(), PLAIN))

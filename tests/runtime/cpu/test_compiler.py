"""Compiling and loading: targets, errors, threads, lifetimes."""

from __future__ import annotations

import ctypes
import gc
import mmap
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.cpu.kernels import MIX
from tilegrad.base.errors import CompileError
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.elf import ElfObject
from tilegrad.runtime.cpu.native import native_source
from tilegrad.runtime.cpu.target import Optimisation, foreign_target, host_target

SCALE = """
@table = internal constant [4 x float] [float 1.0, float 2.0, float 3.0, float 4.0]

define void @scale(ptr %arguments, i64 %begin, i64 %end) nounwind {
entry:
  %array = load ptr, ptr %arguments
  %at = getelementptr <16 x float>, ptr %array, i64 %begin
  %value = load <16 x float>, ptr %at, align 4
  %index = and i64 %begin, 3
  %factor.at = getelementptr float, ptr @table, i64 %index
  %factor = load float, ptr %factor.at
  %first = insertelement <16 x float> poison, float %factor, i64 0
  %all = shufflevector <16 x float> %first, <16 x float> poison, <16 x i32> zeroinitializer
  %scaled = fmul <16 x float> %value, %all
  store <16 x float> %scaled, ptr %at, align 4
  ret void
}
"""
AVX512 = foreign_target(
    "x86_64-unknown-linux-gnu", features=("avx", "avx2", "fma", "avx512f", "avx512vl", "evex512")
)
KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


@pytest.fixture(scope="module")
def compiler():
    return CpuCompiler(host_target())


def run(program, array, block):
    arguments = np.array([array.ctypes.data])
    KERNEL(program.address("scale"))(arguments.ctypes.data, block, block + 1)


@pytest.mark.parametrize("level", Optimisation)
def test_compiled_code_runs(level):
    compiler = CpuCompiler(host_target(), level)
    program = compiler.load(compiler.compile(SCALE))
    array = np.ones(64, np.float32)
    for block in range(4):
        run(program, array, block)
    assert array.tolist() == [1] * 16 + [2] * 16 + [3] * 16 + [4] * 16


def test_aarch64_code_uses_neon():
    target = foreign_target("aarch64-unknown-linux-gnu", features=("neon",))
    assembly = CpuCompiler(target).assembly(SCALE)
    assert len(re.findall(r"\bfmul\s+v\d+\.4s", assembly)) == 4
    assert CpuCompiler(target).compile(SCALE)[18:20] == b"\xb7\0"  # the ELF machine


@pytest.mark.parametrize(
    ("target", "used", "unused"),
    [
        (AVX512, "zmm", "xmm15"),
        (AVX512.limited("avx512"), "zmm", "xmm15"),
        (AVX512.limited("avx2"), "ymm", "zmm"),
        (AVX512.limited("sse4.2"), "xmm", "ymm"),
        (AVX512.limited("sse2"), "xmm", "ymm"),
    ],
    ids=["all", "avx512", "avx2", "sse4.2", "sse2"],
)
def test_x86_levels(target, used, unused):
    assembly = CpuCompiler(target).assembly(SCALE)
    assert used in assembly
    assert unused not in assembly


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_native_part_compiles_for(architecture):
    target = foreign_target(f"{architecture}-unknown-linux-gnu")
    native = ElfObject(CpuCompiler(target).compile(native_source(architecture)))
    assert set(native.defined) == {"run", "stop", "worker", "shutdown"}
    assert set(native.needed) == {"clock_gettime", "sched_getcpu", "syscall"}


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("fmul", "fmull", "fmull <16 x float>"),
        ("%value, %all", "%value, %index", "%scaled = fmul"),
        ("load float, ptr %factor.at", "load float, ptr %later", "%factor = load"),
        ("and i64 %begin, 3", "and i64 %index, 3", "%index = and i64 %index, 3"),
        ("define void @scale", "define void @scale(", "define void @scale("),
    ],
)
def test_refused_modules_show_the_line(compiler, before, after, line):
    source = SCALE.replace(before, after)
    with pytest.raises(CompileError, match="LLVM refuses") as caught:
        compiler.compile(source)
    marked = [row for row in str(caught.value).splitlines() if row.startswith(">")]
    assert len(marked) == 1
    assert line in marked[0]
    number = int(marked[0].split()[1])
    assert line in source.splitlines()[number - 1]


def test_unknown_target():
    with pytest.raises(CompileError, match="no such target"):
        CpuCompiler(foreign_target("pdp11-unknown-unix")).compile(SCALE)


def test_object_with_many_kernels(compiler):
    source = "\n".join(
        SCALE.replace("@scale", f"@scale{number}").replace("@table", f"@table{number}")
        for number in range(20)
    )
    program = compiler.load(compiler.compile(source))
    assert program.symbols == tuple(f"scale{number}" for number in range(20))
    assert len({program.address(symbol) for symbol in program.symbols}) == 20
    with pytest.raises(CompileError, match="No such symbol"):
        program.address("scale20")


def test_same_names_in_several_objects(compiler):
    first = compiler.load(compiler.compile(SCALE))
    second = compiler.load(compiler.compile(SCALE.replace("float 1.0", "float 7.0")))
    array = np.ones(16, np.float32)
    run(second, array, 0)
    run(first, array, 0)
    assert array.tolist() == [7] * 16


def executable_bytes():
    lines = Path("/proc/self/maps").read_text().splitlines()
    ranges = [line.split()[0].split("-") for line in lines if " r-xp " in line]
    return sum(int(end, 16) - int(start, 16) for start, end in ranges)


def test_code_is_unloaded_when_dropped(compiler):
    binary = compiler.compile(SCALE)
    programs = [compiler.load(binary) for _ in range(50)]
    gc.collect()
    before = executable_bytes()
    programs.clear()
    gc.collect()
    assert executable_bytes() <= before - 50 * mmap.PAGESIZE


def test_missing_symbol(compiler):
    source = "declare void @nowhere()\ndefine void @f() { call void @nowhere() ret void }"
    with pytest.raises(CompileError, match="does not have") as caught:
        compiler.load(compiler.compile(source))
    assert "nowhere" in str(caught.value)


def test_functions_of_the_process_can_be_called(compiler):
    source = """
    declare double @fmod(double, double)
    define double @rest(double %x) {
      %result = call double @fmod(double %x, double 3.0)
      ret double %result
    }
    """
    program = compiler.load(compiler.compile(source))
    rest = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(program.address("rest"))
    assert rest(7.5) == 1.5


def test_constants_and_tables_of_functions_are_found(compiler):
    """Relocations that kernels have no need of: addresses in tables, and functions as values."""
    source = """
    @functions = private constant [2 x ptr] [ptr @double, ptr @fmod]
    declare double @fmod(double, double)
    define double @double(double %x) { %y = fmul double %x, 2.0 ret double %y }
    define ptr @pick(i64 %number) {
      %place = getelementptr ptr, ptr @functions, i64 %number
      %function = load ptr, ptr %place
      ret ptr %function
    }
    define ptr @rest() { ret ptr @fmod }
    """
    program = compiler.load(compiler.compile(source))
    pick = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_int64)(program.address("pick"))
    rest = ctypes.CFUNCTYPE(ctypes.c_size_t)(program.address("rest"))
    assert pick(0) == program.address("double")
    assert pick(1) == rest()
    two = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
    assert two(rest())(7.5, 3.0) == 1.5


@pytest.mark.parametrize("cut", [0, 10, 100, 500, -100])
def test_damaged_objects(compiler, cut):
    with pytest.raises(CompileError, match="damaged"):
        compiler.load(compiler.compile(MIX)[:cut])
    with pytest.raises(CompileError, match="damaged"):
        compiler.load(b"not an object" * 50)


def test_threads_compile_and_load_at_once(compiler):
    expected = compiler.compile(MIX)
    results, failures = [], []

    def work(number):
        try:
            for _ in range(5):
                results.append(compiler.compile(MIX) == expected)
                source = SCALE.replace("float 1.0", f"float {number}.0")
                array = np.ones(16, np.float32)
                run(compiler.load(compiler.compile(source)), array, 0)
                results.append(array.tolist() == [number] * 16)
                try:
                    compiler.compile(SCALE.replace("fmul", "nonsense"))
                except CompileError:
                    results.append(True)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert results == [True] * 60


def test_key_says_what_code_depends_on(compiler):
    full = CpuCompiler(compiler.target, Optimisation.FULL)
    keys = {
        compiler.key,
        full.key,
        CpuCompiler(AVX512).key,
        CpuCompiler(AVX512.limited("avx2")).key,
    }
    assert len(keys) == 4
    assert CpuCompiler(host_target(threads=7)).key == compiler.key

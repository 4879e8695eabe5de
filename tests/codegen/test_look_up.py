"""Look-ups in constant tables: right for every processor, one instruction where there is one."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import re

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codegen import native
from tests.codegen.programs import iota
from tests.codegen.test_matrix import assembly
from tilegrad.base.errors import ArgumentError, DTypeError
from tilegrad.codegen.lower import lower
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import memory, tile
from tilegrad.ops.look_up import LookUpAttributes, look_up
from tilegrad.render.llvm import render
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import CpuTarget

WITHOUT = {
    "all": ("native", ()),
    "shuffles of 64 bytes": ("native", ("avx512vbmi",)),
    "shuffles of 32 bytes": ("avx2", ()),
    "shuffles of 16 bytes": ("avx2", ("avx2",)),
    "none": ("sse2", ()),
}
"""The instruction set that each way is restricted to, and features that it lacks beyond that."""
NUMBERS = [dtype for dtype in STORABLE if not dtype.is_boolean]
WHOLE = [dtype for dtype in STORABLE if dtype.is_integer]


def program(places: Node, dtype: DType, bits: tuple[int, ...]) -> Node:
    found = look_up(places, attributes=LookUpAttributes(dtype, bits))
    rows, columns = (size for size in found.shape if isinstance(size, int))
    return tile.make_program(
        "k",
        [1],
        [memory.make_store(memory.make_parameter(1, dtype), row_major(rows, columns), found)],
    )


def row_major(rows: int, columns: int) -> Node:
    return iota((rows, 1), 0) * columns + iota((1, columns), 1)


def load(dtype: DType, rows: int, columns: int) -> Node:
    return memory.make_load(memory.make_parameter(0, dtype), row_major(rows, columns))


@functools.cache
def processor(way: str) -> tuple[CpuTarget, CpuCompiler]:
    level, lacking = WITHOUT[way]
    target = native.target(level)
    kept = tuple(name for name in target.features if not name.startswith(lacking or "?"))
    target = dataclasses.replace(target, features=kept)
    return target, CpuCompiler(target)


def run(root: Node, arguments: list[numpy.ndarray], way: str) -> None:
    target, compiler = processor(way)
    linear = lower(root, native.codegen_target(target))
    linear.verify()
    loaded = compiler.load(compiler.compile(render(linear, "k")))
    words = (ctypes.c_int64 * len(arguments))(*(one.ctypes.data for one in arguments))
    start = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    start(loaded.address("k"))(ctypes.addressof(words), 0, 1)


@pytest.mark.parametrize("way", WITHOUT)
@settings(max_examples=15)
@given(
    st.sampled_from(NUMBERS),
    st.sampled_from(WHOLE),
    st.integers(0, 8),
    st.tuples(st.integers(1, 3), st.sampled_from([1, 3, 4, 8, 16, 32, 64, 70])),
    st.integers(0, 2**32 - 1),
)
def test_numbers_stand_where_they_do(
    way: str, dtype: DType, whole: DType, height: int, shape: tuple[int, int], seed: int
) -> None:
    generator = numpy.random.default_rng(seed)
    table = generator.bytes(dtype.itemsize << height)
    bits = numpy.frombuffer(table, f"u{dtype.itemsize}")
    places = generator.integers(-(2**63), 2**63, shape).astype(whole.numpy)
    found = numpy.zeros(shape, bits.dtype)
    run(program(load(whole, *shape), dtype, tuple(map(int, bits))), [places, found], way)
    wanted = bits[places.astype(numpy.int64) % len(bits)]
    numpy.testing.assert_array_equal(found, wanted)


def test_places_may_be_positions() -> None:
    found = numpy.zeros((2, 9), numpy.uint8)
    run(program(row_major(2, 9), dtypes.uint8, (3, 1, 4, 1)), [found, found], "all")
    assert found.reshape(-1).tolist() == [3, 1, 4, 1] * 4 + [3, 1]


@pytest.mark.parametrize(
    ("architecture", "bits", "features", "pattern"),
    [
        ("x86_64", 512, ("avx512bw", "avx512f", "avx512vbmi", "avx512vl"), r"vpermb\s.*zmm"),
        ("x86_64", 512, ("avx512bw", "avx512f", "avx512vl"), r"vpshufb\s.*zmm"),
        ("x86_64", 256, ("avx", "avx2"), r"vpshufb\s.*ymm"),
        ("x86_64", 128, ("ssse3",), r"pshufb\s.*xmm"),
        ("aarch64", 128, (), r"tbl\s+v\d+\.16b"),
    ],
)
def test_bytes_are_found_by_one_instruction(
    architecture: str, bits: int, features: tuple[str, ...], pattern: str
) -> None:
    target = CodegenTarget(architecture, bits, features)
    count = bits // 8
    text = assembly(program(load(dtypes.uint8, 1, count), dtypes.uint8, tuple(range(16))), target)
    assert len(re.findall(pattern, text)) == 1, text


@pytest.mark.parametrize("size", [0, 12, 512])
def test_tables_of_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ArgumentError):
        look_up(iota((4,), 0), attributes=LookUpAttributes(dtypes.uint8, (0,) * size))


def test_what_is_no_place_or_no_number_is_refused() -> None:
    with pytest.raises(DTypeError):
        look_up(load(dtypes.float32, 1, 4), attributes=LookUpAttributes(dtypes.uint8, (0, 1)))
    with pytest.raises(DTypeError):
        look_up(iota((4,), 0), attributes=LookUpAttributes(dtypes.bool, (0, 1)))

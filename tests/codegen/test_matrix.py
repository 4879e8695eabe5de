"""Products of narrow operands: by matrix units, dot products within lanes, or plain vectors."""

from __future__ import annotations

import ctypes
import functools

import ml_dtypes
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codegen import native
from tests.codegen.programs import below, full, iota
from tests.codegen.tile_registers import emulate
from tilegrad.codegen.lower import lower
from tilegrad.codegen.matrix.units import list_matrix_facts
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import linear, matrix, memory, tile
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.linear_program import LinearProgram
from tilegrad.ops.matrix import WORD_BYTES
from tilegrad.ops.movement import permute_axes, reshape_to
from tilegrad.render.llvm import render
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import foreign_target

BF16, INT8, UINT8 = dtypes.bfloat16, dtypes.int8, dtypes.uint8
AVX512 = ("avx512f", "avx512bw", "avx512dq", "avx512vl", "fma", "avx2", "sse4.1", "f16c", "bmi2")
NARROW = ("avx512bf16", "avx512vnni")
AMX = ("amx-tile", "amx-bf16", "amx-int8")
KINDS = [(BF16, BF16), (INT8, INT8), (UINT8, INT8), (INT8, UINT8), (UINT8, UINT8)]
KIND_NAMES = ["bf16", "s8s8", "u8s8", "s8u8", "u8u8"]
kinds = pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
ways = pytest.mark.parametrize("way", ["tiles", "native", "plain", "sse2"])


def x86(*features: str) -> CodegenTarget:
    return CodegenTarget("x86_64", 512, tuple(sorted((*AVX512, *features))))


def assembly(program: Node, target: CodegenTarget) -> str:
    cpu = foreign_target(f"{target.architecture}-unknown-linux-gnu", features=target.features)
    return CpuCompiler(cpu).assembly(render(lower(program, target), "k"))


@functools.cache
def way_target(way: str) -> CodegenTarget:
    """Return the target of a way to compute products; its code runs on this machine."""
    host = native.codegen_target(native.target("sse2" if way == "sse2" else "native"))
    if way == "tiles":
        # Registers of 512 bits are LLVM's to split where the machine has none.
        return CodegenTarget(host.architecture, 512, (*host.features, *AMX, "avx512f"))
    if way == "plain":
        kept = tuple(name for name in host.features if name not in (*NARROW, "avxvnni"))
        return CodegenTarget(host.architecture, host.vector_bits, kept)
    return host


def run(program: Node, arguments: list[numpy.ndarray | int], way: str) -> str:
    """Run one instance of a program; return its LLVM IR."""
    linear_program = lower(program, way_target(way))
    linear_program.verify()
    text = render(linear_program, "k")
    compiler = native.compiler("sse2" if way == "sse2" else "native")
    loaded = compiler.load(compiler.compile(emulate(text) if way == "tiles" else text))
    slots = [a if isinstance(a, int) else a.ctypes.data for a in arguments]
    words = (ctypes.c_int64 * len(slots))(*slots)
    start = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    start(loaded.address("k"))(ctypes.addressof(words), 0, 1)
    return text


def random(dtype: DType, shape: tuple[int, ...], seed: int) -> numpy.ndarray:
    """Return small whole numbers, whose products add up exactly in float32, too."""
    generator = numpy.random.default_rng(seed)
    if dtype.is_float:
        kind = ml_dtypes.bfloat16 if dtype is BF16 else dtype.numpy
        return generator.integers(-9, 10, shape).astype(kind)
    info = numpy.iinfo(dtype.numpy)
    return generator.integers(info.min, info.max + 1, shape).astype(dtype.numpy)


def product(a: numpy.ndarray, b: numpy.ndarray, dtype: DType) -> numpy.ndarray:
    return (a.astype(numpy.float64) @ b.astype(numpy.float64)).astype(dtype.numpy)


def total_of(kind: tuple[DType, DType]) -> DType:
    return dtypes.float32 if kind[0].is_float else dtypes.int32


def row_major(rows: int, columns: int, step: int | None = None) -> Node:
    return iota((rows, 1), 0) * (columns if step is None else step) + iota((1, columns), 1)


def left_tile(layout: str, dtype: DType, m: int, k: int) -> Node:
    """Return a[M, K] from slot 0 in one of the ways in which it may lie there."""
    pointer = memory.make_parameter(0, dtype)
    if layout == "transposed":
        return permute_axes(memory.make_load(pointer, row_major(k, m)), (1, 0))
    if layout == "masked":
        return memory.make_load(pointer, row_major(m, k), below(iota((m, 1), 0), m - 1))
    if layout == "computed":
        return memory.make_load(pointer, row_major(m, k)) + full(1, (m, k), dtype)
    return memory.make_load(pointer, row_major(m, k))


def lay_left(layout: str, a: numpy.ndarray) -> numpy.ndarray:
    return numpy.ascontiguousarray(a.T) if layout == "transposed" else a


def see_left(layout: str, a: numpy.ndarray) -> numpy.ndarray:
    """Return the values that the tile has."""
    if layout == "computed":
        return a + a.dtype.type(1)
    if layout == "masked":
        a = a.copy()
        a[-1] = 0
    return a


def right_tile(layout: str, dtype: DType, k: int, n: int, slot: int = 1) -> Node:
    """Return b[K, N] from a slot: row by row, as words of neighbours, or transposed."""
    pointer, group = memory.make_parameter(slot, dtype), WORD_BYTES // dtype.itemsize
    if layout == "words":
        words = memory.make_load(pointer, row_major(k // group, n * group))
        split = reshape_to(words, (k // group, n, group))
        return reshape_to(permute_axes(split, (0, 2, 1)), (k, n))
    if layout == "transposed":
        return permute_axes(memory.make_load(pointer, row_major(n, k)), (1, 0))
    return memory.make_load(pointer, row_major(k, n))


def lay_right(layout: str, b: numpy.ndarray) -> numpy.ndarray:
    group = WORD_BYTES // b.dtype.itemsize
    if layout == "words":
        rows, columns = b.shape
        return b.reshape(rows // group, group, columns).transpose(0, 2, 1).copy()
    return numpy.ascontiguousarray(b.T) if layout == "transposed" else b


sizes = st.tuples(st.integers(1, 18), st.sampled_from([4, 6, 8, 12, 36]), st.integers(1, 20))
"""Small, as every product becomes instructions of its own."""


@ways
@kinds
@settings(max_examples=6)
@given(
    sizes,
    st.sampled_from(["rows", "transposed", "masked", "computed"]),
    st.sampled_from(["rows", "words", "transposed"]),
)
def test_product_of_two_tiles(kind, way, shape, left, right) -> None:
    m, k, n = shape
    if right == "words" and k % (WORD_BYTES // kind[1].itemsize):
        right = "rows"
    total = total_of(kind)
    a, b, c = random(kind[0], (m, k), 1), random(kind[1], (k, n), 2), random(total, (m, n), 3)
    x, y = left_tile(left, kind[0], m, k), right_tile(right, kind[1], k, n)
    pointer = memory.make_parameter(2, total)
    z = memory.make_load(pointer, row_major(m, n))
    store = memory.make_store(memory.make_parameter(3, total), row_major(m, n), tile.dot(x, y, z))
    result = numpy.zeros_like(c)
    run(
        tile.make_program("k", [1], [store]),
        [lay_left(left, a), lay_right(right, b), c, result],
        way,
    )
    numpy.testing.assert_array_equal(result, product(see_left(left, a), b, total) + c)


def blocked(
    kind: tuple[DType, DType], m: int, n: int, step: int, depth: Node | int, stride: Node | int
) -> Node:
    """c[m, n] = a[m, depth] · b[depth, n] with a carried accumulator; b as words in slot 1."""
    total, group = total_of(kind), WORD_BYTES // kind[0].itemsize
    index = tile.make_loop_index(1, 0, depth)
    place = iota((m, 1), 0) * stride + index + iota((1, step), 1)
    a = memory.make_load(memory.make_parameter(0, kind[0]), place)
    words = index * n + row_major(step // group, n * group)
    b = memory.make_load(memory.make_parameter(1, kind[1]), words)
    b = reshape_to(permute_axes(reshape_to(b, (step // group, n, group)), (0, 2, 1)), (step, n))
    carry = tile.make_carry(1, 0, full(0, (m, n), total))
    loop = tile.make_loop(index, step, [(carry, tile.dot(a, b, carry))])
    store = memory.make_store(
        memory.make_parameter(2, total), row_major(m, n), tile.make_loop_results(loop)[0]
    )
    return tile.make_program("k", [1], [store])


@ways
@kinds
@pytest.mark.parametrize(("m", "n"), [(32, 32), (20, 24), (6, 64)])
def test_accumulators_carried_by_a_loop(kind, m: int, n: int, way: str) -> None:
    k = 192
    a, b = random(kind[0], (m, k), 1), random(kind[1], (k, n), 2)
    result = numpy.zeros((m, n), total_of(kind).numpy)
    depth, stride = tile.make_scalar(3, "depth", 0, 1 << 20), tile.make_scalar(4, "s", 1, 1 << 20)
    step = 64 if way in ("tiles", "native") else 8
    program = blocked(kind, m, n, step, depth, stride)
    run(program, [a, lay_right("words", b), result, k, k], way)
    numpy.testing.assert_array_equal(result, product(a, b, total_of(kind)))
    run(program, [a, lay_right("words", b), result, 0, k], way)
    assert not result.any(), "a loop without a round leaves zeros"


@ways
@kinds
def test_accumulator_used_inside_its_loop(kind, way: str) -> None:
    """Every round's sum is stored: what the loop carries is released in each."""
    m, n, k, total = 16, 16, 64, total_of(kind)
    outer = tile.make_loop_index(1, 0, 3)
    inner = tile.make_loop_index(2, 0, k)
    place = outer * (m * k) + iota((m, 1), 0) * k + inner + iota((1, 32), 1)
    a = memory.make_load(memory.make_parameter(0, kind[0]), place)
    b_place = (outer * k + inner + iota((32, 1), 0)) * n + iota((1, n), 1)
    b = memory.make_load(memory.make_parameter(1, kind[1]), b_place)
    carry = tile.make_carry(1, 0, full(1, (m, n), total))
    within = tile.make_carry(2, 0, carry)
    loop = tile.make_loop(inner, 32, [(within, tile.dot(a, b, within))])
    (after,) = tile.make_loop_results(loop)
    target = outer * (m * n) + row_major(m, n)
    store = memory.make_store(memory.make_parameter(2, total), target, carry * 2)
    whole = tile.make_loop(outer, 1, [(carry, after)], [store])
    last = memory.make_store(
        memory.make_parameter(3, total), row_major(m, n), tile.make_loop_results(whole)[0]
    )
    x, y = random(kind[0], (3, m, k), 1), random(kind[1], (3, k, n), 2)
    sums, result = numpy.zeros((3, m, n), total.numpy), numpy.zeros((m, n), total.numpy)
    run(tile.make_program("k", [1], [whole, last]), [x, y, sums, result], way)
    expected = [numpy.ones((m, n), total.numpy)]
    for one, other in zip(x, y, strict=True):
        expected.append(expected[-1] + product(one, other, total))
    numpy.testing.assert_array_equal(sums, numpy.stack(expected[:3]) * 2)
    numpy.testing.assert_array_equal(result, expected[3])


def depths(program: LinearProgram) -> list[tuple[Node, int]]:
    found, depth = [], 0
    for node in program.functions[0].instructions:
        depth -= node.op is linear.end_loop
        found.append((node, depth))
        depth += node.op is linear.begin_loop
    return found


@kinds
def test_tile_registers_stay_in_the_loop(kind) -> None:
    target = x86(*AMX)
    program = blocked(kind, 32, 32, WORD_BYTES // kind[0].itemsize * 16, 512, 512)
    found = depths(lower(program, target))
    assert [depth for node, depth in found if node.op is matrix.multiply_matrices] == [1] * 4
    assert {depth for node, depth in found if node.op is matrix.read_matrix} == {1}
    assert {depth for node, depth in found if node.op is matrix.write_matrix} == {0}
    text = assembly(program, target)
    assert text.count("ldtilecfg") == text.count("tilerelease") == 1
    loop = text[text.index("tilezero") : text.rindex("tdp")]
    assert loop.count("tileloadd") == 4
    assert "tilestored" not in loop


@pytest.mark.parametrize(
    ("kind", "instruction"),
    [((BF16, BF16), "vdpbf16ps"), ((UINT8, INT8), "vpdpbusd"), ((INT8, UINT8), "vpdpbusd")],
)
def test_dot_products_need_no_shuffles(kind, instruction: str) -> None:
    step = WORD_BYTES // kind[0].itemsize * 2
    text = assembly(blocked(kind, 6, 64, step, 512, 512), x86(*NARROW))
    start = text.index(instruction)
    body = text[start : text.index("\tj", start)]
    assert text.count(instruction) == 48
    assert not any(name in body for name in ("vperm", "vpunpck", "vpshuf", "vpinsr", "(%rsp)"))


@pytest.mark.parametrize(
    ("kind", "features", "instruction"),
    [
        ((BF16, BF16), ("bf16",), "bfdot"),
        ((INT8, INT8), ("dotprod",), "sdot"),
        ((UINT8, UINT8), ("dotprod",), "udot"),
        ((UINT8, INT8), ("i8mm",), "usdot"),
        ((INT8, UINT8), ("i8mm",), "usdot"),
        ((BF16, BF16), (), "fmla"),
    ],
)
def test_aarch64_products(kind, features: tuple[str, ...], instruction: str) -> None:
    target = CodegenTarget("aarch64", 128, features)
    step = WORD_BYTES // kind[0].itemsize * 2
    text = assembly(blocked(kind, 6, 16, step, 512, 512), target)
    assert f"\t{instruction}\t" in text


def test_what_is_left_without_the_features() -> None:
    bf16, bytes_ = (blocked(kind, 16, 32, 16, 512, 512) for kind in ((BF16, BF16), (INT8, INT8)))
    assert "tdpbf16ps" in assembly(bf16, x86(*AMX, *NARROW))
    assert "vdpbf16ps" in assembly(bf16, x86(*NARROW))
    assert "vfmadd" in assembly(bf16, x86())
    assert "tdpbssd" in assembly(bytes_, x86(*AMX, *NARROW))
    assert "vpdpbusd" in assembly(bytes_, x86(*NARROW))
    assert "vpmull" in assembly(bytes_, x86())


def test_facts_of_the_units() -> None:
    assert list_matrix_facts(x86()) == ()
    (first, *_) = list_matrix_facts(x86(*AMX, *NARROW))
    assert first == (BF16, BF16, dtypes.float32, 16, 16, 2, 32, 8, False)
    (first, *others) = list_matrix_facts(x86(*NARROW))
    assert first == (BF16, BF16, dtypes.float32, 1, 16, 2, 2, 32, False)
    assert [unit[:2] for unit in others if unit.is_raised] == [(INT8, INT8)]


@pytest.mark.parametrize("level", native.LEVELS)
@pytest.mark.parametrize("dtype", [dtypes.uint8, dtypes.int16, dtypes.float32, dtypes.bool])
@pytest.mark.parametrize("shape", [(2, 64), (4, 16), (3, 2, 32), (2, 4, 8), (2, 5), (4, 24)])
def test_rows_put_together(shape: tuple[int, ...], dtype: DType, level: str) -> None:
    *outer, rows, columns = shape
    x = numpy.random.default_rng(0).integers(0, 2 if dtype.is_boolean else 100, shape)
    x = x.astype(dtype.numpy)
    count = x.size // (rows * columns)
    load = memory.make_load(memory.make_parameter(0, dtype), row_major(count, rows * columns))
    order = (*range(len(outer)), len(outer) + 1, len(outer))
    combed = reshape_to(permute_axes(reshape_to(load, shape), order), (*outer, rows * columns))
    combed = cast_to(reshape_to(combed, (count, rows * columns)), dtypes.int32)
    store = memory.make_store(
        memory.make_parameter(1, dtypes.int32), row_major(count, rows * columns), combed
    )
    result = numpy.zeros((count, rows * columns), numpy.int32)
    native.run(tile.make_program("k", [1], [store]), [x, result], 1, level)
    numpy.testing.assert_array_equal(result, x.swapaxes(-1, -2).reshape(result.shape))

"""Contractions of narrow operands, staged for matrix units: right by NumPy, and on the units."""

from __future__ import annotations

import functools

import ml_dtypes
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codegen.test_matrix import AMX, AVX512, NARROW, assembly, x86
from tests.tile.plans import run
from tilegrad import Tensor, dtypes
from tilegrad.base.trace import Trace
from tilegrad.codegen.lower import lower
from tilegrad.codegen.matrix.units import list_matrix_facts
from tilegrad.codegen.target import CodegenTarget
from tilegrad.engine.cpu import code_target
from tilegrad.engine.cpu import tile_target as cpu_tile_target
from tilegrad.engine.graph_key import key_of
from tilegrad.engine.plan import make_plan
from tilegrad.engine.programs import Programs
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import tile
from tilegrad.render.llvm import render
from tilegrad.runtime.cpu.compiler import CpuCompiler
from tilegrad.runtime.cpu.target import foreign_target
from tilegrad.tile.target import TileTarget

TILES = x86(*AMX, *NARROW)
PRODUCTS = x86(*NARROW)
SMALL = CodegenTarget("aarch64", 128, ("bf16", "dotprod", "i8mm"))
UNITS = [TILES, PRODUCTS, SMALL]
UNIT_NAMES = ["tiles", "products", "small"]
each_unit = pytest.mark.parametrize("unit", UNITS, ids=UNIT_NAMES)

UNIT_INSTRUCTIONS = {"tdpbf16ps", "tdpbssd", "vdpbf16ps", "vpdpbusd"}

LEFT = [dtypes.bfloat16, dtypes.int8, dtypes.uint8]
RIGHT = {dtypes.bfloat16: [dtypes.bfloat16]}


@functools.cache
def tile_target(unit: CodegenTarget, cache: int = 4096) -> TileTarget:
    """Return a processor of so little cache that sums are cut."""
    facts = list_matrix_facts(unit)
    return TileTarget(unit.vector_bits // 8, unit.registers, cache, facts)


def whole(dtype, *shape: int, seed: int) -> numpy.ndarray:
    generator = numpy.random.default_rng(seed)
    if dtype is dtypes.bfloat16:
        return generator.integers(-3, 4, shape).astype(ml_dtypes.bfloat16)
    info = numpy.iinfo(dtype.numpy)
    return generator.integers(info.min, info.max + 1, shape).astype(dtype.numpy)


def as_tensor(array: numpy.ndarray, *, is_turned: bool) -> Tensor:
    """Return a tensor of an array's values, which may lie transposed in memory."""
    if not is_turned:
        return Tensor(array)
    return Tensor(numpy.ascontiguousarray(numpy.swapaxes(array, -1, -2))).transpose(-1, -2)


def multiply(left: Tensor, right: Tensor) -> Tensor:
    total = dtypes.float32 if left.dtype is dtypes.bfloat16 else dtypes.int32
    return left.cast(total) @ right.cast(total)


def programs_of(tensor: Tensor, target: TileTarget) -> list[Node]:
    nodes = [tensor.node]
    plan = make_plan(nodes, key_of(nodes).buffers, Programs(target), Trace())
    return [step.program.program.root for group in plan.groups for step in group]


def dots_of(tensor: Tensor, target: TileTarget) -> list[Node]:
    order = sort_topologically(programs_of(tensor, target))
    return [node for node in order if node.op is tile.dot]


@each_unit
@settings(max_examples=12)
@given(data=st.data())
def test_products_of_matrices(unit, data):
    kind = data.draw(st.sampled_from(LEFT))
    other = data.draw(st.sampled_from(RIGHT.get(kind, LEFT[1:])))
    rows, columns, inner = (data.draw(st.integers(8, 80)) for _ in range(3))
    inner = inner // 4 * 4 if data.draw(st.booleans()) else inner
    batch = data.draw(st.sampled_from([(), (1,), (3,)]))
    a, b = whole(kind, *batch, rows, inner, seed=1), whole(other, *batch, inner, columns, seed=2)
    left = as_tensor(a, is_turned=data.draw(st.booleans()))
    right = as_tensor(b, is_turned=data.draw(st.booleans()))
    target = tile_target(unit, data.draw(st.sampled_from([4096, 1 << 20])))
    (found,) = run([multiply(left, right).node], target)
    expected = (a.astype("f8") @ b.astype("f8")).astype(found.dtype)
    numpy.testing.assert_array_equal(found, expected)


@each_unit
@pytest.mark.parametrize("channels", [8, 7])
def test_convolutions(unit, channels):
    """Words are neighbouring channels; an odd number of them is made even by a zero."""
    x = whole(dtypes.bfloat16, 2, channels, 9, 9, seed=1)
    w = whole(dtypes.bfloat16, 12, channels, 3, 3, seed=2)
    y = Tensor(x).conv2d(Tensor(w), padding=1).cast(dtypes.float32)
    target = tile_target(unit)
    kinds = {dot.sources[0].dtype for dot in dots_of(y, target)}
    assert kinds == {dtypes.bfloat16}
    (found,) = run([y.node], target)
    padded = numpy.pad(x.astype("f4"), ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = numpy.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    expected = numpy.einsum("nchwij,ocij->nohw", view, w.astype("f4"))
    numpy.testing.assert_array_equal(found, expected.astype(ml_dtypes.bfloat16).astype("f4"))


@each_unit
def test_what_is_around_a_product_stays_with_it(unit):
    a, b = whole(dtypes.bfloat16, 40, 64, seed=1), whole(dtypes.bfloat16, 64, 48, seed=2)
    y = (Tensor(a).relu() @ Tensor(b)).cast(dtypes.float32) + 1
    target = tile_target(unit)
    assert [dot.sources[0].dtype for dot in dots_of(y, target)] == [dtypes.bfloat16]
    (found,) = run([y.node], target)
    product = numpy.maximum(a, 0).astype("f4") @ b.astype("f4")
    numpy.testing.assert_array_equal(found, product.astype(ml_dtypes.bfloat16).astype("f4") + 1)


@pytest.mark.parametrize("inner", [63, 301])
@pytest.mark.parametrize("kind", [dtypes.bfloat16, dtypes.int8])
def test_odd_sums_are_filled_up_with_zeros(kind, inner):
    a, b = whole(kind, 40, inner, seed=1), whole(kind, inner, 48, seed=2)
    product = multiply(Tensor(a).relu() + 1, Tensor(b))
    target = tile_target(PRODUCTS)
    raised = dtypes.uint8 if kind is dtypes.int8 else kind
    assert raised in {dot.sources[1].dtype for dot in dots_of(product, target)}
    (found,) = run([product.node], target)
    left = (numpy.maximum(a, 0) + 1).astype(a.dtype).astype("f8")
    numpy.testing.assert_array_equal(found, (left @ b.astype("f8")).astype(found.dtype))


def test_other_dtypes_are_widened():
    a = Tensor(numpy.ones((40, 64), "f2"))
    b = Tensor(numpy.ones((64, 48), "f2"))
    dots = dots_of(a @ b, tile_target(PRODUCTS))
    assert {dot.sources[0].dtype for dot in dots} == {dtypes.float32}


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize(
    ("target", "kind", "instruction"),
    [
        (TILES, dtypes.bfloat16, "tdpbf16ps"),
        (TILES, dtypes.int8, "tdpbssd"),
        (PRODUCTS, dtypes.bfloat16, "vdpbf16ps"),
        (PRODUCTS, dtypes.int8, "vpdpbusd"),
        (SMALL, dtypes.bfloat16, "bfdot"),
        (SMALL, dtypes.uint8, "udot"),
        (CodegenTarget("x86_64", 512, tuple(sorted(AVX512))), dtypes.bfloat16, "vfmadd"),
    ],
)
def test_units_that_multiply(target, kind, instruction, is_turned):
    a, b = whole(kind, 256, 256, seed=1), whole(kind, 256, 256, seed=2)
    product = multiply(Tensor(a), as_tensor(b, is_turned=is_turned))
    (program,) = programs_of(product, tile_target(target, 1 << 20))
    text = assembly(program, target)
    place = text.index(instruction)
    loop = text[text.rindex(".LBB", 0, place) : text.index(".LBB", place)]
    assert loop.count(instruction) >= 4
    assert "(%rsp)" not in loop, "nothing is spilt"


@pytest.mark.parametrize("kind", LEFT)
def test_on_this_machine(kind):
    a, b = whole(kind, 200, 256, seed=1), whole(kind, 256, 150, seed=2)
    found = multiply(Tensor(a), Tensor(b)).numpy()
    numpy.testing.assert_array_equal(found, (a.astype("f8") @ b.astype("f8")).astype(found.dtype))


@pytest.mark.parametrize(
    ("level", "names"),
    [
        (None, {"tdpbf16ps", "tdpbssd"}),
        ("avx512", {"vdpbf16ps", "vpdpbusd"}),
        ("avx2", set()),
    ],
)
def test_restricted_processors_have_fewer_units(level, names):
    """What the setting ``TILEGRAD_INSTRUCTION_SET`` leaves is what kernels are derived for."""
    whole_ = foreign_target("x86_64-unknown-linux-gnu", features=(*AVX512, *AMX, *NARROW))
    target = whole_ if level is None else whole_.limited(level)
    found: set[str] = set()
    for kind in (dtypes.bfloat16, dtypes.int8):
        a, b = Tensor(whole(kind, 64, 64, seed=1)), Tensor(whole(kind, 64, 64, seed=2))
        (program,) = programs_of(multiply(a, b), cpu_tile_target(target))
        text = CpuCompiler(target).assembly(render(lower(program, code_target(target)), "k"))
        found |= UNIT_INSTRUCTIONS & set(text.split())
    assert found == names

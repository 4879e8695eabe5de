"""Sums of products of groups of four bytes: one instruction where there is one, right anywhere."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codegen.programs import full, iota, reduce_over
from tests.codegen.test_matrix import KINDS, NARROW, assembly, random, run, x86
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import memory, reduction, tile
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import permute_axes, reshape_to

INT8, UINT8, INT32 = dtypes.int8, dtypes.uint8, dtypes.int32
BYTES = [kind for kind in [*KINDS, (INT8, INT8)] if kind[0].bits == kind[1].bits == 8]


def groups(slot: int, dtype: DType, rows: int, words: int, *, is_computed: bool) -> Node:
    """Return bytes from a slot as int32 of shape (rows, 4, words)."""
    count = rows * words * 4
    x = memory.make_load(memory.make_parameter(slot, dtype), iota((count,), 0))
    if is_computed:
        x = x + full(1, (count,), dtype)
    split = permute_axes(reshape_to(x, (rows, words, 4)), (0, 2, 1))
    return cast_to(split, INT32)


def program(kind: tuple[DType, DType], rows: int, words: int, *, is_computed: bool) -> Node:
    """Return the program of c + 256·Σ a·b + Σ a·b over groups, for a and b one after the other."""
    a = groups(0, kind[0], rows, words, is_computed=is_computed)
    b = groups(1, kind[1], rows, words, is_computed=False)
    total = reduce_over(reduction.reduce_sum, a * b, 1)
    place = reshape_to(iota((rows * words,), 0), (rows, 1, words))
    c = memory.make_load(memory.make_parameter(2, INT32), place)
    store = memory.make_store(memory.make_parameter(3, INT32), place, (c + total) + total * 256)
    return tile.make_program("k", [1], [store])


@pytest.mark.parametrize("way", ["native", "plain", "sse2"])
@settings(max_examples=12)
@given(
    st.sampled_from(BYTES),
    st.integers(1, 3),
    st.sampled_from([1, 2, 4, 6, 8, 12, 16, 20, 32, 48]),
    st.booleans(),
)
def test_sums_of_groups(way: str, kind, rows: int, words: int, is_computed: bool) -> None:
    a, b = (random(dtype, (rows, words, 4), seed) for seed, dtype in enumerate(kind))
    c = random(INT32, (rows, words), 2)
    result = numpy.zeros_like(c)
    run(program(kind, rows, words, is_computed=is_computed), [a, b, c, result], way)
    seen = (a + a.dtype.type(1) if is_computed else a).astype(numpy.int32)
    expected = (seen * b.astype(numpy.int32)).sum(2, dtype=numpy.int32)
    numpy.testing.assert_array_equal(result, c + expected * numpy.int32(257))


@pytest.mark.parametrize("kind", [(UINT8, INT8), (INT8, UINT8)], ids=["u8s8", "s8u8"])
def test_the_instruction_reads_memory_as_it_lies(kind) -> None:
    text = assembly(program(kind, 1, 16, is_computed=False), x86(*NARROW))
    assert text.count("vpdpbusd") == 2
    assert not any(name in text for name in ("vperm", "vpunpck", "vpshuf", "vpinsr", "vpmull"))
    assert "vpdpbusd" not in assembly(program(kind, 1, 16, is_computed=False), x86())
    arm = CodegenTarget("aarch64", 128, ("i8mm",))
    assert "\tusdot\t" in assembly(program(kind, 1, 16, is_computed=False), arm)

"""What lowering promises beyond results: complete, valid, in order, and placed well."""

from __future__ import annotations

import numpy
import pytest

from tests.codegen import native
from tests.codegen.programs import full, iota, matmul, softmax
from tilegrad.base.errors import CompileError, VerifyError
from tilegrad.codegen.decompose import decomposed_ops
from tilegrad.codegen.lower import lower, lowered_ops
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import linear, markers, memory, tile
from tilegrad.ops.dialects import instructions, tiles
from tilegrad.ops.linear_program import LinearFunction, LinearProgram
from tilegrad.render.llvm import rendered_ops

F32 = dtypes.float32
TARGET = CodegenTarget("x86_64", 512, ("avx512f", "avx512vl", "fma", "sse4.1"))


def test_every_op_of_tile_programs_is_lowered_or_decomposed() -> None:
    known = set(lowered_ops()) | set(decomposed_ops())
    missing = {op.name for op in tiles.ops if op not in known} - {"program_index", "loop_index"}
    assert missing - {"carry", "program"} == set(), "loops and instances put these in"
    assert markers.known not in known


def test_every_instruction_is_rendered() -> None:
    made = {op for op in lowered_ops() if op in instructions.ops} | set(linear.OPS)
    missing = {op.name for op in made - set(rendered_ops())}
    assert missing <= {"constant", "vector", "floor_divide", "modulo"}, "the last two only as index"


def depths(program: LinearProgram) -> dict[Node, int]:
    """Return how many loops each instruction is in."""
    found, depth = {}, 0
    for node in program.functions[0].instructions:
        depth -= node.op is linear.end_loop
        found[node] = depth
        depth += node.op is linear.begin_loop
    return found


def test_loop_invariants_are_computed_outside() -> None:
    x, y = memory.make_parameter(0, F32), memory.make_parameter(1, F32)
    index = tile.make_loop_index(1, 0, 100)
    scale = memory.make_load(x, iota((1, 16), 1)) * 3.0
    row = tile.make_program_index(0)
    store = memory.make_store(y, row * 1600 + index * 16 + iota((1, 16), 1), scale * scale)
    program = tile.make_program("k", [4], [tile.make_loop(index, 1, effects=[store])])
    found = depths(lower(program, TARGET))
    assert {depth for node, depth in found.items() if node.op.name == "multiply"} == {0}
    assert sorted(depth for node, depth in found.items() if node.op is linear.address) == [1, 2]


def test_pure_loops_leave_the_loops_they_do_not_depend_on() -> None:
    index = tile.make_loop_index(1, 0, 10)
    carry = tile.make_carry(1, 0, full(0, (1, 16), F32))
    load = memory.make_load(memory.make_parameter(0, F32), index * 16 + iota((1, 16), 1))
    (total,) = tile.make_loop_results(tile.make_loop(index, 1, [(carry, carry + load)]))
    outer = tile.make_loop_index(2, 0, 5)
    target = outer * 16 + tile.make_program_index(0) * 80 + iota((1, 16), 1)
    store = memory.make_store(memory.make_parameter(1, F32), target, total)
    program = tile.make_program("k", [3], [tile.make_loop(outer, 1, effects=[store])])
    linear_program = lower(program, TARGET)
    found = depths(linear_program)
    begins = [depth for node, depth in found.items() if node.op is linear.begin_loop]
    assert sorted(begins) == [0, 0, 1], "the sum is outside the instances"
    x, y = numpy.arange(160, dtype=numpy.float32), numpy.zeros((15, 16), numpy.float32)
    native.run(program, [x, y], 3)
    assert (y == x.reshape(10, 16).sum(0)).all()


@pytest.mark.parametrize(("rows", "is_in_turn"), [(1, False), (4, True)])
def test_rows_one_after_the_other_are_read_in_turn(rows: int, is_in_turn: bool) -> None:
    place = (tile.make_program_index(0) * rows + iota((rows, 1), 0)) * 56 + iota((1, 56), 1)
    load = memory.make_load(memory.make_parameter(0, F32), place)
    program = tile.make_program(
        "k", [3], [memory.make_store(memory.make_parameter(1, F32), place, load)]
    )
    found = [node for node in depths(lower(program, TARGET)) if node.op is linear.read]
    assert len(found) == rows * 4
    assert all(
        attributes_of(node, linear.ReadAttributes).is_in_turn == is_in_turn for node in found
    )
    x, y = (
        numpy.arange(3 * rows * 56, dtype=numpy.float32),
        numpy.zeros(3 * rows * 56, numpy.float32),
    )
    native.run(program, [x, y], 3)
    assert (y == x).all()


def test_factors_of_a_product_are_read_when_registers_are_free() -> None:
    index = tile.make_loop_index(1, 0, 8)
    carry = tile.make_carry(1, 0, full(0, (6, 64), F32))
    rows = memory.make_load(memory.make_parameter(0, F32), iota((6, 1), 0) * 8 + index)
    lanes = memory.make_load(memory.make_parameter(1, F32), index * 64 + iota((1, 64), 1))
    loop = tile.make_loop(index, 1, [(carry, tile.dot(rows, lanes * lanes, carry))])
    (total,) = tile.make_loop_results(loop)
    place = iota((6, 64), 0) * 64 + iota((6, 64), 1)
    store = memory.make_store(memory.make_parameter(2, F32), place, total)
    found = depths(lower(tile.make_program("k", [1], [store]), TARGET))
    reads = [node for node in found if node.op is linear.read and node.shape]
    assert len(reads) == 4
    assert not any(attributes_of(node, linear.ReadAttributes).is_in_turn for node in reads)


def test_lanes_are_those_of_the_dtype_computed_with_most() -> None:
    def lanes(dtype, target=TARGET):
        offset = iota((1, 256), 1)
        value = memory.make_load(memory.make_parameter(0, dtype), offset)
        store = memory.make_store(memory.make_parameter(1, dtype), offset, value + value)
        function = lower(tile.make_program("k", [1], [store]), target).functions[0]
        return {n.shape[0] for n in function.instructions if n.op is linear.read}

    assert lanes(F32) == {16}
    assert lanes(dtypes.float64) == {8}
    assert lanes(dtypes.uint8) == {64}
    assert lanes(F32, CodegenTarget("aarch64", 128)) == {4}


def test_masks_that_always_hold_vanish() -> None:
    def count_masked(columns: int) -> int:
        function = native.lower_for(softmax(4, columns)).functions[0]
        return sum(
            (node.op is linear.read and len(node.sources) == 2)
            or (node.op is linear.write and len(node.sources) == 3)
            for node in function.instructions
        )

    assert count_masked(64) == 0
    assert count_masked(100) > 0


def test_lowering_gives_a_valid_program_that_prints(golden) -> None:
    program = lower(matmul(8, 16, 32, 2, 32), TARGET)
    program.verify()
    for function in program.functions:
        instructions.verify(function.instructions)
    golden("matmul.txt", str(program))


def test_instructions_that_narrow_processors_lack_are_taken_apart() -> None:
    """A masked strided load: a gather with AVX-512, else lane after lane."""
    mask = iota((1, 16), 1) < tile.make_scalar(2, "n", 0, 16)
    for dtype in (F32, dtypes.int8):
        load = memory.make_load(memory.make_parameter(0, dtype), iota((1, 16), 1) * 9, mask)
        store = memory.make_store(memory.make_parameter(1, dtype), iota((1, 16), 1), load)
        program = tile.make_program("k", [1], [store])
        for target in (TARGET, CodegenTarget("x86_64", 256, ("avx2", "fma"))):
            ops = {node.op for node in lower(program, target).functions[0].instructions}
            is_gather = dtype is F32 and target is TARGET
            assert (linear.read_scattered in ops) == is_gather
            assert (linear.read_lanes in ops) != is_gather


def test_same_program_gives_the_same_text() -> None:
    texts = {str(lower(softmax(4, 100), TARGET)) for _ in range(3)}
    assert len(texts) == 1


def test_refuses_what_is_no_tile_program() -> None:
    with pytest.raises(CompileError, match="tile programs"):
        lower(memory.make_parameter(0, F32), TARGET)


def test_verify_finds_instructions_out_of_order() -> None:
    program = lower(matmul(8, 16, 32, 2, 32), TARGET)
    instructions_ = program.functions[0].instructions
    moved = LinearProgram("k", (LinearFunction("", instructions_[::-1]),))
    with pytest.raises(VerifyError, match="not known"):
        moved.verify()
    open_ = LinearProgram("k", (LinearFunction("", instructions_[:-1]),))
    with pytest.raises(VerifyError, match="does not end"):
        open_.verify()


def test_narrow_floats_stay_bits_where_they_are_only_moved() -> None:
    offset = iota((1, 64), 1)
    for dtype in (dtype for dtype in STORABLE if not dtype.is_boolean):
        value = memory.make_load(memory.make_parameter(0, dtype), offset)
        store = memory.make_store(memory.make_parameter(1, dtype), offset, value)
        function = lower(tile.make_program("k", [1], [store]), TARGET).functions[0]
        assert not any(n.op.name in ("cast", "bitcast", "multiply") for n in function.instructions)

"""The order of instructions: always after their sources, effects as they were, fewer registers."""

from __future__ import annotations

import numpy
from hypothesis import given
from hypothesis import strategies as st

from tests.codegen import native
from tests.codegen.programs import iota, matmul, softmax
from tests.codegen.test_random_programs import programs
from tilegrad.codegen import order
from tilegrad.codegen.lower import lower
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import linear, special, tile
from tilegrad.ops.linear_program import LinearFunction, LinearProgram

WIDE = CodegenTarget("x86_64", 512, ("avx512f", "avx512vl", "fma", "sse4.1"))


def effects(instructions: tuple[Node, ...]) -> list[Node]:
    return [
        node
        for node in instructions
        if node.dtype is dtypes.void or getattr(node.attributes, "order", 0)
    ]


def split(instructions: tuple[Node, ...]) -> list[list[Node]]:
    """Return the segments between the beginnings and ends of loops."""
    segments: list[list[Node]] = [[]]
    for node in instructions:
        if node.op in (linear.begin_loop, linear.end_loop):
            segments.append([])
        else:
            segments[-1].append(node)
    return segments


@given(programs())
def test_depth_first_order_moves_only_what_may_move(program) -> None:
    function = lower(program[0], WIDE).functions[0]
    for segment in split(function.instructions):
        ordered = order._order_depth_first(segment, ())
        assert sorted(map(id, ordered)) == sorted(map(id, segment))
        assert effects(tuple(ordered)) == effects(tuple(segment))
        places = {node: place for place, node in enumerate(ordered)}
        for node in ordered:
            for source in node.sources:
                assert places.get(source, -1) < places[node]


@given(programs(), st.integers(0, 50), st.randoms())
def test_any_legal_order_gives_the_same_results(program, limit: int, random) -> None:
    """Whatever may move, moved at random, natively."""
    from tests.codegen.test_random_programs import INSTANCES, arguments
    from tilegrad.codegen import lower as lowering

    root, dtype = program
    results = []
    original = lowering.order_instructions

    def shuffled(instructions, target):
        del target
        return tuple(shuffle(list(instructions), random))

    for function in (original, shuffled):
        lowering.order_instructions = function
        try:
            result = numpy.zeros(8192, dtype.numpy)
            native.run(root, [*arguments(limit), limit, result], INSTANCES)
            results.append(result)
        finally:
            lowering.order_instructions = original
    assert results[0].tobytes() == results[1].tobytes()


def shuffle(instructions: list[Node], random) -> list[Node]:
    """Return the instructions with the pure ones of each segment in a random legal order."""
    result: list[Node] = []
    segment: list[Node] = []
    for node in [*instructions, None]:
        if node is not None and node.op not in (linear.begin_loop, linear.end_loop):
            segment.append(node)
            continue
        waiting, ready = set(segment), list(segment)
        fixed = effects(tuple(segment))
        while ready:
            legal = [
                one
                for one in ready
                if not any(source in waiting for source in one.sources)
                and (one not in fixed or one is fixed[0])
            ]
            chosen = random.choice(legal)
            ready.remove(chosen)
            waiting.remove(chosen)
            result.append(chosen)
            if fixed and chosen is fixed[0]:
                fixed.pop(0)
        segment = []
        if node is not None:
            result.append(node)
    return result


def test_wide_tiles_are_computed_result_by_result() -> None:
    offset = tile.make_program_index(0) * 512 + iota((1, 512), 1)
    value = special.erf(tile.make_load(tile.make_parameter(0, dtypes.float32), offset))
    store = tile.make_store(tile.make_parameter(1, dtypes.float32), offset, value)
    function = lower(tile.make_program("k", [4], [store]), WIDE).functions[0]
    needed = max(
        order._count_registers(segment, set(), WIDE) for segment in split(function.instructions)
    )
    assert needed <= WIDE.registers


def test_what_fits_stays_as_it_is() -> None:
    for program in (matmul(8, 16, 32, 2, 32), softmax(4, 64)):
        instructions = lower(program, WIDE).functions[0].instructions
        assert order.order_instructions(instructions, WIDE) == instructions


def test_reordered_programs_are_valid() -> None:
    instructions = lower(softmax(4, 100), WIDE).functions[0].instructions
    narrow = CodegenTarget("x86_64", 128)
    ordered = order.order_instructions(instructions, narrow)
    LinearProgram("k", (LinearFunction("", ordered),)).verify()

"""The order of instructions: whatever the dependences allow gives the same results."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.codegen import native
from tests.codegen.programs import iota, matmul, softmax
from tests.codegen.test_random_programs import INSTANCES, arguments, programs
from tilegrad.codegen import lower as lowering
from tilegrad.codegen import order
from tilegrad.codegen.dependences import find_dependences, is_ordered
from tilegrad.codegen.latency import count_spills
from tilegrad.codegen.lower import lower
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import linear, memory, special, tile
from tilegrad.ops.linear_program import LinearFunction, LinearProgram

WIDE = CodegenTarget("x86_64", 512, ("avx512f", "avx512vl", "fma", "sse4.1"))


def map_segments(instructions: tuple[Node, ...], change) -> tuple[Node, ...]:
    """Return the instructions with every segment between the ends of loops changed."""
    result: list[Node] = []
    segment: list[Node] = []
    for node in [*instructions, None]:
        if node is not None and node.op not in (linear.begin_loop, linear.end_loop):
            segment.append(node)
            continue
        result += change(segment)
        segment = []
        if node is not None:
            result.append(node)
    return tuple(result)


def shuffle(segment: list[Node], random) -> list[Node]:
    """Return a segment in a random order that the dependences allow."""
    dependences = find_dependences(segment)
    followers: dict[Node, list[Node]] = {node: [] for node in segment}
    for node in segment:
        for before in dependences[node]:
            followers[before].append(node)
    missing = {node: len(dependences[node]) for node in segment}
    legal = [node for node in segment if not missing[node]]
    result: list[Node] = []
    while legal:
        place = random.randrange(len(legal))
        legal[place], legal[-1] = legal[-1], legal[place]
        result.append(legal.pop())
        for follower in followers[result[-1]]:
            missing[follower] -= 1
            if not missing[follower]:
                legal.append(follower)
    return result


def run_in_order(root: Node, change, inputs: list, dtype) -> numpy.ndarray:
    original = lowering.order_instructions
    lowering.order_instructions = change
    try:
        result = numpy.zeros(8192, dtype.numpy)
        native.run(root, [*inputs, result], INSTANCES)
    finally:
        lowering.order_instructions = original
    return result


@settings(max_examples=15)
@given(programs(), st.integers(0, 50), st.randoms())
def test_any_legal_order_gives_the_same_results(program, limit: int, random) -> None:
    """Whatever may move, moved at random, natively: bit by bit the same."""
    root, dtype = program

    def shuffled(instructions, target):
        del target
        return map_segments(instructions, lambda segment: shuffle(segment, random))

    def scheduled(instructions, target):
        def change(segment):
            scheduler = order.Scheduler(segment, set(), target)
            return scheduler.order(order.order_depth_first(segment, scheduler.dependences, ()))

        return map_segments(instructions, change)

    inputs = [*arguments(limit), limit]
    expected = run_in_order(root, lambda instructions, _: tuple(instructions), inputs, dtype)
    for change in (shuffled, scheduled):
        assert run_in_order(root, change, inputs, dtype).tobytes() == expected.tobytes()


def access(op, pointer: Node, number: int, *values: Node) -> Node:
    address = linear.address(pointer, attributes=linear.AddressAttributes(0, 4 * number))
    if op is linear.read:
        return op(address, attributes=linear.ReadAttributes(dtypes.float32, 0, number))
    return op(address, *values, attributes=linear.WriteAttributes(number))


def test_accesses_wait_only_for_those_that_they_meet() -> None:
    first, other = (memory.make_scratch(number, dtypes.float32, 64) for number in range(2))
    read = access(linear.read, first, 1)
    write = access(linear.write, first, 2, read)
    apart = access(linear.write, other, 3, read)
    again, beside = access(linear.read, first, 4), access(linear.read, first, 5)
    last = access(linear.write, first, 6, read)
    segment = [read, write, apart, again, beside, last]
    found = find_dependences(segment)
    assert [set(found[node]) for node in segment] == [
        set(),
        {read},
        {read},
        {write},
        {write},
        {read, write, again, beside},
    ]


def test_unknown_effects_are_passed_by_none() -> None:
    memory_ = memory.make_scratch(0, dtypes.float32, 64)
    read, later = access(linear.read, memory_, 1), access(linear.read, memory_, 3)
    effect = tile.block(read)
    found = find_dependences([read, effect, later])
    assert is_ordered(effect)
    assert found[effect] == (read,)
    assert found[later] == (effect,)


def wide_program(columns: int = 1024) -> Node:
    offset = tile.make_program_index(0) * columns + iota((1, columns), 1)
    value = special.erf(memory.make_load(memory.make_parameter(0, dtypes.float32), offset))
    store = memory.make_store(memory.make_parameter(1, dtypes.float32), offset, value)
    return tile.make_program("k", [4], [store])


def test_what_would_spill_much_is_ordered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowering, "order_instructions", lambda instructions, _: tuple(instructions))
    instructions = lower(wide_program(), WIDE).functions[0].instructions
    ordered = order.order_instructions(instructions, WIDE)
    assert sorted(map(id, ordered)) == sorted(map(id, instructions))
    LinearProgram("k", (LinearFunction("", ordered),)).verify()
    assert count_all_spills(instructions) > 10 * count_all_spills(ordered)


def count_all_spills(instructions: tuple[Node, ...]) -> int:
    total: list[int] = []

    def count(segment: list[Node]) -> list[Node]:
        total.append(count_spills(segment, set(), WIDE))
        return segment

    map_segments(instructions, count)
    return sum(total)


def test_what_fits_stays_as_it_is() -> None:
    for program in (matmul(8, 16, 32, 2, 32), softmax(4, 64)):
        instructions = lower(program, WIDE).functions[0].instructions
        assert order.order_instructions(instructions, WIDE) == instructions

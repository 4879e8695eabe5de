"""Each factor of a product keeps guards of its own place, and no load leaves its buffer."""

from __future__ import annotations

import numpy
import pytest

from tests.schedule.kernels import run_kernel, schedule
from tilegrad import Tensor
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory, symbolic
from tilegrad.ops.exponential import exp
from tilegrad.ops.leaves import constant
from tilegrad.schedule.axes import FreeAxes
from tilegrad.schedule.flatten_sums import flatten_sums
from tilegrad.schedule.phases import split_phases
from tilegrad.schedule.share_guards import share_guards


def loads_of(program: Node) -> list[Node]:
    return [node for node in sort_topologically([program]) if node.op is memory.load]


def are_separate(program: Node) -> bool:
    """Whether no load is guarded by a condition on axes other than its own."""
    free = FreeAxes()
    return all(free.of(load) == free.of(load.sources[1]) for load in loads_of(program))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [2, 3, 5])
def test_gradients_of_convolutions_have_separate_factors(stride, window):
    random = numpy.random.default_rng(0)
    images = Tensor(random.integers(-9, 9, (2, 3, 11, 11)), requires_grad=True, dtype="float32")
    weights = Tensor(random.integers(-9, 9, (4, 3, window, window)), dtype="float32").realize()
    result = images.realize().conv2d(weights, stride=stride, padding=1)
    upstream = Tensor(random.integers(-9, 9, result.shape), dtype="float32").realize()
    (gradient,) = (result * upstream).sum().gradient(images)
    items = schedule(split_phases([gradient.node]))
    programs = [item.kernel.program for item in items if item.kernel is not None]
    before = flatten_sums(programs[0])
    after = share_guards(before)
    assert are_separate(after)
    arrays = [
        random.integers(-9, 9, int(numpy.prod(node.shape))).astype(numpy.float32)
        for node in items[0].kernel.parameters
    ]
    others = [array.copy() for array in arrays]
    run_kernel(before, arrays)
    run_kernel(after, others)
    numpy.testing.assert_array_equal(others[0], arrays[0])


ROW, COLUMN = kernel.make_axis("i0", 8), kernel.make_axis("i1", 8)


def guarded(slot: int, place: Node, *conditions: symbolic.Condition) -> Node:
    pointer = memory.make_parameter(slot, dtypes.float32)
    return memory.make_load(
        pointer, place, symbolic.as_condition(symbolic.logical_and(*conditions))
    )


def program_of(first: Node, second: Node) -> Node:
    pointer = memory.make_parameter(0, dtypes.float32)
    return kernel.kernel(memory.make_store(pointer, ROW * 8 + COLUMN, first * second))


def test_a_condition_that_keeps_the_place_inside_stays():
    """Where column < row − 3 fails for every column, nothing else keeps the row in its buffer."""
    condition = symbolic.less(COLUMN, ROW - 3)
    program = program_of(guarded(1, ROW - 4, condition), guarded(2, ROW * 8 + COLUMN, condition))
    assert share_guards(program) is program


def test_a_condition_that_can_always_hold_goes():
    condition = symbolic.less(COLUMN, ROW + 1)
    program = program_of(guarded(1, ROW, condition), guarded(2, ROW * 8 + COLUMN, condition))
    first, second = (node for node in loads_of(share_guards(program)))
    assert {len(first.sources), len(second.sources)} == {2, 3}
    arrays = [numpy.zeros(64, numpy.float32), numpy.arange(8.0), numpy.arange(64.0) + 1]
    others = [array.copy() for array in arrays]
    run_kernel(program, arrays)
    run_kernel(share_guards(program), others)
    numpy.testing.assert_array_equal(others[0], arrays[0])


def test_factors_may_be_expressions():
    condition = symbolic.less(COLUMN, ROW + 1)
    two = constant(2.0, dtypes.float32)
    program = program_of(
        exp(guarded(1, ROW, condition)) * two, guarded(2, ROW * 8 + COLUMN, condition)
    )
    assert sorted(len(node.sources) for node in loads_of(share_guards(program))) == [2, 3]


def test_a_sum_keeps_nothing_for_others():
    """It is not zero where one of its terms is."""
    condition = symbolic.less(COLUMN, ROW + 1)
    other = guarded(2, ROW * 8 + COLUMN, condition) + constant(2.0, dtypes.float32)
    program = program_of(guarded(1, ROW, condition), other)
    assert share_guards(program) is program


def test_a_load_alone_keeps_its_guard():
    load = guarded(1, ROW, symbolic.less(COLUMN, ROW + 1))
    pointer = memory.make_parameter(0, dtypes.float32)
    program = kernel.kernel(memory.make_store(pointer, ROW * 8 + COLUMN, load + load))
    assert share_guards(program) is program


def test_powers_are_not_taken_apart_without_end():
    power = guarded(1, ROW, symbolic.less(COLUMN, ROW + 1))
    for _ in range(60):
        power = power * power
    pointer = memory.make_parameter(0, dtypes.float32)
    program = kernel.kernel(memory.make_store(pointer, ROW * 8 + COLUMN, power))
    assert share_guards(program) is program

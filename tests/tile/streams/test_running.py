"""The law of running sums, by evaluation of both sides, and what it does not apply to."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.schedule.kernels import run_kernel
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory
from tilegrad.ops.comparison import where
from tilegrad.ops.exponential import exp
from tilegrad.ops.leaves import constant
from tilegrad.tile.streams.running import merge_running

ROWS, STEPS = 5, 7
ROW, STEP = kernel.make_axis("i0", ROWS), kernel.make_axis("r0", STEPS)


def load(slot: int, *places: Node) -> Node:
    """Return an element of a matrix, of its first column or of its first row."""
    offset = places[0] * STEPS + places[1] if len(places) == 2 else places[0]
    return memory.make_load(memory.make_parameter(slot, dtypes.float32), offset)


def over(kind: str, body: Node, axis: Node = STEP) -> Node:
    return kernel.reduce_over(body, axis, attributes=kernel.ReduceOverAttributes(kind))


def shifted(exponent: Node, axis: Node = STEP) -> Node:
    return exp(exponent - over("maximum", exponent, axis))


def program_of(value: Node) -> Node:
    return kernel.kernel(memory.make_store(memory.make_parameter(0, dtypes.float32), ROW, value))


def run(program: Node, seed: int) -> numpy.ndarray:
    random = numpy.random.default_rng(seed)
    result = numpy.zeros(ROWS, numpy.float32)
    matrices = [random.standard_normal(ROWS * STEPS).astype(numpy.float32) for _ in range(3)]
    run_kernel(program, [result, *matrices])
    return result


def has_running_sum(program: Node) -> bool:
    return any(node.op is kernel.exponential_sum for node in sort_topologically([program]))


SCORES = load(1, ROW, STEP)
WEIGHTS = load(2, ROW, STEP)
FACTOR = load(3, ROW)
NOTHING = constant(0.0, dtypes.float32)
SUMS = {
    "denominator": lambda: over("add", shifted(SCORES)),
    "weighted": lambda: over("add", shifted(SCORES) * WEIGHTS),
    "softmax": lambda: over("add", shifted(SCORES) / over("add", shifted(SCORES)) * WEIGHTS),
    "scaled": lambda: over("add", WEIGHTS * (FACTOR * shifted(SCORES * FACTOR))),
    "dropped": lambda: over("add", where(WEIGHTS < 0.5, shifted(SCORES), NOTHING) * WEIGHTS),
    "divided": lambda: over("add", shifted(SCORES) * WEIGHTS / FACTOR),
}


@pytest.mark.parametrize("name", SUMS)
@given(seed=st.integers(0, 1 << 30))
def test_both_sides_agree(name, seed):
    program = program_of(SUMS[name]())
    merged = merge_running(program)
    assert has_running_sum(merged)
    assert merge_running(merged) is merged
    found, wanted = run(merged, seed), run(program, seed)
    numpy.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * abs(wanted).max())


OTHERS = {
    "no shift": lambda: over("add", exp(SCORES)),
    "a shift by another maximum": lambda: over("add", exp(SCORES - over("maximum", WEIGHTS))),
    "a shift by a minimum": lambda: over("add", exp(SCORES - over("minimum", SCORES))),
    "the shift by something in memory": lambda: over("add", exp(SCORES - FACTOR)),
    "two exponentials": lambda: over("add", shifted(SCORES) * shifted(WEIGHTS)),
    "a divisor along the axis": lambda: over("add", shifted(SCORES) / WEIGHTS),
    "an exponential in a sum": lambda: over("add", (shifted(SCORES) + WEIGHTS) * WEIGHTS),
    "a product": lambda: over("multiply", shifted(SCORES)),
    "maxima of columns": lambda: over(
        "add", exp(SCORES - over("maximum", SCORES, ROW)) * WEIGHTS, STEP
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_running_sum_stays_as_it_is(name):
    program = program_of(OTHERS[name]())
    assert merge_running(program) is program

"""Steps on arrays of their own give what calls of the captured function give."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor
from tilegrad.base.errors import CaptureError
from tilegrad.tensor.jit import CALLS_TO_CAPTURE, jit
from tilegrad.tensor.size import BoundVariable, Variable


@given(st.lists(st.sampled_from(("run", "call", "assign", "look", "bind")), max_size=12))
@settings(max_examples=25, deadline=None)
def test_runs_calls_and_assignments_in_any_order(doings: list[str]):
    state, weight = Tensor(numpy.zeros(4, numpy.float32)), Tensor(numpy.ones((4, 4), numpy.float32))
    state.realize(weight)

    @jit
    def step(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        state.assign(state + x)
        return x @ weight + y, state * 2

    total, factor = numpy.zeros(4, numpy.float32), numpy.float32(1)
    seen: list[tuple[Tensor, numpy.ndarray]] = []

    def expect(results: list[numpy.ndarray], x: numpy.ndarray, y: numpy.ndarray) -> None:
        numpy.testing.assert_allclose(results[0], x.sum() * factor + y, rtol=1e-6)
        numpy.testing.assert_array_equal(results[1], 2 * total)

    def call(x: numpy.ndarray, y: numpy.ndarray) -> None:
        nonlocal total
        results = step(Tensor(x), Tensor(y))
        total = total + x
        expect([result.numpy() for result in results], x, y)
        seen.extend((result, result.numpy()) for result in results)

    x, y = numpy.arange(4, dtype=numpy.float32), numpy.ones(4, numpy.float32)
    assert step.bind(Tensor(x), Tensor(y)) is None
    for _ in range(CALLS_TO_CAPTURE):
        call(x, y)
    bound = [step.bind(Tensor(x), Tensor(y))]
    for number, doing in enumerate(doings):
        one = bound[number % len(bound)]
        assert one is not None
        if doing == "run":
            one.inputs[0][...], one.inputs[1][...] = x + number, y * number
            one.run()
            total = total + x + number
            expect(one.outputs, x + number, y * number)
        elif doing == "call":
            call(x - number, y)
        elif doing == "assign":  # the step reads what is assigned, and packs it anew
            factor += 1
            weight.assign(weight + 1)
        elif doing == "look":
            seen.append((state + 0, total))  # lazy: it keeps its value when the step writes
        else:
            bound.append(step.bind(Tensor(x), Tensor(y)))
    for tensor, values in seen:
        numpy.testing.assert_array_equal(tensor.numpy(), values)
    numpy.testing.assert_array_equal(state.numpy(), total)


def test_steps_without_fixed_arrays_are_refused():
    x = Tensor(numpy.ones(3, numpy.float32)).realize()
    variable = Variable("count", 1, 3)
    symbolic = jit(lambda x, count: x[:count] + 1)
    given = jit(lambda x: (x + 1, x))
    for _ in range(CALLS_TO_CAPTURE):
        given(x)
        symbolic(x, BoundVariable(variable, 3))
    with pytest.raises(CaptureError, match="symbols"):
        symbolic.bind(x, BoundVariable(variable, 2))
    bound = given.bind(x)
    assert bound is not None
    assert len(bound.outputs) == 1

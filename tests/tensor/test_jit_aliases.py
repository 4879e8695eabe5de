"""What shares memory with what a replay reads, writes or returns keeps its value."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor
from tilegrad.tensor.jit import Jit, jit
from tilegrad.tensor.size import Variable

CALLS = 6


def full(value: float, *shape: int) -> Tensor:
    return Tensor(numpy.full(shape or (2, 3), value, numpy.float32)).realize()


def first(tensor: Tensor) -> float:
    return float(tensor.numpy().ravel()[0])


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=3, max_size=9))
@settings(max_examples=40, deadline=None)
def test_arguments_that_share_memory_are_another_capture(calls: list[list[int]]) -> None:
    """Whichever of them are the same tensor or views of it, in whatever order of calls."""
    arrays = [numpy.arange(4, dtype=numpy.float32) + 10 * number for number in range(3)]
    tensors = [Tensor(array).realize() for array in arrays]

    @jit
    def step(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        total = x - 2 * y + 4 * z
        return total, y.assign(y + 1)

    for number, (x, y, z) in enumerate(calls):
        expected = arrays[x] - 2 * arrays[y] + 4 * arrays[z]
        view = tensors[z].reshape(2, 2).reshape(4) if number % 2 else tensors[z]
        total, _ = step(tensors[x], tensors[y], view)
        arrays[y] = arrays[y] + 1
        numpy.testing.assert_array_equal(total.numpy(), expected)
        for tensor, array in zip(tensors, arrays, strict=True):
            numpy.testing.assert_array_equal(tensor.numpy(), array)


def test_a_view_of_an_argument_is_one_of_the_replays_argument() -> None:
    step = jit(lambda x: x.reshape(3, 2))
    results = [step(full(number)) for number in range(CALLS)]
    assert [first(one) for one in results] == list(range(CALLS))
    assert results[-1].shape == (3, 2)


def test_an_argument_that_is_returned_is_the_replays_own() -> None:
    step = jit(lambda x, y: (y, x + y))
    for number in range(CALLS):
        given = full(number)
        returned, total = step(full(1), given)
        assert returned is given
        assert first(total) == number + 1


@pytest.mark.parametrize("is_view", [False, True])
def test_results_that_share_memory_do_so_in_replays(is_view: bool) -> None:
    def pair(x: Tensor) -> tuple[Tensor, Tensor]:
        doubled = x * 2
        return doubled, doubled.reshape(6) if is_view else doubled

    step = jit(pair)
    for number in range(CALLS):
        assert [first(one) for one in step(full(number))] == [2 * number, 2 * number]


def test_a_result_that_lies_outside_is_found_there() -> None:
    outside = full(7)
    step = jit(lambda x: (x + 1, outside.reshape(6), outside))
    for number in range(CALLS):
        total, view, same = step(full(number))
        assert (first(total), first(view)) == (number + 1, 7)
        assert same is outside


def counting() -> tuple[Tensor, Jit[[Tensor], Tensor]]:
    """Return a tensor, and a step that adds to it and returns a view of it."""
    total = full(0)

    @jit
    def step(x: Tensor) -> Tensor:
        total.assign(total + x).realize()
        return total.reshape(6)

    return total, step


def test_views_of_what_is_overwritten_keep_their_values() -> None:
    total, step = counting()
    returned, realised, lazy = [], [], []
    for _ in range(CALLS):
        returned.append(step(full(1)))
        realised.append(total.reshape(6).realize())
        lazy.append(total.reshape(3, 2) * 10)
    expected = [float(number) for number in range(1, CALLS + 1)]
    assert [first(one) for one in returned] == expected
    assert [first(one) for one in realised] == expected
    assert [first(one) for one in lazy] == [10 * value for value in expected]
    assert first(total) == CALLS


def test_an_argument_that_is_overwritten_changes_and_nothing_else() -> None:
    @jit
    def step(x: Tensor) -> Tensor:
        x += 1
        return x.sum()

    one, other = full(0), full(100)
    realised, lazy = [], []
    for _ in range(CALLS):
        step(one)
        realised.append(one.reshape(6).realize())
        lazy.append(one * 10)
        step(other)
    expected = [float(number) for number in range(1, CALLS + 1)]
    assert [first(view) for view in realised] == expected
    assert [first(value) for value in lazy] == [10 * value for value in expected]
    assert (first(one), first(other)) == (CALLS, 100 + CALLS)


def test_what_waits_to_be_assigned_is_assigned_before_a_replay_reads_it() -> None:
    total, step = counting()
    factor = full(1)
    scaled = jit(lambda x: x * factor)
    for number in range(CALLS):
        factor.assign(full(number))  # not realised
        assert first(scaled(full(2))) == 2 * number
        total += 10  # nor is this
        step(full(1))
        assert first(total) == 11 * (number + 1)


def test_results_have_the_sizes_of_each_replay() -> None:
    n = Variable("n", 1, 32)
    step = jit(lambda x, n: (x.shrink(((0, n),)) * 2, x.shrink(((0, 2 * n),)).reshape(2, n)))
    array = numpy.arange(32, dtype=numpy.float32)
    for size in (3, 4, 5, 9, 1):
        doubled, pair = step(Tensor(array).realize(), n.bind(size))
        numpy.testing.assert_array_equal(doubled.numpy(), 2 * array[:size])
        numpy.testing.assert_array_equal(pair.numpy(), array[: 2 * size].reshape(2, size))


@pytest.mark.parametrize("first", ["same", "other"])
def test_another_tensor_of_the_memory_that_is_written_keeps_its_value(first: str) -> None:
    """A step captured with one tensor twice is no step for two tensors of one memory."""

    def move(x: Tensor, y: Tensor) -> Tensor:
        x[1:3] = y[0:2] * 3
        return x.sum()

    step = jit(move)
    values = numpy.arange(8, dtype=numpy.float32).reshape(4, 2)
    expected = values.copy()
    expected[1:3] = values[0:2] * 3
    for kind in (first, first, first, "other", "other"):
        written = Tensor(values).realize()
        kept = written.detach()
        total = step(written, written if kind == "same" else kept)
        assert (total.item(), written.tolist()) == (expected.sum(), expected.tolist())
        assert kept.tolist() == values.tolist()

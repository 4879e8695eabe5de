"""Captured functions: replays give what calls give, and what cannot be replayed is refused."""

from __future__ import annotations

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.base.errors import CaptureError
from tilegrad.base.events import KernelLaunched
from tilegrad.engine import current_session
from tilegrad.tensor.jit import jit
from tilegrad.tensor.size import BoundVariable, Variable


def array(*shape: int, seed: int = 0) -> numpy.ndarray:
    return numpy.random.default_rng(seed).standard_normal(shape).astype(numpy.float32)


def test_replays_use_the_new_arguments() -> None:
    weight = Tensor(array(16, 4)).realize()
    function = jit(lambda x: (x @ weight).relu().sum(axis=0))
    for seed in range(5):
        x = array(8, 16, seed=seed)
        expected = numpy.maximum(x @ weight.numpy(), 0).sum(0)
        numpy.testing.assert_allclose(function(Tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert len(function.captured) == 1


def test_results_of_earlier_replays_keep_their_values() -> None:
    function = jit(lambda x: x * 2)
    results = [function(Tensor(array(100, seed=seed))) for seed in range(6)]
    for seed, result in enumerate(results):
        numpy.testing.assert_array_equal(result.numpy(), array(100, seed=seed) * 2)


def test_what_only_garbage_holds_is_not_computed() -> None:
    def call(x: Tensor) -> Tensor:
        circle: list[object] = [x.reshape(10, 100).T.exp().sum(1)]
        circle.append(circle)
        return x * 2

    function, x = jit(call), Tensor(array(1000)).realize()
    for _ in range(3):
        with current_session().trace.record() as recording:
            result = function(x)
        assert len(recording.find(KernelLaunched)) == 1
        numpy.testing.assert_array_equal(result.numpy(), array(1000) * 2)


def test_training_step_updates_its_parameter_at_every_replay() -> None:
    weight = Tensor(array(16, 4), requires_grad=True).realize()
    x = Tensor(array(8, 16, seed=1)).realize()

    @jit
    def step(x: Tensor) -> Tensor:
        loss = ((x @ weight) ** 2).mean()
        (gradient,) = loss.gradient(weight)
        weight.assign(weight - 0.1 * gradient)
        return loss

    expected = weight.numpy()
    for _ in range(6):
        product = x.numpy() @ expected
        loss = step(x)
        numpy.testing.assert_allclose(loss.numpy(), (product**2).mean(), rtol=1e-4)
        expected = expected - 0.1 * x.numpy().T @ (2 * product / product.size)
        numpy.testing.assert_allclose(weight.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_other_shapes_and_numbers_are_other_captures() -> None:
    function = jit(lambda x, factor: x * factor)
    for size in (3, 5):
        for factor in (2, 3):
            for _ in range(3):
                x = array(size)
                numpy.testing.assert_array_equal(function(Tensor(x), factor).numpy(), x * factor)
    assert len(function.captured) == 4


def test_other_nesting_is_another_capture() -> None:
    def weigh(first: object, second: object) -> Tensor:
        one = first if isinstance(first, Tensor) else first[0] * 2 + first[1]
        two = second if isinstance(second, Tensor) else second["x"] * 5 + second["y"]
        return one - two

    function = jit(weigh)
    a, b, c = (Tensor([float(number)]) for number in (1, 2, 4))
    for _ in range(3):
        assert function((a, b), c).item() == 2 + 2 - 4
        assert function(a, {"x": b, "y": c}).item() == 1 - 14
        assert function(a, {"y": b, "x": c}).item() == 1 - 22
    assert len(function.captured) == 3


def test_zeros_of_either_sign_are_other_captures_and_nan_is_one() -> None:
    function = jit(lambda x, factor: 1 / (x * factor))
    for factor, expected in ((0.0, numpy.inf), (-0.0, -numpy.inf), (numpy.nan, numpy.nan)):
        for _ in range(3):
            factor = float(str(factor))  # noqa: PLW2901, another object of the same value
            numpy.testing.assert_equal(function(Tensor([1.0]), factor).item(), expected)
    assert len(function.captured) == 3


def test_results_keep_their_form() -> None:
    function = jit(lambda x: {"double": x * 2, "parts": (x + 1, [x - 1]), "name": "x"})
    for seed in range(4):
        x = array(7, seed=seed)
        result = function(Tensor(x))
        numpy.testing.assert_array_equal(result["double"].numpy(), x * 2)
        numpy.testing.assert_array_equal(result["parts"][1][0].numpy(), x - 1)
        assert result["name"] == "x"


def test_random_numbers_differ_from_replay_to_replay() -> None:
    Tensor.manual_seed(3)
    function = jit(lambda x: x + Tensor.rand(50))
    x = Tensor.zeros(50).realize()
    captured = [function(x).numpy() for _ in range(6)]
    Tensor.manual_seed(3)
    expected = [(x + Tensor.rand(50)).numpy() for _ in range(6)]
    numpy.testing.assert_array_equal(numpy.stack(captured), numpy.stack(expected))


def test_one_capture_serves_every_value_of_a_bound_variable() -> None:
    length = Variable("length", 1, 64)
    data = Tensor(array(64, 8)).realize()
    function = jit(lambda n: data[:n].exp().sum(axis=0))
    for value in (5, 17, 64, 1, 33):
        expected = numpy.exp(data.numpy()[:value]).sum(0)
        got = function(length.bind(value)).numpy()
        numpy.testing.assert_allclose(got, expected, rtol=1e-4)
    assert len(function.captured) == 1


def test_temporaries_of_a_capture_have_room_for_every_value_of_a_bound_variable() -> None:
    length = Variable("length", 1, 512)
    keys, values = (Tensor(array(512, 8)).realize() for _ in range(2))
    query = Tensor(array(3, 8)).realize()

    @jit
    def attend(query: Tensor, n: Variable) -> Tensor:
        return (query @ keys[:n].transpose(0, 1)).softmax(-1) @ values[:n]

    for count in (2, 3, 512, 100):
        scores = query.numpy() @ keys.numpy()[:count].T
        weights = numpy.exp(scores - scores.max(-1, keepdims=True))
        expected = weights / weights.sum(-1, keepdims=True) @ values.numpy()[:count]
        got = attend(query, length.bind(count)).numpy()
        numpy.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert len(attend.captured) == 1


def test_lazy_tensor_keeps_its_value_across_a_replay_that_overwrites_what_it_reads() -> None:
    state = Tensor(array(10)).realize()

    @jit
    def step() -> Tensor:
        state.assign(state + 1)
        return state.sum()

    step(), step()
    before = state.numpy()
    waiting = state * 2
    step()
    numpy.testing.assert_array_equal(waiting.numpy(), before * 2)
    numpy.testing.assert_array_equal(state.numpy(), before + 1)


def test_whoever_comes_to_share_memory_that_replays_overwrite_keeps_its_value() -> None:
    total, one = Tensor([0.0, 0.0]).realize(), Tensor([1.0, 2.0]).realize()
    add = jit(lambda x: total.assign(total + x).realize())
    for _ in range(3):
        add(one)
    view = total.reshape(2, 1).reshape(2).realize()
    old = Tensor([5.0, 5.0]).realize()
    add(one)
    old.replace(total)
    assert view.tolist() == [3.0, 6.0]
    add(one)  # with no other tensor made since
    assert old.tolist() == [4.0, 8.0]
    assert total.tolist() == [5.0, 10.0]


def test_arguments_may_be_what_a_replay_overwrites() -> None:
    total, one = Tensor([0.0, 0.0]).realize(), Tensor([1.0, 2.0]).realize()
    mixed = jit(lambda x: total.assign(total + x).realize() + x)
    for _ in range(3):
        mixed(one)
    view = total.reshape(2, 1).reshape(2).realize()
    assert mixed(view).tolist() == [9.0, 18.0]
    assert view.tolist() == [3.0, 6.0]
    assert mixed(total).tolist() == [18.0, 36.0]
    assert total.tolist() == [12.0, 24.0]
    assert mixed(one).tolist() == [14.0, 28.0]
    assert view.tolist() == [3.0, 6.0]


def test_reading_on_the_host_is_refused() -> None:
    function = jit(lambda x: x * float(x.sum().item()))
    function(Tensor(array(4)))
    with pytest.raises(CaptureError, match="read while a function was captured"):
        function(Tensor(array(4)))


def test_data_of_the_host_is_refused() -> None:
    generator = numpy.random.default_rng(0)
    function = jit(lambda x: x + Tensor(generator.standard_normal(4).astype(numpy.float32)))
    function(Tensor(array(4)))
    with pytest.raises(CaptureError, match="host's data"):
        function(Tensor(array(4)))


def test_unhashable_argument_is_refused() -> None:
    with pytest.raises(CaptureError, match="pass arrays as tensors"):
        jit(lambda x: x)(numpy.zeros(3))


def test_a_realised_tensor_of_symbolic_size_is_not_computed_with() -> None:
    length = Variable("length", 1, 64)
    values = Tensor(numpy.arange(64, dtype=numpy.float32)).realize()

    @jit
    def total(x: Tensor, n: BoundVariable) -> Tensor:
        doubled = (x[:n] * 2).realize()
        return (doubled + 1).sum()

    assert total(values, length.bind(3)).item() == 9
    with pytest.raises(CaptureError, match="symbolic size"):
        total(values, length.bind(5))


def test_capture_does_not_hold_what_the_function_lets_go_of():
    allocator = current_session().compiled("cpu").device.allocator
    kept: list[Tensor | None] = [None]

    @jit
    def step(x):
        kept[0] = None
        kept[0] = (x * 2).contiguous()
        return (x * 3).sum()

    x = Tensor.ones(1 << 20).contiguous().realize()
    step(x)
    before = allocator.statistics().live
    step(x)
    assert allocator.statistics().live < before + (1 << 20)

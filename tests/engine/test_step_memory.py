"""What a captured step leaves behind lies where its temporaries were, and nobody notices."""

from __future__ import annotations

from collections.abc import Callable

import numpy
from hypothesis import given
from hypothesis import strategies as st

from tilegrad import Tensor
from tilegrad.engine import current_session
from tilegrad.tensor.jit import Jit, jit

WIDTH, ROWS = 32, 48


class Perceptron:
    """Square layers without biases, whose gradients stay in ``grad``."""

    def __init__(self, layers: int, width: int = WIDTH) -> None:
        generator = numpy.random.default_rng(layers)
        shape = (layers, width, width)
        self.values = (generator.standard_normal(shape) * width**-0.5).astype(numpy.float32)
        self.weights = [Tensor(one, requires_grad=True).realize() for one in self.values]

    def differentiate(self, x: Tensor) -> Tensor:
        for weight in self.weights:
            weight.grad = None
        value = x
        for weight in self.weights:
            value = (value @ weight).tanh()
        loss = (value * value).sum()
        loss.backward()
        return loss.detach()

    def expect(self, x: numpy.ndarray) -> list[numpy.ndarray]:
        """Return the gradients by NumPy, in float64."""
        inputs = [x.astype(numpy.float64)]
        for weight in self.values:
            inputs.append(numpy.tanh(inputs[-1] @ weight))
        upstream = 2 * inputs[-1]
        gradients = []
        for number in reversed(range(len(self.values))):
            upstream = upstream * (1 - inputs[number + 1] ** 2)
            gradients.insert(0, inputs[number].T @ upstream)
            upstream = upstream @ self.values[number].T
        return gradients

    def check(self, x: numpy.ndarray) -> None:
        for weight, expected in zip(self.weights, self.expect(x), strict=True):
            numpy.testing.assert_allclose(weight.grad.numpy(), expected, rtol=1e-3, atol=1e-4)


def make_input(seed: int, rows: int = ROWS, width: int = WIDTH) -> numpy.ndarray:
    return numpy.random.default_rng(seed).standard_normal((rows, width)).astype(numpy.float32)


def warm(step: Jit[[Tensor], Tensor]) -> None:
    for seed in range(3):
        step(Tensor(make_input(seed)))


def look(gradient: Tensor, how: str) -> Callable[[], numpy.ndarray]:
    """Return what gives the value that a gradient has now, later."""
    if how == "lazy":
        return (gradient + 0).numpy
    if how == "view":
        return gradient.reshape(-1).realize().reshape(WIDTH, WIDTH).numpy
    seen = numpy.asarray(gradient) if how == "lent" else gradient.numpy()
    return lambda: seen


WAYS = ("lent", "lazy", "view", "copied")


@given(st.integers(1, 4), st.lists(st.sampled_from([*WAYS, "none"]), min_size=1, max_size=5))
def test_gradients_are_those_of_the_last_replay_and_who_looked_before_keeps_what_it_saw(
    layers: int, ways: list[str]
) -> None:
    network = Perceptron(layers)
    step = jit(network.differentiate)
    warm(step)
    seen: list[tuple[Callable[[], numpy.ndarray], numpy.ndarray]] = []
    for seed, how in enumerate(ways):
        x = make_input(10 + seed)
        step(Tensor(x))
        for weight, expected in zip(network.weights, network.expect(x), strict=True):
            if how in WAYS:
                seen.append((look(weight.grad, how), expected))
        network.check(x)
    for found, expected in seen:
        numpy.testing.assert_allclose(found(), expected, rtol=1e-3, atol=1e-4)


def test_another_captured_step_reads_what_one_leaves_behind() -> None:
    network = Perceptron(3)
    step = jit(network.differentiate)
    warm(step)
    total = jit(lambda: sum(weight.grad.square().sum() for weight in network.weights))
    for seed in range(4):
        x = make_input(seed)
        step(Tensor(x))
        expected = sum((gradient**2).sum() for gradient in network.expect(x))
        numpy.testing.assert_allclose(total().numpy(), expected, rtol=1e-3)


def test_gradients_take_the_place_of_the_values_that_they_are_computed_from() -> None:
    layers, rows, width = 8, 512, 512
    network = Perceptron(layers, width)
    step = jit(network.differentiate)
    for seed in range(3):
        step(Tensor(make_input(seed, rows, width)))
    (captured,) = step.captured
    packed = sum(pack.memory.nbytes for pack in captured.packs)  # of the weights
    value, gradients = rows * width * 4, layers * width * width * 4
    assert captured.arena_bytes - packed < layers * value + gradients


def test_what_nobody_needs_any_more_at_the_peak_makes_room_first() -> None:
    rows, width, classes = 256, 256, 2048
    generator = numpy.random.default_rng(0)
    table = generator.standard_normal((width, classes)).astype(numpy.float32)
    weight = Tensor(table, requires_grad=True).realize()
    labels = Tensor(generator.integers(0, classes, rows)).realize()

    @jit
    def step(x: Tensor) -> Tensor:
        weight.grad = None
        loss = (x @ weight).cross_entropy(labels)
        loss.backward()
        return loss.detach()

    for seed in range(3):
        step(Tensor(make_input(seed, rows, width)))
    (captured,) = step.captured
    packed = sum(pack.memory.nbytes for pack in captured.packs)
    # The logits and their gradient; then the gradients of both factors in the logits' place.
    assert captured.arena_bytes - packed < 2.2 * rows * classes * 4


def test_nothing_is_kept_of_what_only_the_calls_before_needed() -> None:
    network = Perceptron(2)
    step = jit(network.differentiate)
    step(Tensor(make_input(0)))
    step(Tensor(make_input(1)))
    executor = current_session().compiled("cpu")
    assert executor is not None
    assert executor.device.allocator.statistics().kept < 1 << 20

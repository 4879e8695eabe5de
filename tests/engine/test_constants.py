"""Plans of captured steps that know what is constant: other kernels, the same results."""

from __future__ import annotations

import itertools

import numpy
from numpy.lib.stride_tricks import sliding_window_view

from tilegrad import Tensor, jit

CHANNELS, SIDE = 256, 7


def random(*shape: int, seed: int) -> numpy.ndarray:
    return numpy.random.default_rng(seed).standard_normal(shape, numpy.float32)


def convolve(x: numpy.ndarray, weight: numpy.ndarray) -> numpy.ndarray:
    windows = sliding_window_view(x.astype(float), (3, 3), (2, 3))
    return numpy.einsum("nchwij,ocij->nohw", windows, weight, optimize=True)


def test_constant_filters_are_shortened_and_follow_their_weights():
    values = random(CHANNELS, CHANNELS, 3, 3, seed=1)
    weight, other = Tensor(values).realize(), Tensor(values).realize()

    def compute(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = x.conv2d(weight)
        return x.sum(), y.relu(), y.max()

    fixed, free = jit(lambda x: compute(x, weight)), jit(compute)
    for seed in range(4):
        if seed == 3:
            weight.assign(weight * -2)
            values = values * -2
        x = random(1, CHANNELS, SIDE + 2, SIDE + 2, seed=seed)
        total, result, greatest = (one.numpy() for one in fixed(Tensor(x)))
        free(Tensor(x), other)
        expected = convolve(x, values)
        numpy.testing.assert_allclose(total, x.sum(dtype=float), atol=0.1)
        numpy.testing.assert_allclose(result, numpy.maximum(expected, 0), atol=2e-3)
        numpy.testing.assert_allclose(greatest, expected.max(), atol=2e-3)
    (known,), (unknown,) = fixed.captured, free.captured
    assert known.kernels > unknown.kernels
    assert known.packs


def test_weights_that_a_step_writes_are_not_constant():
    weight = Tensor(random(CHANNELS, CHANNELS, 3, 3, seed=1)).realize()

    def train(x: Tensor) -> Tensor:
        y = x.conv2d(weight)
        weight.assign(weight * 0.5)
        return y

    step, x = jit(train), Tensor(random(1, CHANNELS, SIDE + 2, SIDE + 2, seed=0)).realize()
    results = [step(x).numpy() for _ in range(4)]
    assert not step.captured[0].packs
    for result, half in itertools.pairwise(results):
        numpy.testing.assert_allclose(half, result / 2, atol=2e-3)

"""Every level of this machine's instruction sets computes the same formulas, by restriction."""

from __future__ import annotations

from collections.abc import Callable

import numpy
import pytest

from tilegrad import Tensor, dtypes
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.runtime.cpu.target import host_target

Array = numpy.ndarray
Formula = tuple[Callable[..., Tensor], Callable[..., Array], tuple[tuple[int, ...], ...], float]


def softmax(x: Array) -> Array:
    powers = numpy.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = query @ key.transpose(1, 2)
    hidden = Tensor.ones(*scores.shape[1:], dtype=dtypes.bool).triu(1)
    return scores.masked_fill(hidden, -float("inf")).softmax() @ value


def attend_reference(query: Array, key: Array, value: Array) -> Array:
    scores = query @ key.transpose(0, 2, 1)
    hidden = numpy.triu(numpy.ones(scores.shape[1:], bool), 1)
    return softmax(numpy.where(hidden, -numpy.inf, scores)) @ value


def narrow(a: Tensor, b: Tensor) -> Tensor:
    return a.cast(dtypes.bfloat16).matmul(b.cast(dtypes.bfloat16), dtype=dtypes.float32)


def whole(a: Tensor, b: Tensor) -> Tensor:
    return (a * 20).cast(dtypes.int8).matmul((b * 20).cast(dtypes.int8), dtype=dtypes.int32)


def whole_reference(a: Array, b: Array) -> Array:
    first, second = (numpy.trunc(x.astype(numpy.float32) * 20) for x in (a, b))
    return first @ second


def slope(x: Tensor, weight: Tensor) -> Tensor:
    return ((x @ weight).tanh() ** 2).sum().gradient(weight)[0]


def slope_reference(x: Array, weight: Array) -> Array:
    found = numpy.tanh(x @ weight)
    return x.T @ (2 * found * (1 - found**2))


def image(x: Tensor, weight: Tensor) -> Tensor:
    return x.conv2d(weight, padding=1)


def image_reference(x: Array, weight: Array) -> Array:
    padded = numpy.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    return numpy.einsum("bchwij,ocij->bohw", windows, weight)


FORMULAS: dict[str, Formula] = {
    "product": (lambda a, b: a @ b, numpy.matmul, ((150, 130), (130, 170)), 1e-4),
    "bfloat16": (narrow, numpy.matmul, ((70, 96), (96, 50)), 0.15),
    "int8": (whole, whole_reference, ((70, 96), (96, 50)), 0),
    "convolution": (image, image_reference, ((1, 16, 15, 15), (24, 16, 3, 3)), 1e-4),
    "attention": (attend, attend_reference, ((2, 90, 24),) * 3, 1e-5),
    "gradient": (slope, slope_reference, ((60, 40), (40, 33)), 1e-4),
    "softmax": (lambda x: x.softmax(), softmax, ((9, 333),), 1e-6),
}


@pytest.mark.parametrize("level", ["avx512", "avx2", "sse2"])
def test_formulas_agree_with_numpy(level: str) -> None:
    if host_target().architecture != "x86_64":
        pytest.skip("these are levels of x86-64")
    generator = numpy.random.default_rng(3)
    with Session(Settings.from_environment({"TILEGRAD_INSTRUCTION_SET": level})).entered():
        for name, (formula, reference, shapes, tolerance) in FORMULAS.items():
            arrays = [generator.standard_normal(s).astype(numpy.float32) for s in shapes]
            found = formula(*(Tensor(array).realize() for array in arrays)).numpy()
            expected = reference(*(array.astype(numpy.float64) for array in arrays))
            message = f"{name} on {level}"
            numpy.testing.assert_allclose(found, expected, tolerance, tolerance, err_msg=message)

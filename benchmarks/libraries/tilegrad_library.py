"""tilegrad itself."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata

import numpy as np

from benchmarks.libraries.library import Array, Loss, Parameters
from benchmarks.libraries.method_library import MethodLibrary
from tilegrad import Tensor, jit, nn


class TilegradLibrary(MethodLibrary):
    """tilegrad on its default device; TILEGRAD_THREADS was set before the start."""

    def versions(self) -> dict[str, str]:
        return {
            "tilegrad": metadata.version("tilegrad"),
            "llvmlite": metadata.version("llvmlite"),
            "python": platform.python_version(),
        }

    def array(self, values: np.ndarray) -> Array:
        return Tensor(values).realize()

    def wait(self, value: Array) -> None:
        value.realize()

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return jit(lambda *arrays: _realize(function(*arrays)))

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return lambda *arrays: function(*arrays).realize()

    def training_step(
        self, loss: Loss, parameters: Parameters, learning_rate: float
    ) -> Callable[..., Array]:
        optimizer = nn.optim.Adam(parameters.values(), lr=learning_rate)

        @jit
        def step(*batch: Array) -> Array:
            optimizer.zero_grad()
            value = loss(self, parameters, *batch)
            value.backward()
            optimizer.step(value)
            return value.detach()

        return step

    def batch_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        mean = x.mean((0, 2, 3))
        variance = x.var((0, 2, 3), correction=0)
        return x.batchnorm(weight, bias, mean, (variance + 1e-5).rsqrt())


def _realize(values: Array | tuple[Array, ...]) -> Array | tuple[Array, ...]:
    if isinstance(values, tuple):
        values[0].realize(*values[1:])
        return values
    return values.realize()

"""tinygrad on the CPU, which needs clang on the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib import metadata

import numpy as np
from tinygrad import Context, Tensor, TinyJit, nn
from tinygrad.helpers import NUM_CPU_THREADS

from benchmarks.libraries.library import Array, Loss, Parameters, UnsupportedError
from benchmarks.libraries.method_library import MethodLibrary


class TinygradLibrary(MethodLibrary):
    """tinygrad, without its search for faster kernels."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        if not shutil.which(os.environ["CC"]):
            raise UnsupportedError("tinygrad needs clang on the CPU, and there is none")
        NUM_CPU_THREADS.value = threads

    def versions(self) -> dict[str, str]:
        return {"tinygrad": metadata.version("tinygrad"), "compiler": os.environ["CC"]}

    def array(self, values: np.ndarray) -> Array:
        return Tensor(values.copy()).contiguous().realize()

    def wait(self, value: Array) -> None:
        value.realize()
        self._synchronize(value)

    @staticmethod
    def _synchronize(value: Array) -> None:
        from tinygrad import Device

        Device[value.device].synchronize()

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return TinyJit(lambda *arrays: self.realize(function(*arrays)))

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        def run(*arrays: Array) -> Array:
            value = function(*arrays)
            self.wait(value)
            return value

        return run

    def training_step(
        self, loss: Loss, parameters: Parameters, learning_rate: float
    ) -> Callable[..., Array]:
        optimizer = nn.optim.Adam(list(parameters.values()), lr=learning_rate)

        @TinyJit
        def step(*batch: Array) -> Array:
            with Context(TRAINING=1):
                optimizer.zero_grad()
                value = loss(self, parameters, *batch)
                value.backward()
                return value.realize(*optimizer.schedule_step())

        return step

    def batch_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        mean = x.mean((0, 2, 3))
        variance = (x - mean.detach().reshape(1, -1, 1, 1)).square().mean((0, 2, 3))
        return x.batchnorm(weight, bias, mean, (variance + 1e-5).rsqrt())

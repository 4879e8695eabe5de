"""tilegrad itself."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata

import numpy as np

from benchmarks.libraries.library import Array, Loss, Observation, Parameters, UnsupportedError
from benchmarks.libraries.method_library import MethodLibrary
from tilegrad import Tensor, jit, nn
from tilegrad.apps.explain.peaks import measure_peaks
from tilegrad.base.events import KernelLaunched, StageFinished
from tilegrad.engine import current_session
from tilegrad.runtime.cpu.device import CpuDevice


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
        return jit(lambda *arrays: self.realize(function(*arrays)))

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return lambda *arrays: function(*arrays).realize()

    def observe(self, call: Callable[[], Array]) -> tuple[Array, Observation | None]:
        with current_session().trace.record() as recording:
            value = call()
        stages: dict[str, float] = {}
        for stage in recording.find(StageFinished):
            stages[stage.name] = stages.get(stage.name, 0.0) + stage.seconds
        launches = recording.find(KernelLaunched)
        operations = sum(each.operations for each in launches)
        return value, Observation(stages, operations, sum(each.moved_bytes for each in launches))

    def peaks(self) -> tuple[float, float]:
        session = current_session()
        executor = session.compiled("cpu")
        if executor is None or not isinstance(executor.device, CpuDevice):
            raise UnsupportedError("compiles nothing here")
        peaks = measure_peaks(session, executor.device.target.vector_bits, self.threads)
        return peaks.operations_per_second, peaks.bytes_per_second

    def gelu(self, x: Array) -> Array:
        return x.gelu(approximate="tanh")

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

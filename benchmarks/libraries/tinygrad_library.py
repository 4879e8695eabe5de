"""tinygrad on the CPU, which needs clang on the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from importlib import metadata

import numpy as np
from tinygrad import Context, Tensor, TinyJit, nn
from tinygrad.helpers import NUM_CPU_THREADS

from benchmarks.libraries.library import Array, Library, Loss, Parameters, UnsupportedError


class TinygradLibrary(Library):
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

    def to_numpy(self, value: Array) -> np.ndarray:
        return value.numpy()

    def wait(self, value: Array) -> None:
        value.realize()
        self._synchronize(value)

    @staticmethod
    def _synchronize(value: Array) -> None:
        from tinygrad import Device

        Device[value.device].synchronize()

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return TinyJit(lambda *arrays: function(*arrays).realize())

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

    def exp(self, x: Array) -> Array:
        return x.exp()

    def maximum(self, x: Array, other: float) -> Array:
        return x.relu() if other == 0 else x.maximum(other)

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return x.sum(axis)

    def mean(self, x: Array, axes: tuple[int, ...]) -> Array:
        return x.mean(axes)

    def permute(self, x: Array, order: tuple[int, ...]) -> Array:
        return x.permute(order)

    def softmax(self, x: Array) -> Array:
        return x.softmax(-1)

    def layer_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        return x.layernorm() * weight + bias

    def gelu(self, x: Array) -> Array:
        return x.gelu()

    def conv2d(self, x: Array, weight: Array, stride: int = 1, padding: int = 0) -> Array:
        return x.conv2d(weight, stride=stride, padding=padding)

    def max_pool2d(self, x: Array, size: int, stride: int, padding: int = 0) -> Array:
        return x.max_pool2d((size, size), stride, padding=padding)

    def batch_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        mean = x.mean((0, 2, 3))
        variance = (x - mean.detach().reshape(1, -1, 1, 1)).square().mean((0, 2, 3))
        return x.batchnorm(weight, bias, mean, (variance + 1e-5).rsqrt())

    def attention(self, query: Array, key: Array, value: Array) -> Array:
        return query.scaled_dot_product_attention(key, value, is_causal=True)

    def cross_entropy(self, logits: Array, labels: Array) -> Array:
        return logits.sparse_categorical_crossentropy(labels)

    def gradient(self, function: Callable[[Array], Array], x: Array, seed: Array) -> Array:
        return function(x).gradient(x, gradient=seed)[0]

    def tanh(self, x: Array) -> Array:
        return x.tanh()

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        return parts[0].cat(*parts[1:], dim=axis)

    def sort(self, x: Array) -> Array:
        return x.sort(-1)[0]

    def top_k(self, x: Array, count: int) -> Array:
        return x.topk(count)[0]

    def log_softmax(self, x: Array) -> Array:
        return x.log_softmax(-1)

    def rms_norm(self, x: Array, weight: Array) -> Array:
        return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * weight

"""NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.libraries.library import Array, Library, UnsupportedError


class NumpyLibrary(Library):
    """NumPy, with the BLAS that it comes with."""

    def versions(self) -> dict[str, str]:
        blas = np.show_config("dicts")["Build Dependencies"]["blas"]
        return {"numpy": np.__version__, blas["name"]: blas["version"]}

    def array(self, values: np.ndarray) -> Array:
        return values.copy()

    def cast(self, x: Array, dtype: str) -> Array:
        if dtype == "bfloat16":
            raise UnsupportedError("has no bfloat16")
        return x.astype(dtype)

    def to_numpy(self, value: Array) -> np.ndarray:
        return np.asarray(value)

    def wait(self, value: Array) -> None:
        pass

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return function

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return function

    def exp(self, x: Array) -> Array:
        return np.exp(x)

    def maximum(self, x: Array, other: float) -> Array:
        return np.maximum(x, x.dtype.type(other))

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return x.sum(axis)

    def mean(self, x: Array, axes: tuple[int, ...]) -> Array:
        return x.mean(axes)

    def permute(self, x: Array, order: tuple[int, ...]) -> Array:
        return x.transpose(order)

    def softmax(self, x: Array) -> Array:
        powers = np.exp(x - x.max(-1, keepdims=True))
        powers /= powers.sum(-1, keepdims=True)
        return powers

    def layer_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        variance = np.square(centred).mean(-1, keepdims=True)
        return centred / np.sqrt(variance + np.float32(1e-5)) * weight + bias

    def tanh(self, x: Array) -> Array:
        return np.tanh(x)

    def copy(self, x: Array) -> Array:
        return np.ascontiguousarray(x)

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        return np.concatenate(list(parts), axis)

    def sort(self, x: Array) -> Array:
        return np.sort(x)

    def top_k(self, x: Array, count: int) -> Array:
        return -np.sort(np.partition(-x, count - 1)[..., :count])

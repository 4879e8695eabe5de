"""Libraries whose tensors have methods of the names that tinygrad gave them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.libraries.library import Array, Library


class MethodLibrary(Library):
    """What tilegrad and tinygrad are asked for in the same words."""

    @staticmethod
    def realize(values: Array | tuple[Array, ...]) -> Array | tuple[Array, ...]:
        """Return one tensor or several, computed."""
        if isinstance(values, tuple):
            values[0].realize(*values[1:])
            return values
        return values.realize()

    def cast(self, x: Array, dtype: str) -> Array:
        return x.cast(dtype)

    def to_numpy(self, value: Array) -> np.ndarray:
        return (value.cast("float32") if "bf" in str(value.dtype) else value).numpy()

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

    def conv2d(
        self,
        x: Array,
        weight: Array,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        dilation: int = 1,
    ) -> Array:
        return x.conv2d(weight, None, groups, stride, dilation, padding)

    def max_pool2d(self, x: Array, size: int, stride: int, padding: int = 0) -> Array:
        return x.max_pool2d((size, size), stride, padding=padding)

    def attention(self, query: Array, key: Array, value: Array, *, is_causal: bool = True) -> Array:
        return query.scaled_dot_product_attention(key, value, is_causal=is_causal)

    def multiply_integers(self, a: Array, b: Array) -> Array:
        return a.matmul(b, dtype="int32")

    def cross_entropy(self, logits: Array, labels: Array) -> Array:
        return logits.sparse_categorical_crossentropy(labels)

    def gradients(
        self, function: Callable[..., Array], operands: Sequence[Array], seed: Array
    ) -> tuple[Array, ...]:
        return tuple(function(*operands).gradient(*operands, gradient=seed))

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

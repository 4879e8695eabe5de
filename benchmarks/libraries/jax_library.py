"""JAX on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp

from benchmarks.libraries.library import Array, Library, Loss, Parameters


class JaxLibrary(Library):
    """JAX, everything through its compiler."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        # By default only what takes long to compile is kept.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__}

    def array(self, values: np.ndarray) -> Array:
        return jnp.array(values)

    def cast(self, x: Array, dtype: str) -> Array:
        return x.astype(dtype)

    def to_numpy(self, value: Array) -> np.ndarray:
        return np.asarray(value.astype("float32") if value.dtype == jnp.bfloat16 else value)

    def wait(self, value: Array) -> None:
        jax.block_until_ready(value)

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return jax.jit(function)

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return lambda *arrays: jax.block_until_ready(function(*arrays))

    def training_step(
        self, loss: Loss, parameters: Parameters, learning_rate: float
    ) -> Callable[..., Array]:
        gradient = jax.value_and_grad(lambda weights, *batch: loss(self, weights, *batch))
        first, second, epsilon = 0.9, 0.999, 1e-8

        def update(weights: Parameters, state: Array, *batch: Array) -> tuple[Array, Array, Array]:
            count, means, squares = state
            value, slopes = gradient(weights, *batch)
            count += 1
            means = jax.tree.map(lambda m, g: first * m + (1 - first) * g, means, slopes)
            squares = jax.tree.map(lambda s, g: second * s + (1 - second) * g * g, squares, slopes)
            rate = learning_rate * jnp.sqrt(1 - second**count) / (1 - first**count)
            weights = jax.tree.map(
                lambda w, m, s: w - rate * m / (jnp.sqrt(s) + epsilon), weights, means, squares
            )
            return weights, (count, means, squares), value

        compiled = jax.jit(update, donate_argnums=(0, 1))
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        state = (jnp.float32(0), zeros, jax.tree.map(jnp.zeros_like, parameters))
        held = [dict(parameters), state]

        def step(*batch: Array) -> Array:
            held[0], held[1], value = compiled(held[0], held[1], *batch)
            return value

        return step

    def exp(self, x: Array) -> Array:
        return jnp.exp(x)

    def maximum(self, x: Array, other: float) -> Array:
        return jnp.maximum(x, other)

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return x.sum(axis)

    def mean(self, x: Array, axes: tuple[int, ...]) -> Array:
        return x.mean(axes)

    def permute(self, x: Array, order: tuple[int, ...]) -> Array:
        return x.transpose(order)

    def softmax(self, x: Array) -> Array:
        return jax.nn.softmax(x)

    def layer_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        mean = x.mean(-1, keepdims=True)
        variance = x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * weight + bias

    def gelu(self, x: Array) -> Array:
        return jax.nn.gelu(x, approximate=True)

    def conv2d(
        self,
        x: Array,
        weight: Array,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        dilation: int = 1,
    ) -> Array:
        return jax.lax.conv_general_dilated(
            x,
            weight,
            (stride, stride),
            [(padding, padding)] * 2,
            rhs_dilation=(dilation, dilation),
            feature_group_count=groups,
        )

    def max_pool2d(self, x: Array, size: int, stride: int, padding: int = 0) -> Array:
        window, strides = (1, 1, size, size), (1, 1, stride, stride)
        sides = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, sides)

    def batch_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        mean = x.mean((0, 2, 3), keepdims=True)
        variance = x.var((0, 2, 3), keepdims=True)
        scale = weight.reshape(1, -1, 1, 1) * jax.lax.rsqrt(variance + 1e-5)
        return (x - mean) * scale + bias.reshape(1, -1, 1, 1)

    def attention(self, query: Array, key: Array, value: Array, *, is_causal: bool = True) -> Array:
        swapped = (x.transpose(0, 2, 1, 3) for x in (query, key, value))
        return jax.nn.dot_product_attention(*swapped, is_causal=is_causal).transpose(0, 2, 1, 3)

    def multiply_integers(self, a: Array, b: Array) -> Array:
        return jnp.matmul(a, b, preferred_element_type=jnp.int32)

    def cross_entropy(self, logits: Array, labels: Array) -> Array:
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -chosen.mean()

    def gradients(
        self, function: Callable[..., Array], operands: Sequence[Array], seed: Array
    ) -> tuple[Array, ...]:
        return jax.vjp(function, *operands)[1](seed)

    def tanh(self, x: Array) -> Array:
        return jnp.tanh(x)

    def copy(self, x: Array) -> Array:
        return x.copy()

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        return jnp.concatenate(parts, axis)

    def sort(self, x: Array) -> Array:
        return jnp.sort(x)

    def top_k(self, x: Array, count: int) -> Array:
        return jax.lax.top_k(x, count)[0]

    def log_softmax(self, x: Array) -> Array:
        return jax.nn.log_softmax(x)

    def rms_norm(self, x: Array, weight: Array) -> Array:
        return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-5) * weight

"""Kernels along rows: softmax with its gradient, and layer norm.

A row that fits into a tile is read once: the instance holds it. Its length is known when the kernel
is written; rows of tens of thousands of elements want a loop, as in ``scan``.
"""

from __future__ import annotations

from tilegrad import Tensor, kernel
from tilegrad import language as tl
from tilegrad.base.errors import GradientError
from tilegrad.language import Array, KernelBuilder


@kernel
def softmax(build: KernelBuilder, x: Array) -> Array:
    """Return exp(x − max) / Σ exp(x − max) along the last axis of a matrix."""
    y = build.output(x.shape, x.dtype)
    row = build.grid(x.shape[0])
    value = x[row, :].cast(tl.accumulator_of(x.dtype))
    powers = tl.exp(value - value.max())
    y[row, :] = (powers * (1 / powers.sum())).cast(y.dtype)
    return y


@kernel
def softmax_backward(build: KernelBuilder, y: Array, upstream: Array) -> Array:
    """Return y · (g − Σ g·y) along the last axis, for the result y and its gradient g."""
    gradient = build.output(y.shape, y.dtype)
    row, wide = build.grid(y.shape[0]), tl.accumulator_of(y.dtype)
    value, given = y[row, :].cast(wide), upstream[row, :].cast(wide)
    gradient[row, :] = (value * (given - (value * given).sum())).cast(y.dtype)
    return gradient


@softmax.gradient
def _softmax_gradient(upstream: Tensor, result: Tensor, x: Tensor) -> Tensor:
    del x
    return softmax_backward(result, upstream)


@kernel
def layer_norm(
    build: KernelBuilder, x: Array, weight: Array, bias: Array, *, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Return (x − mean)·scale·weight + bias along the last axis, mean and scale = 1 / √(σ² + ε)."""
    (rows, columns), wide = x.shape, tl.accumulator_of(x.dtype)
    y = build.output(x.shape, x.dtype)
    means, scales = build.output(rows, wide), build.output(rows, wide)
    row = build.grid(rows)
    value = x[row, :].cast(wide)
    mean = value.sum() / columns
    centred = value - mean
    scale = tl.rsqrt((centred * centred).sum() / columns + epsilon)
    result = centred * scale * weight[:].cast(wide) + bias[:].cast(wide)
    y[row, :] = result.cast(y.dtype)
    means[row], scales[row] = mean, scale
    return y, means, scales


@kernel
def layer_norm_backward(
    build: KernelBuilder,
    x: Array,
    weight: Array,
    means: Array,
    scales: Array,
    upstream: Array,
    *,
    block: int = tl.choice(64, 16),
) -> tuple[Array, Array, Array]:
    """Return the gradients by x, weight and bias.

    Those by weight and bias are sums over the rows: each instance adds up its own ``block`` rows,
    and when all have ended their parts are combined.
    """
    (rows, columns), wide = x.shape, tl.accumulator_of(x.dtype)
    by_x = build.output(x.shape, x.dtype)
    by_weight, by_bias = (build.output(columns, weight.dtype) for _ in range(2))
    count = (rows + block - 1) // block
    parts = build.workspace((2, count, columns), wide)
    instance, nothing = build.grid(count), tl.zeros(tl.known(columns), wide)
    first = instance * block
    last = tl.minimum(first + block, rows)
    factor = weight[:].cast(wide)
    with build.loop(first, last, weights=nothing, biases=nothing) as loop:
        row = loop.index
        given = upstream[row, :].cast(wide)
        normal = (x[row, :].cast(wide) - means[row]) * scales[row]
        loop.weights, loop.biases = loop.weights + given * normal, loop.biases + given
        slope = given * factor
        shift = slope.sum() + normal * (slope * normal).sum()
        by_x[row, :] = ((slope - shift / columns) * scales[row]).cast(x.dtype)
    parts[0, instance], parts[1, instance] = loop.weights, loop.biases
    with build.after_all():
        with build.loop(count, weights=nothing, biases=nothing) as loop:
            loop.weights += parts[0, loop.index]
            loop.biases += parts[1, loop.index]
        by_weight[:] = loop.weights.cast(weight.dtype)
        by_bias[:] = loop.biases.cast(weight.dtype)
    return by_x, by_weight, by_bias


@layer_norm.gradient
def _layer_norm_gradient(
    upstream: tuple[Tensor | None, ...],
    results: tuple[Tensor, ...],
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    epsilon: float,
) -> tuple[Tensor, ...]:
    del bias, epsilon
    given, *others = upstream
    if given is None or any(one is not None for one in others):
        raise GradientError(
            "the mean and scale of a layer norm are by-products",
            got="a gradient of them",
            expected="a gradient of the first result alone",
            mend="compute them from the tensor itself: x.mean(1)",
        )
    return layer_norm_backward(x, weight, *results[1:], given)

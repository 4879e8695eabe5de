"""What every adapter offers: arrays of its library, and the operations that the cases are made of.

Operators, ``reshape`` and indexing with an integer array mean the same in all libraries and are
used on their arrays directly; all else stands here. Where a library has a fused operation of its
own, such as for attention, its adapter uses it: each is measured as its users would write it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = Any
Parameters = dict[str, Array]
Loss = Callable[..., Array]


class Observation(NamedTuple):
    """What a library tells of a call.

    Attributes:
        stages: seconds by stage of its compiler.
        operations: floating-point operations.
        moved_bytes: bytes of memory behind the arguments of all kernels.
    """

    stages: dict[str, float]
    operations: float
    moved_bytes: float


class UnsupportedError(Exception):
    """A library cannot do this; the message says why."""


class Library(ABC):
    """A library; `threads` is how many it may use."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the versions of what takes part."""

    @abstractmethod
    def array(self, values: np.ndarray) -> Array:
        """Return an array in the library's memory."""

    @abstractmethod
    def cast(self, x: Array, dtype: str) -> Array:
        """Return the array in a dtype by its NumPy name, or bfloat16."""

    @abstractmethod
    def to_numpy(self, value: Array) -> np.ndarray:
        """Return an array's values; those of bfloat16 as float32."""

    @abstractmethod
    def wait(self, value: Array) -> None:
        """Return when a value has been computed."""

    @abstractmethod
    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """Return a function of arrays as the library runs it fastest again and again."""

    @abstractmethod
    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """Return a function that dispatches anew each time, and computes before it returns."""

    def observe(self, call: Callable[[], Array]) -> tuple[Array, Observation | None]:
        """Call, and return the result with what the library tells of it, if it tells anything."""
        return call(), None

    def peaks(self) -> tuple[float, float]:
        """Return the most floating-point operations and bytes that it can do in a second."""
        raise UnsupportedError("measures no peaks")

    def arrays(self, values: Mapping[str, np.ndarray]) -> Parameters:
        """Return several arrays by name."""
        return {name: self.array(value) for name, value in values.items()}

    def training_step(
        self, loss: Loss, parameters: Parameters, learning_rate: float
    ) -> Callable[..., Array]:
        """Return a step of Adam: takes the batch's arrays, changes the parameters, gives the loss.

        Args:
            loss: takes the library, the parameters by name, and the batch's arrays.
            parameters: what is learnt, by name.
            learning_rate: of Adam; its other numbers are PyTorch's defaults.
        """
        del loss, parameters, learning_rate
        raise UnsupportedError("no automatic differentiation")

    # --- operations ------------------------------------------------------------------------------

    @abstractmethod
    def exp(self, x: Array) -> Array:
        """Return e to the power of each element."""

    @abstractmethod
    def maximum(self, x: Array, other: float) -> Array:
        """Return each element, or the number where that is greater."""

    @abstractmethod
    def sum(self, x: Array, axis: int | None = None) -> Array:
        """Return the sum of all elements, or along an axis."""

    @abstractmethod
    def mean(self, x: Array, axes: tuple[int, ...]) -> Array:
        """Return the mean along axes."""

    @abstractmethod
    def permute(self, x: Array, order: tuple[int, ...]) -> Array:
        """Return the array with its axes in another order."""

    @abstractmethod
    def softmax(self, x: Array) -> Array:
        """Return the softmax along the last axis."""

    @abstractmethod
    def layer_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        """Return the layer norm along the last axis, epsilon 1e-5."""

    def gradients(
        self, function: Callable[..., Array], operands: Sequence[Array], seed: Array
    ) -> tuple[Array, ...]:
        """Return the gradients of Σ seed · function(*operands) by each operand."""
        del function, operands, seed
        raise UnsupportedError("no automatic differentiation")

    def gradient(self, function: Callable[[Array], Array], x: Array, seed: Array) -> Array:
        """Return the gradient of Σ seed · function(x) by x."""
        return self.gradients(function, (x,), seed)[0]

    def multiply_integers(self, a: Array, b: Array) -> Array:
        """Return the product of two matrices of int8 as int32."""
        del a, b
        raise UnsupportedError("has no products of bytes")

    def tanh(self, x: Array) -> Array:
        """Return the hyperbolic tangent of each element."""
        del x
        raise UnsupportedError("has no such function")

    def amax(self, x: Array, axis: int) -> Array:
        """Return the greatest elements along an axis."""
        return x.max(axis)

    def copy(self, x: Array) -> Array:
        """Return the array with its elements in row-major order."""
        return x.contiguous()

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        """Return arrays one after the other along an axis."""
        del parts, axis
        raise UnsupportedError("has no such function")

    def cumulative_sum(self, x: Array, axis: int) -> Array:
        """Return running sums along an axis."""
        return x.cumsum(axis)

    def sort(self, x: Array) -> Array:
        """Return the elements in order along the last axis."""
        del x
        raise UnsupportedError("has no such function")

    def argsort(self, x: Array) -> Array:
        """Return the positions that put the last axis in order."""
        return x.argsort(-1)

    def top_k(self, x: Array, count: int) -> Array:
        """Return the greatest elements of the last axis in order."""
        del x, count
        raise UnsupportedError("has no such function")

    def log_softmax(self, x: Array) -> Array:
        """Return the logarithm of the softmax along the last axis."""
        del x
        raise UnsupportedError("has no networks")

    def rms_norm(self, x: Array, weight: Array) -> Array:
        """Return the norm by the root of the mean square of the last axis, epsilon 1e-5."""
        del x, weight
        raise UnsupportedError("has no networks")

    def gelu(self, x: Array) -> Array:
        """Return the Gaussian error linear unit, by its approximation with tanh."""
        del x
        raise UnsupportedError("has no networks")

    def conv2d(
        self,
        x: Array,
        weight: Array,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        dilation: int = 1,
    ) -> Array:
        """Return a convolution of (batch, channels, height, width)."""
        del x, weight, stride, padding, groups, dilation
        raise UnsupportedError("has no convolution")

    def max_pool2d(self, x: Array, size: int, stride: int, padding: int = 0) -> Array:
        """Return the maxima of windows of (batch, channels, height, width)."""
        del x, size, stride, padding
        raise UnsupportedError("has no pooling")

    def batch_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        """Return the batch norm of (batch, channels, height, width) by the batch's statistics."""
        del x, weight, bias
        raise UnsupportedError("has no networks")

    def frozen_batch_norm(
        self, x: Array, weight: Array, bias: Array, mean: Array, variance: Array
    ) -> Array:
        """Return the batch norm of (batch, channels, height, width) by statistics learnt before."""
        scale = weight * (variance + 1e-5) ** -0.5
        channels = (1, -1, 1, 1)
        return (x - mean.reshape(channels)) * scale.reshape(channels) + bias.reshape(channels)

    def attention(self, query: Array, key: Array, value: Array, *, is_causal: bool = True) -> Array:
        """Return attention of (batch, heads, length, width)."""
        del query, key, value, is_causal
        raise UnsupportedError("has no networks")

    def cross_entropy(self, logits: Array, labels: Array) -> Array:
        """Return the mean cross-entropy of (count, classes) and (count,)."""
        del logits, labels
        raise UnsupportedError("has no networks")

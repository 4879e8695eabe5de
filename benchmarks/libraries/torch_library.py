"""PyTorch, eager and compiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

from benchmarks.libraries.library import Array, Library, Loss, Parameters, UnsupportedError


class TorchLibrary(Library):
    """PyTorch in eager mode."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        torch.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def array(self, values: np.ndarray) -> Array:
        return torch.from_numpy(values.copy())

    def cast(self, x: Array, dtype: str) -> Array:
        return x.to(getattr(torch, dtype))

    def to_numpy(self, value: Array) -> np.ndarray:
        return (value.float() if value.dtype == torch.bfloat16 else value).detach().numpy()

    def wait(self, value: Array) -> None:
        pass

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return torch.inference_mode()(function)

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return torch.inference_mode()(function)

    def training_step(
        self, loss: Loss, parameters: Parameters, learning_rate: float
    ) -> Callable[..., Array]:
        for parameter in parameters.values():
            parameter.requires_grad_()
        optimizer = torch.optim.Adam(parameters.values(), lr=learning_rate, fused=True)
        evaluate = self.differentiable(lambda *batch: loss(self, parameters, *batch))

        def step(*batch: Array) -> Array:
            optimizer.zero_grad()
            value = evaluate(*batch)
            value.backward()
            optimizer.step()
            return value.detach()

        return step

    def differentiable(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """Return the function as it is run forward and backward."""
        return function

    def exp(self, x: Array) -> Array:
        return x.exp()

    def maximum(self, x: Array, other: float) -> Array:
        return functional.relu(x) if other == 0 else x.clamp(min=other)

    def sum(self, x: Array, axis: int | None = None) -> Array:
        return x.sum() if axis is None else x.sum(axis)

    def mean(self, x: Array, axes: tuple[int, ...]) -> Array:
        return x.mean(axes)

    def permute(self, x: Array, order: tuple[int, ...]) -> Array:
        return x.permute(order)

    def softmax(self, x: Array) -> Array:
        return x.softmax(-1)

    def layer_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        return functional.layer_norm(x, weight.shape, weight, bias)

    def gelu(self, x: Array) -> Array:
        return functional.gelu(x, approximate="tanh")

    def conv2d(
        self,
        x: Array,
        weight: Array,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        dilation: int = 1,
    ) -> Array:
        return functional.conv2d(x, weight, None, stride, padding, dilation, groups)

    def max_pool2d(self, x: Array, size: int, stride: int, padding: int = 0) -> Array:
        return functional.max_pool2d(x, size, stride, padding)

    def batch_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        return functional.batch_norm(x, None, None, weight, bias, training=True)

    def frozen_batch_norm(
        self, x: Array, weight: Array, bias: Array, mean: Array, variance: Array
    ) -> Array:
        return functional.batch_norm(x, mean, variance, weight, bias, training=False)

    def attention(self, query: Array, key: Array, value: Array, *, is_causal: bool = True) -> Array:
        return functional.scaled_dot_product_attention(query, key, value, is_causal=is_causal)

    def multiply_integers(self, a: Array, b: Array) -> Array:
        return torch._int_mm(a, b)  # noqa: SLF001 - what PyTorch offers for it

    def cross_entropy(self, logits: Array, labels: Array) -> Array:
        return functional.cross_entropy(logits, labels)

    def gradients(
        self, function: Callable[..., Array], operands: Sequence[Array], seed: Array
    ) -> tuple[Array, ...]:
        with torch.inference_mode(mode=False), torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in operands]
            return torch.autograd.grad(function(*leaves), leaves, seed)

    def tanh(self, x: Array) -> Array:
        return x.tanh()

    def amax(self, x: Array, axis: int) -> Array:
        return x.amax(axis)

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        return torch.cat(list(parts), axis)

    def sort(self, x: Array) -> Array:
        return x.sort(-1).values

    def top_k(self, x: Array, count: int) -> Array:
        return x.topk(count).values

    def log_softmax(self, x: Array) -> Array:
        return x.log_softmax(-1)

    def rms_norm(self, x: Array, weight: Array) -> Array:
        return functional.rms_norm(x, weight.shape, weight, 1e-5)


class CompiledTorchLibrary(TorchLibrary):
    """PyTorch with its compiler, which needs a C++ compiler on the machine."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        if not any(shutil.which(program) for program in ("c++", "g++", "clang++")):
            raise UnsupportedError("torch.compile needs a C++ compiler, and there is none")

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        self._forget()
        # Not in the mode for inference, whose tensors can have no gradients.
        return torch.no_grad()(torch.compile(function, dynamic=False))

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        del function
        raise UnsupportedError("is not eager")

    def training_step(
        self, loss: Loss, parameters: Parameters, learning_rate: float
    ) -> Callable[..., Array]:
        self._forget()
        return super().training_step(loss, parameters, learning_rate)

    def differentiable(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return torch.compile(function, dynamic=False)

    @staticmethod
    def _forget() -> None:
        """Forget the cases before: after eight forms of one function nothing more is compiled."""
        torch.compiler.reset()

    @torch.compiler.disable
    def gradients(
        self, function: Callable[..., Array], operands: Sequence[Array], seed: Array
    ) -> tuple[Array, ...]:
        """Return the gradients; what is compiled is the function, forward and backward."""
        with torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in operands]
            return torch.autograd.grad(self.differentiable(function)(*leaves), leaves, seed)

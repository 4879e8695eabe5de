"""Layers that hold others or do one small thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class Sequential(Module, list[Callable[..., Any]]):
    """Layers applied one after the other. It is a list, so its tensors are called ``0.weight`` ..

    Args:
        layers: layers, or any functions of a tensor, such as ``Tensor.relu``.
    """

    def __init__(self, *layers: Callable[..., Any]) -> None:
        super().__init__(layers)

    def __call__(self, x: Any) -> Any:
        """Return what the last layer gives."""
        for layer in self:
            x = layer(x)
        return x


class Dropout(Module):
    """Zeros a random share of the elements while ``Tensor.training``, and scales up the rest.

    From N. Srivastava et al., "Dropout", 2014.

    Args:
        p: the share.
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, x: Tensor) -> Tensor:
        """Return the tensor with elements dropped."""
        return x.dropout(self.p)


class Flatten(Module):
    """Several axes made one.

    Args:
        start_dim: the first of them.
        end_dim: the last of them.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def __call__(self, x: Tensor) -> Tensor:
        """Return the flattened tensor."""
        return x.flatten(self.start_dim, self.end_dim)


class Identity(Module):
    """Gives what it gets."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the argument."""
        return x

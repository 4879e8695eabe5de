"""Layers that hold others, or tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


class ModuleList(Module, list[Any]):
    """Layers in a list; its tensors are called ``0.weight`` .. What is done with them is yours.

    Args:
        modules: the layers to begin with.
    """

    def __init__(self, modules: Iterable[Any] = ()) -> None:
        super().__init__(modules)


class ModuleDict(Module, dict[str, Any]):
    """Layers by name; its tensors are called ``name.weight`` ..

    Args:
        modules: the layers to begin with.
    """

    def __init__(self, modules: Mapping[str, Any] | None = None) -> None:
        super().__init__(modules or {})


class ParameterList(Module, list[Tensor]):
    """Tensors in a list, called ``0``, ``1`` ..

    Args:
        values: the tensors to begin with.
    """

    def __init__(self, values: Iterable[Tensor] = ()) -> None:
        super().__init__(values)


class ParameterDict(Module, dict[str, Tensor]):
    """Tensors by name.

    Args:
        values: the tensors to begin with.
    """

    def __init__(self, values: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(values or {})


class Identity(Module):
    """Gives what it gets."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the argument."""
        return x

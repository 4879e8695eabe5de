"""Layers that hold others, or tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, SupportsIndex, overload

from tilegrad.base.errors import ArgumentTypeError
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class _Layers(Module, list[Any]):
    """A list of layers, of which a part is such a list, too."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        if not isinstance(index, slice):
            return found
        part = type(self)()
        part.extend(found)
        return part


class Sequential(_Layers):
    """Layers applied one after the other. It is a list, so its tensors are called ``0.weight`` ..

    Args:
        layers: layers, or any functions of a tensor, such as ``Tensor.relu``.

    Raises:
        ArgumentTypeError: one of them cannot be called.
    """

    def __init__(self, *layers: Callable[..., Any]) -> None:
        for layer in layers:
            if not callable(layer):
                raise ArgumentTypeError(
                    "a layer cannot be called",
                    got=type(layer).__name__,
                    expected="layers, or functions of a tensor",
                    mend="pass a list as Sequential(*layers); for layers with names of their own, "
                    "define a Module that holds them as attributes",
                )
        super().__init__(layers)

    def forward(self, x: Any) -> Any:
        """Return what the last layer gives."""
        for layer in self:
            x = layer(x)
        return x


class ModuleList(_Layers):
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

    def forward(self, x: Tensor) -> Tensor:
        """Return the argument."""
        return x
